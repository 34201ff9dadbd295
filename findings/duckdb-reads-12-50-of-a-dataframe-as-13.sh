#!/usr/bin/env bash
# A cost of 12.50 among whole ones becomes 13 when DuckDB reads it from a DataFrame, and 12 if it is a float.
#
# Library: duckdb 2.0.1, pandas 3.1.1
# Guess:   a column of objects is looked through before it gets a type, or a value that does not fit the type that was
#          guessed raises, as "A-1" or a number too large do: then the sample is to be made larger.
# Really:  the type is that of the sampled rows (pandas_analyze_sample, 1000), and a value outside of the sample is cast
#          to it. Into INTEGER goes Decimal("12.50") as 13, 12.5 as 12, the text "12.50" as 13; into DECIMAL(3,2) goes
#          1.005 as 1.00. Nothing is raised, and which rows are hit depends on how many there are. With a sample of all
#          rows the column is DECIMAL and every value right.
# Matters: unit costs and fees, most of them whole, from JSON or a sheet: up to 1000 rows all is well. Give such columns
#          one type before SQL is asked, by astype(str) and a CAST or by a pyarrow table.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pandas==3.1.1

"$dir/venv/bin/python" - <<'PY'
from decimal import Decimal

import duckdb
import pandas

QUESTION = "SELECT typeof(cost), max(cost) FROM costs GROUP BY 1"


def read(usual, other, rows=3000):
    column = [usual] * rows
    column[rows // 2 + 1] = other
    costs = pandas.DataFrame({"cost": pandas.Series(column, dtype=object)})
    [seen] = duckdb.sql(QUESTION).fetchall()
    print(f"{other!r:16} among {rows} of {usual!r:15}", *seen)
    return seen


assert read(5, Decimal("12.50")) == ("INTEGER", 13)
assert read(5, 12.5) == ("INTEGER", 12)
assert read(5, "12.50") == ("INTEGER", 13)
assert read(Decimal("1.00"), 1.005) == ("DECIMAL(3,2)", Decimal("1.00"))
assert read(5, Decimal("12.50"), rows=1000)[1] == Decimal("12.50")
try:
    read(5, "A-1")
    raise SystemExit("a text is read")
except duckdb.InvalidInputException as error:
    print(error)

duckdb.sql("SET pandas_analyze_sample = 3000")
assert read(5, Decimal("12.50"))[1] == Decimal("12.50")
PY
