#!/usr/bin/env bash
# A commission worked out in DECIMAL is rounded to pennies in each row.
#
# Library: polars 2.1.0; pyarrow 26.0.1 and duckdb 2.0.1 beside it
# Guess:   a product of two decimals has the decimals of both, as in SQL, Arrow and Python: 0.04 times 0.12 is 0.0048,
#          and is rounded where somebody says so.
# Really:  the result has as many decimals as the factor with more of them, and each product is rounded to that: with
#          prices and rates of two decimals, 0.04 * 0.12 is 0.00 and 19.99 * 0.06 is 1.20. 1000 lines of 0.04 pay no
#          commission at all instead of 4.80. Division does the same: 0.01 / 3 is 0.00. A rate of more decimals (cast to
#          Decimal(38, 6)) keeps them.
# Matters: fees, shares and costs by line: "decimal" is chosen so that no penny is lost, the sum differs from the
#          statement, and every single line looks right.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.1

"$dir/venv/bin/python" - <<'PY'
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

PRICES, RATES = [Decimal("0.04"), Decimal("19.99")], [Decimal("0.12"), Decimal("0.06")]
EXACT = [price * rate for price, rate in zip(PRICES, RATES)]


def multiply(rate_digits=2):
    prices = pl.Series(PRICES, dtype=pl.Decimal(38, 2))
    return (prices * pl.Series(RATES, dtype=pl.Decimal(38, rate_digits))).to_list()


lines = pa.table({"price": pa.array(PRICES, pa.decimal128(18, 2)), "rate": pa.array(RATES, pa.decimal128(18, 2))})
seen = {
    "Python": EXACT,
    "pyarrow": pc.multiply(lines["price"], lines["rate"]).to_pylist(),
    "duckdb": [value for (value,) in duckdb.sql("SELECT price * rate FROM lines").fetchall()],
    "polars": multiply(),
    "polars, rates of 6 decimals": multiply(6),
}
for library, products in seen.items():
    print(f"{library:28}", *products)
assert seen["pyarrow"] == seen["duckdb"] == seen["polars, rates of 6 decimals"] == EXACT
assert seen["polars"] == [Decimal("0.00"), Decimal("1.20")]

many = pl.DataFrame({"price": PRICES[:1] * 1000}, schema={"price": pl.Decimal(38, 2)})
sums = many.select(
    (pl.col("price") * RATES[0]).sum().alias("of products"),
    (pl.col("price").sum() * RATES[0]).alias("of prices, times the rate"),
).row(0, named=True)
print("1000 lines of 0.04 at 0.12:", sums)
assert sums == {"of products": Decimal("0.00"), "of prices, times the rate": Decimal("4.80")}
assert (pl.Series([Decimal("0.01")]) / 3).to_list() == [Decimal("0.00")]
PY
