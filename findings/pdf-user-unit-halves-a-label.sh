#!/usr/bin/env bash
# The size of a label with /UserUnit depends on the library that opens it.
#
# Library: pypdf 7.1.0, pypdfium2 5.15.2 (Chrome's PDFium), PyMuPDF 2.0
# Guess:   a page's size is its MediaBox in 1/72 inch, or, where a page has /UserUnit (PDF 1.6), that times the unit;
#          either way two mature renderers agree on it, and pypdf carries it along when a page is merged on another.
# Really:  for a MediaBox of 144 x 216 with /UserUnit 2, which is a 4 x 6 inch label, MuPDF says 288 x 432 points,
#          PDFium says 144 x 216, and pypdf's mediabox says 144 x 216 with the unit apart in page.user_unit. pypdf's
#          merge_page() lays it unscaled on a 4 x 6 page: the label fills the lower left quarter.
# Matters: labels. A check of the size passes or fails by library, and a thermal printer fed through the other one
#          gets a barcode of half the size.
# Seen:    2026-11-28. Poppler's pdfinfo and pdftoppm (22.12) sided with PDFium.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check pypdf==7.1.0 pypdfium2==5.15.2
# Its dependencies are for reading layouts: large, and not used here.
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps pymupdf==2.0

"$dir/venv/bin/python" - <<'PY'
from io import BytesIO

import pymupdf
import pypdfium2
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject, NumberObject


def written(writer):
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def dark_box(data):
    """The box of what is painted, in points, as MuPDF sees it."""
    page = pymupdf.open(stream=data)[0]
    return [round(number) for number in page.get_drawings()[0]["rect"]]


writer = PdfWriter()
page = writer.add_blank_page(144, 216)
page[NameObject("/UserUnit")] = NumberObject(2)
stream = DecodedStreamObject()
stream.set_data(b"0 0 144 216 re f")
page[NameObject("/Contents")] = writer._add_object(stream)
label = written(writer)

pdfium = pypdfium2.PdfDocument(label)[0].get_size()
mupdf = pymupdf.open(stream=label)[0].rect
source = PdfReader(BytesIO(label)).pages[0]
print("PDFium:", pdfium)
print("MuPDF: ", (mupdf.width, mupdf.height))
print("pypdf: ", (source.mediabox.width, source.mediabox.height), "user_unit", source.user_unit)
assert pdfium == (144, 216)
assert (mupdf.width, mupdf.height) == (288, 432)
assert (source.mediabox.width, source.mediabox.height, source.user_unit) == (144, 216, 2)

sheet = PdfWriter()
sheet.add_blank_page(288, 432).merge_page(source)
print("painted in the label:", dark_box(label), "and after merge_page on 288 x 432:", dark_box(written(sheet)))
assert dark_box(label) == [0, 0, 288, 432]
assert dark_box(written(sheet)) == [0, 216, 144, 432]
PY
