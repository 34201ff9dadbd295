#!/usr/bin/env bash
# A misspelt column in a SELECT throws away the transaction around it, and commit() says nothing.
#
# Library: duckdb 2.0.1 (new against 1.x)
# Guess:   a statement that fails before it runs, for a column that is not there, leaves the transaction as it was, as
#          in DuckDB 1.x and SQLite; or else commit() raises, as the next statement would.
# Really:  the error invalidates the transaction. commit() returns without an error and the rows inserted before are
#          gone. A statement instead of the commit raises "Current transaction is aborted (please ROLLBACK)". With
#          SET GLOBAL default_transaction_invalidation_policy = 'SYNTACTIC_ERRORS_DO_NOT_INVALIDATE' the rows stay.
# Matters: SQL over a mirror: a load in one transaction with a check that is caught and logged. Upgrading the library
#          turns the load into one that reports success and stores nothing.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
for version in 1.5.4 2.0.1; do
  python3 -m venv "$dir/$version"
  "$dir/$version/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version"
done

cat > "$dir/load.py" <<'PY'
import sys

import duckdb

database = duckdb.connect()
if len(sys.argv) > 1:
    database.execute(f"SET GLOBAL default_transaction_invalidation_policy = '{sys.argv[1]}'")
    database = database.cursor()
database.execute("CREATE TABLE orders (id VARCHAR)")
database.begin()
database.execute("INSERT INTO orders VALUES ('1'), ('2')")
try:
    database.execute("SELECT count(idd) FROM orders")
except duckdb.BinderException:
    pass
database.commit()
print(database.execute("SELECT count(*) FROM orders").fetchone()[0])
PY

check() {
  local rows
  rows="$("$dir/$1/bin/python" "$dir/load.py" "${@:3}")"
  echo "duckdb $1 ${*:3}: $rows rows after commit()"
  [[ "$rows" == "$2" ]]
}

check 1.5.4 2
check 2.0.1 0
check 2.0.1 2 SYNTACTIC_ERRORS_DO_NOT_INVALIDATE
