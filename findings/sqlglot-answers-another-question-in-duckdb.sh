#!/usr/bin/env bash
# A query of SQLite's, translated for DuckDB, runs there and answers with other numbers and fewer rows.
#
# Library: sqlglot 30.30.0, duckdb 2.0.1; SQLite of Python
# Guess:   what transpile() can't carry over it says, at the latest with unsupported_level=RAISE; what it returns gives
#          the same answer. It knows both dialects: it adds NULLS FIRST and turns max(a, b) into a CASE for that very
#          reason.
# Really:  three of the commonest forms keep their words and change their meaning: "quantity / 12" of whole numbers has
#          a fraction (2.5 for 2), LIKE heeds capitals (TEA-1 is no longer like 'tea%'), CAST(12.5 AS INTEGER) rounds to
#          13 where SQLite cuts to 12. Nothing is raised. qualify and annotate_types with the tables' columns, which
#          transpile() does without, mend the division alone.
# Matters: SQL over a mirror, where a model writes the dialect it knows best and the server translates: a number in an
#          answer is not checked by anyone. Have the query written for the engine, or refuse other dialects.
# Seen:    2026-11-30. From PostgreSQL the division goes the same way; DAYOFWEEK of MySQL (Sunday is 1) stays DAYOFWEEK
#          (Sunday is 0).
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check sqlglot==30.30.0 duckdb==2.0.1

"$dir/venv/bin/python" - <<'PY'
import sqlite3

import duckdb
import sqlglot
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

LINES = [("TEA-1", 30, 12.5), ("tea-2", 7, 2.25), ("MUG", 24, 1.5)]
COLUMNS = {"lines": {"sku": "TEXT", "quantity": "INT", "price": "DECIMAL(18,2)"}}
engines = {"SQLite": sqlite3.connect(":memory:"), "DuckDB": duckdb.connect()}
for engine in engines.values():
    engine.execute("CREATE TABLE lines (sku VARCHAR, quantity INTEGER, price DECIMAL(18,2))")
    engine.executemany("INSERT INTO lines VALUES (?, ?, ?)", LINES)


def ask(engine, query):
    return [value for (value,) in engines[engine].execute(query).fetchall()]


def compare(query):
    (translated,) = sqlglot.transpile(query, read="sqlite", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    seen = ask("SQLite", query), ask("DuckDB", translated)
    print(f"{query}\n  as {translated}\n  SQLite {seen[0]}, DuckDB {seen[1]}")
    return seen


CARTONS = "SELECT SUM(quantity / 12) FROM lines"
assert compare(CARTONS) == ([4], [2.5 + 7 / 12 + 2])
assert compare("SELECT sku FROM lines WHERE sku LIKE 'tea%'") == (["TEA-1", "tea-2"], ["tea-2"])
assert compare("SELECT CAST(price AS INTEGER) FROM lines") == ([12, 2, 1], [13, 2, 2])
assert compare("SELECT MAX(sku, 'b') FROM lines") == (["b", "tea-2", "b"],) * 2

qualified = qualify(sqlglot.parse_one(CARTONS, read="sqlite"), schema=COLUMNS, dialect="sqlite")
typed = annotate_types(qualified, schema=COLUMNS, dialect="sqlite").sql("duckdb")
print(f"{CARTONS}\n  with the columns' types as {typed}\n  DuckDB {ask('DuckDB', typed)}")
assert ask("DuckDB", typed) == [4]
PY
