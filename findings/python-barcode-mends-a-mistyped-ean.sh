#!/usr/bin/env bash
# An EAN with a mistyped digit is printed as the valid EAN of another article.
#
# Library: python-barcode 0.16.1
# Guess:   of 13 digits the last one is there to find a mistyped digit: a wrong number is refused, as one of wrong
#          length or with a letter in it is, and a missing check digit is worked out only where 12 are given.
# Really:  a check digit that is given is thrown away and worked out anew for EAN-13, EAN-8, UPC-A and EAN-14, whatever
#          it was. 4006381333931 with one digit wrong becomes 4006381383936: a correct code, of something else. The text
#          below the bars is the new one; nothing is raised. no_checksum=True prints what was given, without a check.
# Matters: shelf and parcel labels from a seller's list: the code scans everywhere, and the wrong article is booked out.
#          Check the digit before, for instance with python-stdnum.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check python-barcode==0.16.1 python-stdnum==2.2

"$dir/venv/bin/python" - <<'PY'
import barcode
from stdnum import ean

RIGHT, MISTYPED = "4006381333931", "4006381383931"


def draw(kind, text, **options):
    drawn = barcode.get_barcode_class(kind)(text, **options).get_fullcode()
    valid = f"valid: given {ean.is_valid(text)}, printed {ean.is_valid(drawn)}"
    print(f"{kind:6} {text:14} {str(options or ''):23} prints {drawn:14} {valid}")
    return drawn


assert draw("ean13", RIGHT) == RIGHT
assert draw("ean13", MISTYPED) == "4006381383936"
assert ean.is_valid("4006381383936") and not ean.is_valid(MISTYPED)
assert draw("ean13", MISTYPED, no_checksum=True) == MISTYPED
assert draw("upca", "036000291453") == "036000291452"
assert draw("ean8", "96385075") == "96385074"
PY
