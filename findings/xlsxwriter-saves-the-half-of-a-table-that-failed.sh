#!/usr/bin/env bash
# A `with Workbook(...)` block that ends in an error leaves a sound workbook of the rows that came before it.
#
# Library: XlsxWriter 3.3.1
# Guess:   a workbook is a ZIP archive whose directory is written last, by close(): where the rows break off with an
#          exception there is no file, or one that nothing opens, as with openpyxl, which saves only when told to.
# Really:  the block closes the workbook on its way out, whatever ended it. The exception goes on, and the file is
#          there under its final name, opens without a complaint in every reader, and holds the first rows alone,
#          even where they went to the disk row by row (constant_memory). Nothing in it says that rows are missing.
# Matters: exports of lists that are read page by page, whose third page fails. The call is told as failed, and the
#          folder holds an accountant's file that adds up to less. Write to a file object, or under another name,
#          and give it its own name after close().
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check openpyxl==3.1.5 xlsxwriter==3.3.1

cd "$dir"
"$dir/venv/bin/python" - <<'PY'
import os

import openpyxl
import xlsxwriter


def pages():
    yield [1, 2, 3]
    yield [4, 5, 6]
    raise ConnectionError("the third page did not come")


def write_xlsxwriter(name, **options):
    with xlsxwriter.Workbook(name, options) as book:
        sheet = book.add_worksheet()
        for number, amount in enumerate(amount for page in pages() for amount in page):
            sheet.write_number(number, 0, amount)


def write_openpyxl(name):
    book = openpyxl.Workbook()
    for page in pages():
        for amount in page:
            book.active.append([amount])
    book.save(name)


def rows_after(write, name, **options):
    try:
        write(name, **options)
    except ConnectionError as error:
        told = str(error)
    if not os.path.exists(name):
        return told, None
    return told, [row[0] for row in openpyxl.load_workbook(name).active.iter_rows(values_only=True)]


seen = {
    "with xlsxwriter": rows_after(write_xlsxwriter, "a.xlsx"),
    "constant_memory": rows_after(write_xlsxwriter, "b.xlsx", constant_memory=True),
    "openpyxl": rows_after(write_openpyxl, "c.xlsx"),
}
for way, (told, rows) in seen.items():
    print(f"{way:16} raised {told!r}, the file holds", rows)
assert [rows for _, rows in seen.values()] == [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], None]
PY
