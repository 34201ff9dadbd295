#!/usr/bin/env bash
# Of rows as an API gives them, polars cuts 12.5 to 12 and leaves out fields that appear after the hundredth row.
#
# Library: polars 2.1.0
# Guess:   DataFrame(rows) is strict by default, and holds a column to it: [10, ..., 12.5] raises "unexpected value". A
#          list of dicts is held to the same, and a field that some rows lack is null in these.
# Really:  for dicts (from_dicts() too) the first 100 rows decide, strict=True or not. In row 121 the cost 12.5, or
#          Decimal("12.50"), or "12.50" is 12 in a column of integers, and a field "refund" is not there: no null, no
#          column, nothing raised. infer_schema_length=None looks at all rows and keeps both; text that is no number
#          raises, so that the check seems to be on.
# Matters: orders and statements, where a page of 100 is small and the rare fields (refunds, adjustments, who
#          cancelled) are those looked for. Give a schema, or infer_schema_length=None, wherever rows come from JSON.
# Seen:    2026-11-30. pyarrow 26.0.1 Table.from_pylist takes the fields of the first row alone.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0

"$dir/venv/bin/python" - <<'PY'
from decimal import Decimal

import polars


def read(make, cost, **options):
    orders = [{"order": f"{number}", "fee": 10} for number in range(150)]
    orders[120] |= {"fee": cost, "refund": "5.00"}
    frame = make(orders, **options)
    print(f"{make.__name__:10} {cost!r:17} {str(options or ''):29}", frame["fee"][120], frame.columns)
    return frame["fee"][120], frame.columns


CUT = (12, ["order", "fee"])
assert read(polars.DataFrame, 12.5) == CUT
assert read(polars.DataFrame, Decimal("12.50")) == CUT
assert read(polars.DataFrame, "12.50") == CUT
assert read(polars.DataFrame, 12.5, strict=True) == CUT
assert read(polars.from_dicts, 12.5) == CUT
assert read(polars.DataFrame, 12.5, infer_schema_length=None) == (12.5, ["order", "fee", "refund"])

try:
    polars.DataFrame({"fee": [10] * 120 + [12.5]})
    raise SystemExit("a column of 12.5 among integers is taken")
except TypeError as error:
    print("column:", str(error).splitlines()[0])
PY
