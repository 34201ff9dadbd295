#!/usr/bin/env bash
# A table that is dropped inside a transaction goes on taking its memory until the commit.
#
# Library: duckdb 2.0.1 (and 1.5.4)
# Guess:   a load that stages each part of its data in a temporary table, and drops that before the next, needs the
#          memory of one part, whether or not a transaction stands around it: nobody else can see the table.
# Really:  outside a transaction each DROP gives the memory back. Inside one, eight parts take eight times as much, and
#          duckdb_memory() counts them until COMMIT, which gives all back. Temporary tables are no exception.
# Matters: loading a shop's history part by part in one transaction "to be safe": the peak is that of the whole history,
#          and memory_limit is reached by tables that no longer exist.
# Seen:    2026-11-29
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

PARTS = 8
database = duckdb.connect(config={"threads": 1})


def measure() -> int:
    (size_bytes,) = database.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()
    return size_bytes // 2**20


if sys.argv[1] == "transaction":
    database.begin()
sizes = []
for _ in range(PARTS):
    database.execute("CREATE TEMP TABLE part AS SELECT i AS id, repeat('x', 40) || i AS name FROM range(100000) t(i)")
    database.execute("DROP TABLE part")
    sizes.append(measure())
if sys.argv[1] == "transaction":
    database.commit()
print(f"duckdb {duckdb.__version__} {sys.argv[1]}: {sizes} MB after each part, {measure()} MB at the end")
has_grown = sizes[-1] >= 4 * max(sizes[0], 1)
sys.exit(has_grown != (sys.argv[1] == "transaction") or measure() > 2)
PY

for version in 1.5.4 2.0.1; do
  "$dir/$version/bin/python" "$dir/load.py" autocommit
  "$dir/$version/bin/python" "$dir/load.py" transaction
done
