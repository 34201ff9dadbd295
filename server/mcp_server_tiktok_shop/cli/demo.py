"""Plays an assistant's session against the simulated shop, the way a chat client would: a process, stdio, MCP."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from mcp import Client, StdioServerParameters
from rich.console import Console
from rich.table import Table
from rich.text import Text

DAYS = 7


class Session:
    """One conversation: what a person would ask, which tool the assistant calls, what comes back."""

    def __init__(self, client: Client, console: Console) -> None:
        self._client = client
        self._console = console

    def asks(self, question: str) -> None:
        self._console.print()
        self._console.print(Text(f"You: {question}", style="bold"))

    def says(self, answer: str) -> None:
        self._console.print(Text(f"  {answer}"), soft_wrap=True)  # a path stays in one piece, to be copied

    def shows(self, table: Table) -> None:
        self._console.print(table)

    async def calls(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and show the call; answers the result or the error as an object."""
        shown = json.dumps(arguments, ensure_ascii=False)
        shown = shown if len(shown) <= 110 else f"{shown[:110]}…"  # noqa: PLR2004
        self._console.print(Text(f"  {tool} {shown}", style="cyan"))
        result = await self._client.call_tool(tool, arguments)
        told: dict[str, Any] = json.loads(result.content[0].text)  # type: ignore[union-attr]
        if result.is_error:
            self._console.print(Text(f"  refused ({told['error']}): {told['message']}", style="red"))
            self._console.print(Text(f"  {told.get('hint', '')}", style="yellow"))
        return told


def table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), header_style="dim")
    for column in columns:
        made.add_column(column)
    return made


async def which_shop(session: Session) -> None:
    session.asks("Which shop is this?")
    (shop,) = (await session.calls("list_shops"))["data"]["shops"]
    session.says(f"{shop['name']}, {shop['region']}, id {shop['id']}; its days begin in {shop['time_zone']}.")


async def todays_orders(session: Session) -> list[dict[str, Any]]:
    session.asks("What came in today?")
    today = datetime.now(UTC).date().isoformat()
    told = await session.calls("get_order_list", create_time_ge=today, page_size=50)
    orders: list[dict[str, Any]] = told["data"].get("orders", [])
    shown = table("order", "when", "status", "lines", "total")
    for order in orders[:6]:
        payment = order["payment"]
        total = f"{payment['total_amount']} {payment['currency']}"
        shown.add_row(order["id"], order["create_time"][11:16], order["status"], str(len(order["line_items"])), total)
    session.shows(shown)
    session.says(f"{told['data'].get('total_count', len(orders))} orders since midnight. {told.get('note', '')}")
    return orders


async def waiting_order(session: Session) -> dict[str, Any]:
    session.asks("Show me one that waits for shipping.")
    told = await session.calls("get_order_list", order_status="AWAITING_SHIPMENT", page_size=1)
    order_id = told["data"]["orders"][0]["id"]
    (order,) = (await session.calls("get_order_detail", ids=[order_id]))["data"]["orders"]
    shown = table("product", "SKU", "price")
    currency = order["payment"]["currency"]
    for line in order["line_items"]:
        shown.add_row(line["product_name"][:44], line["seller_sku"], f"{line['sale_price']} {currency}")
    session.shows(shown)
    session.says(f"For {order['recipient_address']['name']}, ship by {order.get('shipping_due_time', 'no set time')}.")
    return dict(order)


async def too_many(session: Session) -> None:
    session.asks("Read these 51 orders at once.")
    await session.calls("get_order_detail", ids=[str(576461413038785752 + n) for n in range(51)])


