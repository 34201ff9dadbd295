"""Measures how long a chart of 90 days takes: the first, which starts the process that draws, and those after it."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import date, timedelta
from decimal import Decimal

from mcp_server_tiktok_shop.table_files.tables import FileColumn, FileTable
from mcp_server_tiktok_shop.tools.charts.chart import ChartSource
from mcp_server_tiktok_shop.tools.charts.choice import choose_chart
from mcp_server_tiktok_shop.tools.charts.drawer import ChartDrawer
from mcp_server_tiktok_shop.tools.charts.requests import ChartRequest

DAYS = 90
FIRST_DAY = date(2026, 9, 1)
ROUNDS = 9


def measure_charts() -> tuple[float, float]:
    """Seconds of the first chart of a server, and the median of those after it: chosen, drawn and made small."""
    return asyncio.run(_measure())


async def _measure() -> tuple[float, float]:
    rows = [(FIRST_DAY + timedelta(days=day), Decimal(400 + day * 37 % 211), "GBP") for day in range(DAYS)]
    columns = (FileColumn("day", "date"), FileColumn("sales", "money", currency_column="currency"))
    source = ChartSource(FileTable((*columns, FileColumn("currency")), rows))
    drawer = ChartDrawer()
    seconds = []
    try:
        for _ in range(1 + ROUNDS):
            began = time.perf_counter()
            await drawer.draw(choose_chart(ChartRequest(), source, str), "light")
            seconds.append(time.perf_counter() - began)
    finally:
        drawer.close()
    return seconds[0], statistics.median(seconds[1:])
