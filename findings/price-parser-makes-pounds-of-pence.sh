#!/usr/bin/env bash
# A unit cost of 0.350 is read as 350, and a fee loses its minus sign.
#
# Library: price-parser 0.5.1
# Guess:   the separator is guessed where it is ambiguous ("1.250" may be either), but a number that begins with zero
#          can only have a decimal point: "0.350" is 0.35. And a sign before an amount is part of it.
# Really:  three digits behind the last separator make it a thousands separator, whatever stands before: "GBP 0.350" is
#          350, "0,125 €" is 125. With two digits the same text is read right, so a list of costs mixes both. "-5.00",
#          "−5.00" and the accountants' "(5.00)" are all 5.00. decimal_separator="." helps with the first.
# Matters: goods costs per piece have three or four decimals (screws, tea bags, stickers), fees and refunds are
#          negative. One such row turns a profit report over.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check price-parser==0.5.1

"$dir/venv/bin/python" - <<'PY'
from price_parser import Price


def read(text, **options):
    amount = str(Price.fromstring(text, **options).amount)
    print(f"{text!r:14} {str(options or ''):30} {amount}")
    return amount


assert [read(text) for text in ("GBP 0.35", "GBP 0.350", "GBP 0.3500")] == ["0.35", "350", "0.3500"]
assert [read(text) for text in ("0,12 €", "0,125 €")] == ["0.12", "125"]
assert read("GBP 0.350", decimal_separator=".") == "0.350"
assert [read(text) for text in ("-5.00", "\u22125.00", "(5.00)")] == ["5.00"] * 3
PY
