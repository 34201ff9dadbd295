#!/usr/bin/env bash
# A text cell of an .xlsx file comes back as another text, by which library wrote it and which one reads it.
#
# Library: openpyxl 3.1.5, XlsxWriter 3.3.1, python-calamine 0.9.1
# Guess:   a string is stored as XML text, so whatever XML can hold survives any writer and any reader.
# Really:  the format has an escape of its own, _xHHHH_. openpyxl does not write it and reads only the one for the
#          underscore; the others do both. The SKU "SKU_x0041_B" written by openpyxl is "SKUAB" for calamine (and for
#          SheetJS); an address with CR LF written by XlsxWriter reads as "_x000D_" plus LF in openpyxl. A file
#          written and read by the same library shows none of it, which is what a round-trip test does.
# Matters: spreadsheets of products and orders. SKUs hold underscores and x; addresses and buyers' notes from web
#          forms hold CR LF. A changed SKU no longer matches the shop.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
  openpyxl==3.1.5 xlsxwriter==3.3.1 python-calamine==0.9.1

"$dir/venv/bin/python" - <<'PY'
from io import BytesIO

import openpyxl
import xlsxwriter
from python_calamine import CalamineWorkbook

SKU, ADDRESS = "SKU_x0041_B", "Line 1\r\nLine 2"


def write_openpyxl(file):
    book = openpyxl.Workbook()
    book.active.append([SKU, ADDRESS])
    book.save(file)


def write_xlsxwriter(file):
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet().write_row(0, 0, [SKU, ADDRESS])


def read_openpyxl(file):
    return [cell.value for cell in openpyxl.load_workbook(file).active[1]]


def read_calamine(file):
    return CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()[0]


seen = {}
for write in (write_openpyxl, write_xlsxwriter):
    for read in (read_openpyxl, read_calamine):
        file = BytesIO()
        write(file)
        way = f"{write.__name__} {read.__name__}"
        seen[way] = read(BytesIO(file.getvalue()))
        print(f"{way:31}", seen[way])
assert seen == {
    "write_openpyxl read_openpyxl": [SKU, "Line 1\nLine 2"],
    "write_openpyxl read_calamine": ["SKUAB", "Line 1\nLine 2"],
    "write_xlsxwriter read_openpyxl": [SKU, "Line 1_x000D_\nLine 2"],
    "write_xlsxwriter read_calamine": [SKU, ADDRESS],
}
PY
