#!/usr/bin/env bash
# The QR code of an order number is none: it is a Micro QR code, which OpenCV's reader does not see.
#
# Library: segno 1.6.6, opencv-python-headless 5.0.0.93, zxing-cpp 3.1.1
# Guess:   segno.make("576461413038785752") draws a QR code, the smallest that holds the text.
# Really:  the smallest is a Micro QR code with one corner mark in three's place, and make() takes it wherever the text
#          fits: 18 digits of an order id do (M3), a tracking number of 22 signs does not (QR version 1), so the same
#          label template gives codes of two kinds. OpenCV finds nothing on the first and reads the second; zxing-cpp
#          reads both. make_qr() or micro=False always draws a QR code.
# Matters: packing slips and labels that are scanned by a phone or a warehouse's reader: it works in a trial with long
#          tracking numbers and fails on order ids.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
  segno==1.6.6 zxing-cpp==3.1.1 pillow==13.0.0 opencv-python-headless==5.0.0.93

"$dir/venv/bin/python" - <<'PY'
import io

import cv2
import numpy as np
import segno
import zxingcpp
from PIL import Image

ORDER, TRACKING = "576461413038785752", "JX12345678901234567890"


def scan(text, **options):
    code = segno.make(text, **options)
    file = io.BytesIO()
    code.save(file, kind="png", scale=8, border=4)
    picture = Image.open(file).convert("RGB")
    by_opencv = cv2.QRCodeDetector().detectAndDecode(np.array(picture))[0]
    (by_zxing,) = [found.text for found in zxingcpp.read_barcodes(picture)]
    print(f"{text:24}{code.designator:6} OpenCV {by_opencv!r:26} zxing-cpp {by_zxing!r}")
    return code.is_micro, by_opencv, by_zxing


assert scan(ORDER) == (True, "", ORDER)
assert scan(ORDER, micro=False) == (False, ORDER, ORDER)
assert scan(TRACKING) == (False, TRACKING, TRACKING)
PY
