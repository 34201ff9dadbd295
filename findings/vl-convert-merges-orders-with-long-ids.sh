#!/usr/bin/env bash
# A chart drawn from Python data lays two orders on one bar, under an id that neither has.
#
# Library: vl-convert-python 1.9.0.post1 (Vega-Lite)
# Guess:   Python has exact integers, the specification says that the id is "nominal", and no browser is involved: ids
#          are labels and stay as they are.
# Really:  the drawing is done in JavaScript inside the wheel. Ids of 19 digits become doubles before "nominal" is
#          looked at: 5761234567890123456 and ...457 are one category, 5761234567890124000, with one stacked bar. As
#          strings they are two.
# Matters: charts of SQL over a mirror, where an id column is BIGINT: totals of neighbours are added up silently, and
#          an id read from the picture finds nothing.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check vl-convert-python==1.9.0.post1

"$dir/venv/bin/python" - <<'PY'
import re

import vl_convert


def drawn(ids):
    """The ids that the bars say they have, and how many places the bars stand at."""
    svg = vl_convert.vegalite_to_svg(
        {
            "data": {"values": [{"order_id": order, "total": 10} for order in ids]},
            "mark": "bar",
            "encoding": {
                "x": {"field": "order_id", "type": "nominal"},
                "y": {"field": "total", "type": "quantitative"},
            },
        }
    )
    bars = re.findall(r'aria-label="order_id: (\d+); total: 10"[^>]* d="M([\d.]+),', svg)
    return [order for order, _ in bars], len({place for _, place in bars})


ids = [5761234567890123456, 5761234567890123457]
numbers, texts = drawn(ids), drawn(map(str, ids))
print("as numbers:", *numbers[0], "at places:", numbers[1])
print("as strings:", *texts[0], "at places:", texts[1])
assert numbers == (["5761234567890124000"] * 2, 1)
assert texts == ([str(order) for order in ids], 2)
PY
