#!/usr/bin/env bash
# Half of a DECIMAL price, rounded to pennies in two ways, differs in nearly every second case.
#
# Library: duckdb 2.0.1
# Guess:   the price is DECIMAL(18,2), so its half is decimal arithmetic too, and round(x / 2, 2) is what a cast
#          to DECIMAL(18,2) gives: 0.015 is 0.02 with both.
# Really:  DECIMAL / INTEGER is a DOUBLE. round() rounds the binary number as it is, the cast half up as written: for
#          0.03 round() says 0.01, the cast 0.02. Of all odd prices below 1000.00 they differ in 43 of 100. avg() is
#          DOUBLE as well, while median() and the quantiles stay DECIMAL(18,2) and cut off: the median of 0.01 and
#          0.02 is 0.01, their mean 0.015.
# Matters: SQL over a mirror: shares, fees and averages of money. A sum of halves does not meet the invoice, and a
#          median below the mean looks like skew.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1

"$dir/venv/bin/python" - <<'PY'
import duckdb


def row(query):
    return [str(value) for value in duckdb.sql(query).fetchall()[0]]


half = row("""
    SELECT typeof(x / 2), round(x / 2, 2), CAST(x / 2 AS DECIMAL(18,2))
    FROM (SELECT CAST('0.03' AS DECIMAL(18,2)) AS x)
""")
print("half of 0.03: type, round, cast:", half)
assert half == ["DOUBLE", "0.01", "0.02"]

prices = row("""
    SELECT count(*), count(*) FILTER (WHERE round(x / 2, 2) <> CAST(x / 2 AS DECIMAL(18,2)))
    FROM (SELECT CAST(pennies AS DECIMAL(18,2)) / 100 AS y, CAST(y AS DECIMAL(18,2)) AS x
          FROM range(1, 100000, 2) AS odd(pennies))
""")
print("odd prices below 1000.00, and how many differ:", prices)
assert prices == ["50000", "21706"]

middle = row("""
    SELECT typeof(avg(x)), avg(x), typeof(median(x)), median(x)
    FROM (VALUES (CAST('0.01' AS DECIMAL(18,2))), (CAST('0.02' AS DECIMAL(18,2)))) AS prices(x)
""")
print("avg and median of 0.01 and 0.02:", middle)
assert middle == ["DOUBLE", "0.015", "DECIMAL(18,2)", "0.01"]
PY
