#!/usr/bin/env bash
# Row 1 and column A that calamine gives are not those of the sheet.
#
# Library: python-calamine 0.9.1, openpyxl 3.1.5
# Guess:   to_python() gives the sheet from A1, as openpyxl does; empty cells are empty.
# Really:  empty rows above and empty columns left of the first filled cell are left away. Under a heading of three
#          empty rows, what stands in B5 of the sheet is in the first column of the second row. Empty rows in between
#          are kept, so a sheet that begins in A1 shows none of it. skip_empty_area=False gives the sheet as it is.
# Matters: a message such as "row 2: unit_cost is no number" about a seller's file names a row that is fine.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check openpyxl==3.1.5 python-calamine==0.9.1

"$dir/venv/bin/python" - <<'PY'
from io import BytesIO

import openpyxl
from python_calamine import CalamineWorkbook

book = openpyxl.Workbook()
for cell, value in {"B4": "seller_sku", "C4": "unit_cost", "B5": "TEA-1", "C5": "two pounds", "B7": "TEA-2"}.items():
    book.active[cell] = value
file = BytesIO()
book.save(file)


def locate(rows):
    (place,) = [(y, x) for y, row in enumerate(rows, 1) for x, value in enumerate(row, 1) if value == "two pounds"]
    return place


sheet = CalamineWorkbook.from_filelike(BytesIO(file.getvalue())).get_sheet_by_index(0)
places = {
    "openpyxl": locate(openpyxl.load_workbook(BytesIO(file.getvalue())).active.values),
    "calamine": locate(sheet.to_python()),
    "calamine, skip_empty_area=False": locate(sheet.to_python(skip_empty_area=False)),
}
for reader, place in places.items():
    print(f"{reader:32} row {place[0]}, column {place[1]}")
assert places == {"openpyxl": (5, 3), "calamine": (2, 2), "calamine, skip_empty_area=False": (5, 3)}
PY
