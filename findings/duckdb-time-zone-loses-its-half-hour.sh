#!/usr/bin/env bash
# SET TimeZone = 'UTC+05:30' is accepted and becomes UTC+5.
#
# Library: duckdb 2.0.1
# Guess:   a zone that can't be represented is refused, as '+05:30' is; one that is accepted is kept.
# Really:  'UTC+05:30' turns into 'Etc/GMT-5', 'UTC+05:45' as well, 'UTC-03:30' into 'Etc/GMT+3': the minutes are
#          dropped without a word, in AT TIME ZONE too. 'GMT+05:30', the same thing by another name, keeps them.
# Matters: SQL over a mirror for shops in India, Nepal or Newfoundland: orders of half an hour fall on the wrong day,
#          which no total shows. APIs and settings do give zones as "UTC+05:30".
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1

"$dir/venv/bin/python" - <<'PY'
import duckdb


def zone(name):
    """What becomes of the zone, and when an order of 18:45 UTC was made there."""
    database = duckdb.connect()
    try:
        database.execute(f"SET TimeZone = '{name}'")
    except duckdb.Error as error:
        return type(error).__name__
    order = "CAST('2026-11-28 18:45:00+00' AS TIMESTAMPTZ)"
    return database.execute(f"SELECT current_setting('TimeZone'), CAST({order} AS VARCHAR)").fetchone()


seen = {name: zone(name) for name in ("Asia/Kolkata", "GMT+05:30", "UTC+05:30", "UTC+05:45", "UTC-03:30", "+05:30")}
for name, answer in seen.items():
    print(f"{name:12} -> {answer}")
assert seen["Asia/Kolkata"][1] == seen["GMT+05:30"][1] == "2026-11-29 00:15:00+05:30"
assert seen["UTC+05:30"] == seen["UTC+05:45"] == ("Etc/GMT-5", "2026-11-28 23:45:00+05")
assert seen["UTC-03:30"] == ("Etc/GMT+3", "2026-11-28 15:45:00-03")
assert isinstance(seen["+05:30"], str)

at = duckdb.sql("SELECT CAST('2026-11-28 18:45:00+00' AS TIMESTAMPTZ) AT TIME ZONE 'UTC+05:30'").fetchall()[0][0]
print("AT TIME ZONE 'UTC+05:30' ->", at)
assert str(at) == "2026-11-28 23:45:00"
PY
