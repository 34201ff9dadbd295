"""Reads the SELECT that finds what is left of sales, and the tables that it is made of."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mcp_server_tiktok_shop.mirror.query import find_tables
from mcp_server_tiktok_shop.mirror.sql_files import split_sql_file

PROFIT_PATH = Path(__file__).parent / "profit.sql"
# Read order by order, in the background: nobody waits for it.
SLOW_TABLES = frozenset({"order_fees"})


@cache
def load_profit_sql() -> str:
    return split_sql_file(PROFIT_PATH.read_text(encoding="utf-8"))[1]


@cache
def find_profit_tables() -> frozenset[str]:
    """The tables that the answer waits for."""
    return find_tables(load_profit_sql()) - SLOW_TABLES
