#!/usr/bin/env bash
# Two SKUs of a CSV file become one number, other columns of SKUs become times or truth values.
#
# Library: duckdb 2.0.1, read_csv with its automatic detection
# Guess:   a column becomes a number only where that loses nothing: leading zeros keep "00123" text, and so should
#          anything that does not come back as it was.
# Really:  only leading zeros and the like are kept. "12E3" and "1200E1" are both 12000.0, "0x10" is 16, sizes "t" and
#          "f" are true and false, "10:30" is a time, "1-2-2026" is 1 February. One SKU of another form in the column
#          makes all of it text, so a test file with "A1" in it shows nothing. all_varchar, or types={'seller_sku':
#          'VARCHAR'}, keeps what stands there.
# Matters: sellers' files of costs and stock, joined to the shop by SKU: after the join rows are missing or doubled.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1

DIR="$dir" "$dir/venv/bin/python" - <<'PY'
import os
from pathlib import Path

import duckdb

file = Path(os.environ["DIR"]) / "costs.csv"


def read(*skus, options=""):
    file.write_text("seller_sku,unit_cost\n" + "".join(f"{sku},2.50\n" for sku in skus), encoding="utf-8")
    query = f"SELECT seller_sku, typeof(seller_sku) FROM read_csv('{file}'{options})"
    rows = duckdb.sql(query).fetchall()
    print(f"{', '.join(skus):18}{options:14} {rows[0][1]:8} {[str(row[0]) for row in rows]}")
    return rows[0][1], [str(row[0]) for row in rows]


assert read("12E3", "1200E1") == ("DOUBLE", ["12000.0", "12000.0"])
assert read("0x10", "0x1F") == ("BIGINT", ["16", "31"])
assert read("t", "f") == ("BOOLEAN", ["True", "False"])
assert read("10:30", "11:45") == ("TIME", ["10:30:00", "11:45:00"])
assert read("1-2-2026", "3-4-2026") == ("DATE", ["2026-02-01", "2026-04-03"])
assert read("00123", "00124") == ("VARCHAR", ["00123", "00124"])
assert read("12E3", "1200E1", "A1") == ("VARCHAR", ["12E3", "1200E1", "A1"])
assert read("12E3", "1200E1", options=", all_varchar=true") == ("VARCHAR", ["12E3", "1200E1"])
PY
