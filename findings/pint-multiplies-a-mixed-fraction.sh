#!/usr/bin/env bash
# A parcel of "5 1/2 in" is 2.5 inches long, one of "5½ in" 5 inches.
#
# Library: pint 0.25.3
# Guess:   text with a number and a unit is read as people write it, as the many spellings of units suggest ("lbs",
#          "inches", "1,250 g"); what can't be read is refused, as "12x9x4 in" is.
# Really:  a space multiplies: "5 1/2 in" is 5 times 1/2 inch, "2 1/4 lb" half a pound, "1 250 g" (a thousand and more,
#          with the space of French or Swedish lists) 250 g. A fraction sign is dropped: "5½ in" is 5 inches. All keep
#          the right dimension, so to("cm") does not complain; "1/2 in", "5.5 in" and "5-1/2 in" show why a test of
#          fractions may pass or fail loudly. Of weights in two units, "1 lb 4 oz" is a product that only to() refuses.
# Matters: packages are measured in inches and halves where postage goes by size and weight: a label that is too small
#          is charged again by the carrier, with a fee. Read such text with a grammar of one's own.
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
    ("1/2 in", "in", 0.5),
    ("5.5 in", "in", 5.5),
    ("5 1/2 in", "in", 2.5),
    ("5½ in", "in", 5),
    ("2 1/4 lb", "lb", 0.5),
    ("1,250 g", "g", 1250),
    ("1 250 g", "g", 250),
]
for text, unit, expected in SEEN:
    size = read(text).to(unit).magnitude
    print(f"{text!r:11} {size:g} {unit}")
    assert abs(size - expected) < 1e-9
weight = read("1 lb 4 oz")
print(f"{'1 lb 4 oz'!r:11} {weight:g}")
assert weight == 4 * read.pound * read.ounce
try:
    print(read("5-1/2 in"))
except pint.DimensionalityError as error:
    print(f"{'5-1/2 in'!r:11} {error}")
else:
    raise SystemExit(1)
PY
