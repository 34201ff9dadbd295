#!/usr/bin/env bash
# The median of prices loses its halfpenny, never rounded up, while that of whole numbers is exact.
#
# Library: duckdb 2.0.1
# Guess:   of an even number of values the median is the mean of the two in the middle. avg() of DECIMAL is a DOUBLE
#          with all its digits, and median() of 1 and 2 is 1.5: so 1.005 for 1.00 and 1.01, or at least 1.01.
# Really:  median() and quantile_cont() of DECIMAL answer in the DECIMAL of the column and cut off what it has no digits
#          for, towards zero: 1.00, and 10.02 for 10.00 and 10.05. No rounding takes place, so that of 100 neighbouring
#          pairs of prices all hundred are too low. Cast to more decimals, or to DOUBLE, before: both give 1.005.
# Matters: "what does a usual order cost" over amounts in SQL; an average beside it does not fit, and groups of even and
#          odd size are not comparable. What takes questions in SQL should say which columns are cast, or cast them.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1

"$dir/venv/bin/python" - <<'PY'
from decimal import Decimal

import duckdb


def ask(columns, low, high):
    prices = f"(VALUES ({low}::DECIMAL(10, 2)), ({high}::DECIMAL(10, 2))) AS prices(price)"
    return duckdb.execute(f"SELECT {columns} FROM {prices}").fetchone()


OF_BOTH = "median(price), quantile_cont(price, 0.5), avg(price)"
seen = ask(OF_BOTH, "1.00", "1.01")
print("1.00 and 1.01:  ", *seen)
assert seen == (Decimal("1.00"), Decimal("1.00"), 1.005)
seen = ask(OF_BOTH, "10.00", "10.05")
print("10.00 and 10.05:", *seen)
assert seen == (Decimal("10.02"), Decimal("10.02"), 10.025)
seen = ask(OF_BOTH, "-1.00", "-1.01")
print("refunds:        ", *seen)
assert seen == (Decimal("-1.00"), Decimal("-1.00"), -1.005)
seen = ask("median(price::DECIMAL(12, 3)), median(price::DOUBLE)", "1.00", "1.01")
print("cast before:    ", *seen)
assert seen == (Decimal("1.005"), 1.005)
seen = duckdb.execute("SELECT median(number) FROM (VALUES (1), (2)) AS numbers(number)").fetchone()
print("whole numbers:  ", *seen)
assert seen == (1.5,)

pennies = [Decimal(number) / 100 for number in range(100, 201)]
low = sum(ask("median(price)", *pair)[0] < sum(pair) / 2 for pair in zip(pennies, pennies[1:]))
print("too low:        ", low, "of 100")
assert low == 100
PY
