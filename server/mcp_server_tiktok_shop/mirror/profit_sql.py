"""The SELECTs behind profit: what is left of sales, and which SKUs were sold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mcp_server_tiktok_shop.mirror.sql_files import split_sql_file

SOLD_SKUS_SQL = """
SELECT DISTINCT coalesce(nullif(seller_sku, ''), sku_id) AS code, sku_id, product_id, product_name AS title
FROM order_lines ORDER BY ALL
"""
PROFIT_PATH = Path(__file__).parent / "profit.sql"


@cache
def load_profit_sql() -> str:
    return split_sql_file(PROFIT_PATH.read_text(encoding="utf-8"))[1]
