#!/usr/bin/env bash
# A GS1 label with its brackets encoded as data looks right to the scan that checks it.
#
# Library: python-barcode 0.16.1, zxing-cpp 3.1.1, biip 5.2.0
# Guess:   "(01)04006381333931(17)271130(10)ABC123" is how GS1 writes an element string for people, and gs1_128 takes it
#          as such: it knows the format. And a mistake would show where the printed code is read back and compared.
# Really:  gs1_128 puts FNC1 in front and encodes the text as it stands, brackets included. zxing-cpp's text shows a GS1
#          code for people, with brackets that it adds, and where these are in the data, it shows the same text: the
#          wrong label and the right one read alike. Their bytes differ, and a parser of GS1 finds no article number in
#          the wrong one. The right input has no brackets.
# Matters: labels for a marketplace's warehouse. A check by scanning passes, and the carton is refused at the gate.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
  python-barcode==0.16.1 pillow==13.0.0 zxing-cpp==3.1.1 biip==5.2.0

"$dir/venv/bin/python" - <<'PY'
import io

import barcode
import biip
import zxingcpp
from barcode.writer import ImageWriter
from PIL import Image

FOR_PEOPLE = "(01)04006381333931(17)271130(10)ABC123"
AS_DATA = "01040063813339311727113010ABC123"


def scan(text):
    file = io.BytesIO()
    barcode.get("gs1_128", text, writer=ImageWriter()).write(file)
    (found,) = zxingcpp.read_barcodes(Image.open(file))
    gtin = biip.parse(found.symbology_identifier + found.bytes.decode()).gtin
    print(f"{text:39} text {found.text:39} bytes {found.bytes.decode():39} GTIN {gtin and gtin.value}")
    return found.text, found.bytes, gtin and gtin.value


assert scan(FOR_PEOPLE) == (FOR_PEOPLE, FOR_PEOPLE.encode(), None)
assert scan(AS_DATA) == (FOR_PEOPLE, AS_DATA.encode(), "04006381333931")
PY
