#!/usr/bin/env bash
# In a long sheet the SKUs that are not numbers become null, and "00123" becomes 123.
#
# Library: polars 2.1.0 with fastexcel 0.21.0
# Guess:   cells of a workbook have types, so a text cell stays text; a column that holds both is text, as it is in a
#          sheet of ten rows. If the types are guessed from the first rows only, a later cell that does not fit raises,
#          as it does in read_csv.
# Really:  the types are guessed from the first 1000 rows. Numbers there make the column a number, and below, a text
#          that is none is null without an error or a warning, and one that looks like a number is one: "A-1" is lost
#          and "00123" is 123. With the text cell among the first 1000 rows all are text and none is lost.
#          infer_schema_length=None, or schema_overrides={"seller_sku": pl.String}, keeps them.
# Matters: costs and stock from sellers' sheets: a trial with a short file is right, and in the real one the products
#          added last have no cost, or the cost of another.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 fastexcel==0.21.0 xlsxwriter==3.3.1

"$dir/venv/bin/python" -W error - <<'PY'
import io

import polars as pl
import xlsxwriter

LAST = ["A-1", "00123"]


def read(numbers, **options):
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["seller_sku", "unit_cost"])
        for row, sku in enumerate([*range(1000, 1000 + numbers), *LAST], 1):
            sheet.write_row(row, 0, [sku, 2.5])
    seen = pl.read_excel(file, **options)["seller_sku"].to_list()[-2:]
    print(f"{numbers:5} numbers before {LAST} {str(options or ''):29} {seen}")
    return seen


assert read(10) == LAST
assert read(1500) == [None, 123]
assert read(1500, infer_schema_length=None) == LAST
assert read(1500, schema_overrides={"seller_sku": pl.String}) == LAST
try:
    pl.read_csv(io.BytesIO("\n".join(["seller_sku", *map(str, range(1500)), *LAST]).encode()))
except pl.exceptions.ComputeError as error:
    print("read_csv:", str(error).splitlines()[0])
else:
    raise SystemExit(1)
PY
