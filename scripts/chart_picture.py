"""Draws the chart that the README opens with, from the simulated shop on a fixed day."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings

NOON = 1_796_040_000.0  # 2026-11-30 12:00 UTC
ORDERS = 900
QUESTION = {"report": "sales", "group_by": "day", "period": "last 60 days", "save_as": "chart.png"}


def draw_chart() -> bytes:
    """The picture, the same each time: the question goes the way of an assistant's, and the clock stands."""
    with TemporaryDirectory() as home:
        return asyncio.run(_ask({"TIKTOK_SHOP_HOME": home, "TIKTOK_SHOP_SANDBOX": "1"}))


async def _ask(environment: dict[str, str]) -> bytes:
    runtime = Runtime(clock=lambda: NOON, monotonic=lambda: NOON)
    sandbox = Sandbox(orders=ORDERS, clock=runtime.clock)
    app = build_app(read_settings(environment), runtime=runtime, sandbox=sandbox)
    try:
        answer = await app.dispatcher.call("get_report", QUESTION)
    finally:
        await app.close()
    chart = answer["data"]["chart"]
    if "problem" in chart:
        raise SystemExit(chart["problem"])
    return await asyncio.to_thread(Path(chart["saved"]["path"]).read_bytes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="the file to write")
    path: Path = parser.parse_args().path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(draw_chart())


if __name__ == "__main__":
    main()