async def ship(session: Session, order: dict[str, Any]) -> None:
    package_id = order["packages"][0]["id"]
    session.asks("Ship it, and make the label fit my 4x6 printer.")
    asked = await session.calls("ship_package", package_id=package_id, handover_method="DROP_OFF")
    session.says("Shall I arrange shipping, with drop-off?")
    session.asks("Yes.")
    confirm = asked["confirm"]
    told = await session.calls("ship_package", package_id=package_id, handover_method="DROP_OFF", confirm=confirm)
    session.says("Shipping is arranged." if "error" not in told else "It could not be shipped.")
    label = await session.calls("get_package_shipping_document", package_id=package_id, document_type="SHIPPING_LABEL")
    session.says(f"Tracking number {label['data']['tracking_number']}.")
    sheet = (await session.calls("resize_pdf", source=[label["data"]["doc_url"]], paper_size="4x6in"))["data"]
    width, height = sheet["page_sizes_mm"][0]
    session.says(f"{sheet['pages']} page, {width} x {height} mm: {sheet['path']}")


async def payout(session: Session) -> None:
    session.asks("What was the last payout made of?")
    since = (datetime.now(UTC) - timedelta(days=4 * DAYS)).date().isoformat()
    told = await session.calls("get_payments", create_time_ge=since, sort_order="DESC", page_size=1)
    (payment,) = told["data"]["payments"]
    told = await session.calls("get_statements", statement_time_ge=since, payment_status="PAID", page_size=100)
    parts = [s for s in told["data"]["statements"] if s.get("payment_id") == payment["id"]]
    shown = table("statement of", "sales", "fees", "shipping", "settled")
    for part in parts:
        day = part["statement_time"][:10]
        shown.add_row(
            day, part["revenue_amount"], part["fee_amount"], part["shipping_cost_amount"], part["settlement_amount"]
        )
    session.shows(shown)
    total = sum((Decimal(part["settlement_amount"]) for part in parts), Decimal(0))
    paid = payment["amount"]
    day = str(payment.get("paid_time"))[:10]
    session.says(f"Paid {paid['value']} {paid['currency']} on {day}; its statements add to {total}.")


async def sales(session: Session) -> None:
    session.asks("How much did I sell in the last seven days, day by day?")
    told = (await session.calls("summarize_orders", period="last 7 days", group_by="day"))["data"]
    shown = table(*told["groups"]["columns"])
    for row in told["groups"]["rows"]:
        shown.add_row(*map(str, row))
    session.shows(shown)
    for currency, sold in told["sales"].items():
        session.says(f"{sold['total']} {currency} with {sold['orders']} orders; unpaid and cancelled ones are apart.")


async def delete_too_many(session: Session) -> None:
    session.asks("Delete these 21 products.")
    await session.calls("delete_products", product_ids=[str(1729592969712207000 + n) for n in range(21)])


async def session(start: list[str], console: Console) -> None:
    program, *arguments = start
    home = tempfile.mkdtemp(prefix="tiktok-shop-demo-")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TIKTOK_SHOP_")}
    environment |= {"TIKTOK_SHOP_HOME": home, "TIKTOK_SHOP_LOG_LEVEL": "error"}
    server = StdioServerParameters(command=program, args=[*arguments, "--sandbox"], env=environment)
    console.print(Text(f"{' '.join([*start, '--sandbox'])}", style="dim"))
    async with Client(server, mode="legacy") as client:
        listed = (await client.list_tools()).tools
        console.print(Text(f"{len(listed)} tools, on a simulated shop: nothing here is real.", style="dim"))
        talk = Session(client, console)
        await which_shop(talk)
        await todays_orders(talk)
        order = await waiting_order(talk)
        await too_many(talk)
        await ship(talk, order)
        await sales(talk)
        await payout(talk)
        await delete_too_many(talk)


def play(start: list[str]) -> int:
    """Play the session on this terminal; `start` is the command of this installation."""
    console = Console(highlight=False)
    asyncio.run(session(start, console))
    console.print()
    console.print(Text("That was the whole way: client, server, checks, signature, platform.", style="bold"))
    console.print("Put it into your own chat client, on the simulated shop, with what this prints:")
    console.print(Text(f"  {' '.join(start)} config --client claude-desktop --sandbox", style="cyan"), soft_wrap=True)
    return 0
