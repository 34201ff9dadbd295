#!/usr/bin/env bash
# A jar of "500 gr" weighs 32 grams, one of "1,25 kg" 125 kilograms.
#
# Library: pint 0.25.3
# Guess:   "gr" is gram, as it stands on packs and in product data from Jakarta to Madrid, or it is unknown and refused,
#          as "KG" and "GRAM" are. A comma before two digits is a decimal comma or an error.
# Really:  "gr" is the grain, 64.8 mg, another unit of mass, so that no conversion complains: "500 gr" is 32.4 g. Commas
#          are taken out wherever they stand: "1,25 kg" is 125 kg, and "0,5 kg", as "05 kg", nothing. "500 g", "500
#          grams" and "1.25 kg" are read right, so of one list some rows are and some are not. "10 pcs" are parsecs.
# Matters: package weights of products by which postage is bought; a listing of 125 kg can't be shipped at all.
#          registry.define("@alias gram = gr") gives the name to the gram.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check pint==0.25.3

"$dir/venv/bin/python" - <<'PY'
import pint

read = pint.UnitRegistry()
SEEN = [
    ("500 g", 500),
    ("500 grams", 500),
    ("500 gr", 32.4),
    ("1.25 kg", 1250),
    ("1,25 kg", 125_000),
    ("0,5 kg", 0),
]
for text, expected in SEEN:
    grams = read(text).to("g").magnitude
    print(f"{text!r:12} {grams:g} g")
    assert round(grams, 1) == expected
read.define("@alias gram = gr")
print(f"{'500 gr'!r:12} {read('500 gr').to('g'):g} with the alias")
assert read("500 gr").to("g").magnitude == 500
print(f"{'10 pcs'!r:12} {read('10 pcs')}")
assert read("10 pcs").units == read.parsec
try:
    read("2 KG")
except pint.UndefinedUnitError as error:
    print(f"{'2 KG'!r:12} {error}")
else:
    raise SystemExit(1)
PY
