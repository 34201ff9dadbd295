"""What the board is given to show: answers of a simulated shop, and charts of every kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.board.browser_host import to_wire

if TYPE_CHECKING:
    from tests.board.browser_host import BrowserHost, Json

PRICE = "1.00"
TIME_ROWS: list[list[Any]] = [
    ["2026-11-01", 12.5, "A"],
    ["2026-11-01", 3, "B"],
    ["2026-11-02", 20, "A"],
    ["2026-11-02", 7.25, "B"],
]
CHART: dict[str, Any] = {
    "x": "day",
    "y": "sales_total",
    "series": "shop",
    "unit": "money",
    "currency": "GBP",
    "x_type": "time",
}


def make_chart(kind: str) -> Json:
    chart = CHART | {"kind": kind, "title": f"Sales as {kind}", "rows": TIME_ROWS}
    if kind == "scatter":
        return chart | {"x": "units_sold", "x_type": "number", "rows": [[3, 9.5, "A"], [8, 30, "B"], [5, 17.75, "A"]]}
    if kind == "heat":
        return chart | {
            "x": "hour",
            "series": "weekday",
            "x_type": "category",
            "rows": [["9", 2, "Mon"], ["10", 5, "Tue"]],
        }
    return chart


def read(result: Json) -> Json:
    answer: Json = json.loads(result["content"][0]["text"])
    return answer


async def preview_price(host: BrowserHost, **options: Any) -> Json:
    """Show the preview of a price that falls so far that it is warned of."""
    product = read(await call_quietly(host, "search_products", page_size=1))["data"]["products"][0]
    price = {"amount": PRICE, "currency": "GBP"}
    arguments = {"product_id": product["id"], "skus": [{"id": product["skus"][0]["id"], "price": price}]}
    await host.open("run_write_operation", **options)
    return read(await host.call("run_write_operation", name="update_price", arguments=arguments))


async def call_quietly(host: BrowserHost, tool: str, **arguments: Any) -> Json:
    """What a tool answers without being shown."""
    return to_wire(await host.client.call_tool(tool, arguments))
