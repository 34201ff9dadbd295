#!/usr/bin/env bash
# After a database file is replaced by rename, a new connection in the same process still reads the old one.
#
# Library: duckdb 2.0.1
# Guess:   a reader that opened the old file keeps it, as any process does; connect() to the path opens what lies there
#          now, so reconnecting after each replacement is the way to fresh data.
# Really:  connect() finds an instance by its path: while any connection to it is open in the process, a new one joins
#          it and sees the old file; the newer ones keep it alive in turn, so with overlapping readers the old data
#          stays for ever. ATTACH of the same path from an in-memory connection reads the new file at the same moment.
# Matters: SQL over a mirror that is built beside and moved into place: the swap is atomic, and the server goes on
#          answering from the mirror before.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1

"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
from pathlib import Path

import duckdb

folder = Path(sys.argv[1])
mirror, fresh = folder / "mirror.duckdb", folder / "fresh.duckdb"


def build(path, version):
    with duckdb.connect(path) as database:
        database.execute(f"CREATE TABLE mirror AS SELECT {version} AS version")


def version(connection, table="mirror"):
    return connection.execute(f"SELECT version FROM {table}").fetchone()[0]


build(mirror, 1)
first = duckdb.connect(mirror, read_only=True)
build(fresh, 2)
fresh.replace(mirror)

second = duckdb.connect(mirror, read_only=True)
outside = duckdb.connect()
outside.execute(f"ATTACH '{mirror}' AS attached (READ_ONLY)")
seen = {"connect again": version(second), "attach": version(outside, "attached.mirror")}
first.close()
third = duckdb.connect(mirror, read_only=True)
seen["connect, first one closed"] = version(third)
second.close()
third.close()
seen["connect, all closed"] = version(duckdb.connect(mirror, read_only=True))
print("version seen after the replacement:", seen)
assert seen == {"connect again": 1, "attach": 2, "connect, first one closed": 1, "connect, all closed": 2}
PY
