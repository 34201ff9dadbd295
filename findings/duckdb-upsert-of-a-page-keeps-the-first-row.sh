#!/usr/bin/env bash
# INSERT OR REPLACE keeps the first of two rows with one key where they come in one statement, else the last.
#
# Library: duckdb 2.0.1
# Guess:   OR REPLACE works row by row, as in SQLite: a later row replaces an earlier one, however they are sent; or a
#          key that comes twice in one statement is refused, as by PostgreSQL.
# Really:  in one statement, VALUES or SELECT, the first row wins, and with ON CONFLICT DO UPDATE too. The same rows by
#          executemany leave the last. Nothing is raised anywhere.
# Matters: SQL over a mirror: pages of orders sorted by update time overlap, so a batch does hold an order twice, the
#          newer state last. Changing from row-wise to bulk loading, for speed, makes the mirror keep the older one.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1

"$dir/venv/bin/python" - <<'PY'
import sqlite3

import duckdb

ROWS = [("A", "UNPAID"), ("A", "SHIPPED")]
ONE = "INSERT OR REPLACE INTO orders VALUES ('A', 'UNPAID'), ('A', 'SHIPPED')"
SELECT = "INSERT OR REPLACE INTO orders SELECT id, status FROM batch ORDER BY place"
UPDATE = """
    INSERT INTO orders VALUES ('A', 'UNPAID'), ('A', 'SHIPPED') ON CONFLICT DO UPDATE SET status = excluded.status
"""


def kept(load, database=None):
    database = database or duckdb.connect()
    database.execute("CREATE TABLE orders (id VARCHAR PRIMARY KEY, status VARCHAR)")
    database.execute("CREATE TABLE batch (place INTEGER, id VARCHAR, status VARCHAR)")
    database.execute("INSERT INTO batch VALUES (1, 'A', 'UNPAID'), (2, 'A', 'SHIPPED')")
    load(database)
    return database.execute("SELECT status FROM orders").fetchall()


seen = {
    "VALUES": kept(lambda database: database.execute(ONE)),
    "SELECT": kept(lambda database: database.execute(SELECT)),
    "ON CONFLICT": kept(lambda database: database.execute(UPDATE)),
    "executemany": kept(lambda database: database.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?)", ROWS)),
    "SQLite VALUES": kept(lambda database: database.execute(ONE), sqlite3.connect(":memory:")),
}
print(seen)
first, last = [("UNPAID",)], [("SHIPPED",)]
assert [seen["VALUES"], seen["SELECT"], seen["ON CONFLICT"]] == [first] * 3
assert [seen["executemany"], seen["SQLite VALUES"]] == [last] * 2
PY
