#!/usr/bin/env bash
# A cost that a formula works out is 0 in a file of one library and nothing in a file of another.
#
# Library: XlsxWriter 3.3.1, openpyxl 3.1.5, python-calamine 0.9.1
# Guess:   a reader gives a formula's value, or says that it has none until a spreadsheet has opened the file.
# Really:  a library that writes formulas does not work them out. XlsxWriter stores 0 as the value, which every reader
#          gives as a number; openpyxl stores none: openpyxl reads None, and calamine reads "" or, where the row holds
#          nothing else, leaves the row away. Only a spreadsheet's own saving mends it. The same sheet read without
#          data_only is the text "=B2*1.2".
# Matters: costs and stock that a script or an ERP exports with formulas and nobody opened: 0 is a valid cost, and
#          profit is too high without a word.
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

ROWS = [["seller_sku", "net", "unit_cost"], ["TEA-1", 2.5, "=B2*1.2"]]


def write_openpyxl(file, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(file)


def write_xlsxwriter(file, rows):
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)


def read_openpyxl(file):
    return [list(row) for row in openpyxl.load_workbook(file, data_only=True).active.values]


def read_calamine(file):
    return CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()


seen = {}
for write in (write_xlsxwriter, write_openpyxl):
    for read in (read_openpyxl, read_calamine):
        file = BytesIO()
        write(file, ROWS)
        way = f"{write.__name__} {read.__name__}"
        seen[way] = read(BytesIO(file.getvalue()))[1:]
        print(f"{way:31}", seen[way])
assert seen == {
    "write_xlsxwriter read_openpyxl": [["TEA-1", 2.5, 0]],
    "write_xlsxwriter read_calamine": [["TEA-1", 2.5, 0.0]],
    "write_openpyxl read_openpyxl": [["TEA-1", 2.5, None]],
    "write_openpyxl read_calamine": [["TEA-1", 2.5, ""]],
}
file = BytesIO()
write_openpyxl(file, [["unit_cost"], ["=1+1"]])
alone = read_calamine(BytesIO(file.getvalue()))
print("a formula alone in its row     ", alone)
assert alone == [["unit_cost"]]
PY
