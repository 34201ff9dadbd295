"""Brings a copy of a shop's orders up to date in a process of its own, each time a line on stdin says so.

A line is a list of JSON: the tables, and a seller's note, of which is told how many orders bear it.
Two lines answer: what the sync took, and what is in the copy.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.settings import read_settings

JOIN = """
    SELECT l.seller_sku, count(*), sum(l.sale_price), count(DISTINCT o.user_id), max(p.update_time)
    FROM order_lines AS l JOIN orders AS o ON o.id = l.order_id LEFT JOIN packages AS p ON p.id = l.package_id
    WHERE o.status <> 'CANCELLED' GROUP BY ALL ORDER BY 3 DESC
"""
NOTES = "SELECT count(*) FROM orders WHERE seller_note = ?"
MEGABYTE = 2**20
PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


def measure_join(path: str) -> float:
    """Seconds of a join of three tables over everything, the second time."""
    import duckdb  # noqa: PLC0415 - the server itself does not load it, and its memory is measured before

    with duckdb.connect(path, read_only=True) as connection:
        connection.execute(JOIN).fetchall()
        began = time.perf_counter()
        connection.execute(JOIN).fetchall()
        return time.perf_counter() - began


def count_notes(path: str, note: str) -> int:
    """How many orders bear a seller's note."""
    import duckdb  # noqa: PLC0415 - the server itself does not load it, and its memory is measured before

    with duckdb.connect(path, read_only=True) as connection:
        count: int = connection.execute(NOTES, [note]).fetchall()[0][0]
        return count


async def main() -> None:
    keys = json.loads(sys.stdin.readline())
    names = ("api_url", "auth_url", "app_key", "app_secret", "access_token", "refresh_token", "home")
    app = build_app(read_settings({f"TIKTOK_SHOP_{name.upper()}": keys[name] for name in names}))
    try:
        target = await app.platform.shops.choose(None, "required")
        while line := await asyncio.to_thread(sys.stdin.readline):
            tables, note = json.loads(line)
            began, cpu = time.perf_counter(), time.process_time()
            deadline = time.monotonic() + 3600
            snapshot = await app.mirror.refresh(target, tables, max_age_s=0, deadline=deadline)
            facts = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
            facts |= {"bytes": snapshot.path.stat().st_size, "is_complete": snapshot.tables[tables[0]].is_complete}
            facts["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT_BYTES / MEGABYTE
            print(json.dumps(facts), flush=True)
            facts = {
                "join_seconds": await asyncio.to_thread(measure_join, str(snapshot.path)),
                "changed_orders": await asyncio.to_thread(count_notes, str(snapshot.path), note),
            }
            print(json.dumps(facts), flush=True)
    finally:
        await app.close()


if __name__ == "__main__":
    asyncio.run(main())
