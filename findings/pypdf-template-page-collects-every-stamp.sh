#!/usr/bin/env bash
# One template page added several times to a pypdf writer is one page content with several faces.
#
# Library: pypdf 7.1.0
# Guess:   add_page() clones: its return value is a new page object, a page of the writer, and the reader's page
#          stays as it was. So a packing slip for three orders is the template added three times, each copy stamped
#          with its own order by merge_page().
# Really:  the three page objects are distinct, but the clone of the content stream is made once and shared, and
#          merge_page() writes the stamp into that stream. All three pages show all three stamps; the number of
#          pages, their size and the file's validity betray nothing. A reader opened anew for each copy is a cure.
# Matters: labels and packing slips. Each buyer gets a slip that names the other buyers' orders.
# Seen:    2026-11-28: every page reads "SLIP", then "order-Aorder-Border-C".
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check pypdf==7.1.0

"$dir/venv/bin/python" - <<'PY'
from io import BytesIO

from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject


def text_page(text, y):
    """A file of one page that shows one text."""
    writer = PdfWriter()
    page = writer.add_blank_page(288, 432)
    font = {"/Type": NameObject("/Font"), "/Subtype": NameObject("/Type1"), "/BaseFont": NameObject("/Helvetica")}
    font = DictionaryObject({NameObject(key): value for key, value in font.items()})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F"): font})})
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F 12 Tf 20 {y} Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = writer._add_object(stream)
    file = BytesIO()
    writer.write(file)
    return file


def slips(open_template):
    """Three copies of the template, each stamped with its own order, as text read back from the written file."""
    writer = PdfWriter()
    pages = []
    for order in ("order-A", "order-B", "order-C"):
        page = writer.add_page(open_template().pages[0])
        page.merge_page(PdfReader(text_page(order, 300)).pages[0])
        pages.append(page)
    assert len({id(page) for page in pages}) == 3
    file = BytesIO()
    writer.write(file)
    return [page.extract_text() for page in PdfReader(file).pages]


template = text_page("SLIP", 400)
reader = PdfReader(template)
one, many = slips(lambda: reader), slips(lambda: PdfReader(template))
print("one reader:           ", one)
print("a reader for each copy:", many)
assert one == ["SLIP\norder-Aorder-Border-C"] * 3
assert many == ["SLIP\norder-A", "SLIP\norder-B", "SLIP\norder-C"]
PY
