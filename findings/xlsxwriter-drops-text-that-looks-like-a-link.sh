#!/usr/bin/env bash
# XlsxWriter's write() loses text that begins like a link, and a whole cell whose link is long.
#
# Library: XlsxWriter 3.3.1
# Guess:   write() picks a method by Python type, so a str ends as that text in the cell; at most it is made
#          clickable.
# Really:  a str that starts with "internal:", "external:" or "mailto:" is taken for a link and shown without that
#          word: the note "internal: call the buyer first" becomes " call the buyer first". A URL of more than 2079
#          characters leaves the cell empty: the text goes with the link. Nothing is raised: there is a return code of
#          -3 and, for the URL, a UserWarning. write_string(), or the workbook option strings_to_urls=False, keeps
#          both.
# Matters: spreadsheets. Sellers' notes do begin with "internal:", and signed download links of labels are that long.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check openpyxl==3.1.5 xlsxwriter==3.3.1

"$dir/venv/bin/python" - <<'PY'
import warnings
from io import BytesIO

import openpyxl
import xlsxwriter

TEXTS = ["internal: call the buyer first", "mailto: see the order", "https://shop.test/label?sign=" + "0" * 2079]


def cells(**options):
    file = BytesIO()
    with warnings.catch_warnings(record=True) as warned, xlsxwriter.Workbook(file, options) as book:
        warnings.simplefilter("always")
        sheet = book.add_worksheet()
        codes = [sheet.write(row, 0, text) for row, text in enumerate(TEXTS)]
    sheet = openpyxl.load_workbook(BytesIO(file.getvalue())).active
    return [sheet.cell(row + 1, 1).value for row in range(len(TEXTS))], codes, len(warned)


shown, codes, warned = cells()
print("cells:", shown, "return codes:", codes, "warnings:", warned)
assert shown == [" call the buyer first", " see the order", None]
assert codes == [0, 0, -3]
assert warned == 1
assert cells(strings_to_urls=False) == (TEXTS, [0, 0, 0], 0)
PY
