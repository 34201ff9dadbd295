#!/usr/bin/env bash
# The barcode of a carton's 14 digits is one that no scanner knows.
#
# Library: python-barcode 0.16.1, zxing-cpp 3.1.1
# Guess:   "ean14", also named "gtin", is the barcode for GTIN-14, as "ean13" is for GTIN-13: the library checks the
#          length and works out the check digit.
# Really:  there is no barcode EAN-14. The class draws the bars of EAN-13 with one digit more, a pattern that no
#          standard has, with the digits below it in clear; nothing is raised. A GTIN-14 is printed as ITF-14 or
#          GS1-128: both of the same library are read, as is its EAN-13.
# Matters: cartons for a warehouse: the label looks like any other to the person who sticks it on.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check python-barcode==0.16.1 pillow==13.0.0 zxing-cpp==3.1.1

"$dir/venv/bin/python" - <<'PY'
import io

import barcode
import zxingcpp
from barcode.writer import ImageWriter
from PIL import Image

CARTON, ARTICLE = "12345678901231", "2345678901234"


def scan(kind, text):
    file = io.BytesIO()
    drawn = barcode.get(kind, text, writer=ImageWriter())
    drawn.write(file, {"module_width": 0.4, "quiet_zone": 10})
    read = [found.text for found in zxingcpp.read_barcodes(Image.open(file))]
    print(f"{kind:8} {text:17} prints {drawn.get_fullcode():17} reads {read}")
    return read


assert scan("ean14", CARTON) == scan("gtin", CARTON) == []
assert scan("itf", CARTON) == [CARTON]
assert scan("gs1_128", f"01{CARTON}") == [f"(01){CARTON}"]
assert scan("ean13", ARTICLE) == [ARTICLE]
PY
