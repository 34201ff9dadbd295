#!/usr/bin/env bash
# time_bucket puts a sale of half past midnight on the day and into the month before, whatever time zone is set.
#
# Library: duckdb 2.0.1 (with the extension icu that its wheel brings along)
# Guess:   with SET TimeZone = 'Europe/London' a day of TIMESTAMPTZ is a day of London for every function: it is for
#          date_trunc, a cast to DATE, extract and what is shown. time_bucket is the same with a free width.
# Really:  without its third argument time_bucket cuts at midnight of UTC. In summer the sale of 1 June, 00:30, falls in
#          the bucket that begins on 31 May at 01:00, and by month into May; one of 09:00 in that of 1 June, 01:00. The
#          answer is shown in London's time, so the hour looks like an oddity of display. In winter nothing shows.
#          time_bucket(width, time, 'Europe/London') cuts where date_trunc does.
# Matters: sales by day and month, where a model may write either function: the two disagree for one hour of sales a
#          day. What takes questions in SQL should refuse the form without a zone, or add it.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1

"$dir/venv/bin/python" - <<'PY'
import duckdb

connection = duckdb.connect()
connection.execute("SET TimeZone = 'Europe/London'")
connection.execute("""
    CREATE TABLE sales AS SELECT * FROM (VALUES
        (TIMESTAMPTZ '2026-06-01 00:30+01'), (TIMESTAMPTZ '2026-06-01 09:00+01'), (TIMESTAMPTZ '2026-12-01 00:30+00')
    ) AS sales(sold)
""")


def cut(bucket):
    found = connection.sql(f"SELECT ({bucket})::VARCHAR FROM sales ORDER BY sold").fetchall()
    print(f"{bucket:55}", *(time for (time,) in found), sep="  ")
    return [time for (time,) in found]


SUMMER, WINTER = "2026-06-01 00:00:00+01", "2026-12-01 00:00:00+00"
assert cut("sold") == ["2026-06-01 00:30:00+01", "2026-06-01 09:00:00+01", "2026-12-01 00:30:00+00"]
assert cut("date_trunc('day', sold)") == [SUMMER, SUMMER, WINTER]
assert cut("time_bucket(INTERVAL 1 DAY, sold)") == ["2026-05-31 01:00:00+01", "2026-06-01 01:00:00+01", WINTER]
assert cut("time_bucket(INTERVAL 1 DAY, sold, 'Europe/London')") == [SUMMER, SUMMER, WINTER]
assert cut("time_bucket(INTERVAL 1 MONTH, sold)") == ["2026-05-01 01:00:00+01", "2026-06-01 01:00:00+01", WINTER]
assert cut("time_bucket(INTERVAL 1 MONTH, sold, 'Europe/London')") == [SUMMER, SUMMER, WINTER]
PY
