"""The command `demo`: plays an assistant's session on the simulated shop as a chat client does: process, stdio, MCP."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import click
from mcp import Client, StdioServerParameters
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcp_server_tiktok_shop.cli.launch_command import find_launch_command

MAX_ARGUMENTS_CHARS = 110
MAX_ORDER_ROWS = 6
MAX_PRODUCT_NAME_CHARS = 44
PAYOUT_WEEKS = 4
UNLISTED_TOOLS = ("ship_package", "get_package_shipping_document", "get_payments", "get_statements")  # by default
SALES_COLUMNS = ("day", "orders_sold", "units_sold", "sales_total", "average_order")


@click.command("demo")
def play_demo() -> None:
    """Watch an assistant's session against the simulated shop."""
    launch_command = find_launch_command()
    console = Console(highlight=False)
    asyncio.run(play_session(launch_command, console))
    console.print()
    console.print(Text("That was the whole way: client, server, checks, signature, platform.", style="bold"))
    console.print("Put it into your own chat client, on the simulated shop, with what this prints:")
    console.print(
        Text(f"  {' '.join(launch_command)} config --client claude-desktop --sandbox", style="cyan"), soft_wrap=True
    )


class DemoSession:
    """One conversation on the console: what a person asks, which tool the assistant calls, what comes back.

    What is printed came through a server, which takes secrets out.
    """

    def __init__(self, client: Client, console: Console) -> None:
        self._client = client
        self._console = console

    def show_question(self, question: str) -> None:
        self._console.print()
        self._console.print(Text(f"You: {question}", style="bold"))

    def show_answer(self, answer: str) -> None:
        self._console.print(Text(f"  {answer}"), soft_wrap=True)  # a path stays in one piece, to be copied

    def show_table(self, table: Table) -> None:
        self._console.print(table)

    async def call_tool(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and print the call, with what was refused; returns the result or the error as an object."""
        arguments_text = json.dumps(arguments, ensure_ascii=False)
        if len(arguments_text) > MAX_ARGUMENTS_CHARS:
            arguments_text = f"{arguments_text[:MAX_ARGUMENTS_CHARS]}…"
        self._console.print(Text(f"  {tool} {arguments_text}", style="cyan"))
        result = await self._client.call_tool(tool, arguments)
        payload: dict[str, Any] = json.loads(result.content[0].text)  # type: ignore[union-attr]
        if result.is_error:
            self._console.print(Text(f"  refused ({payload['error']}): {payload['message']}", style="red"))
            self._console.print(Text(f"  {payload.get('hint', '')}", style="yellow"))
        elif "status" in payload:
            self._console.print(Text(f"  {payload['status']}: {payload['note']}", style="yellow"))
        return payload


def create_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), header_style="dim")
    for column in columns:
        table.add_column(column)
    return table


async def show_shop(session: DemoSession) -> ZoneInfo:
    """Returns the zone of its days."""
    session.show_question("Which shop is this?")
    (shop,) = (await session.call_tool("list_shops"))["data"]["shops"]
    session.show_answer(f"{shop['name']}, {shop['region']}, id {shop['id']}; its days begin in {shop['time_zone']}.")
    return ZoneInfo(shop["time_zone"])


async def show_todays_orders(session: DemoSession, zone: ZoneInfo) -> list[dict[str, Any]]:
    session.show_question("What came in today?")
    today = datetime.now(zone).date().isoformat()
    result = await session.call_tool("get_order_list", create_time_ge=today, page_size=50)
    orders: list[dict[str, Any]] = result["data"].get("orders", [])
    order_table = create_table("order", "when", "status", "lines", "total")
    for order in orders[:MAX_ORDER_ROWS]:
        payment = order["payment"]
        total = f"{payment['total_amount']} {payment['currency']}"
        order_table.add_row(
            order["id"], order["create_time"][11:16], order["status"], str(len(order["line_items"])), total
        )
    session.show_table(order_table)
    in_all = result["data"].get("total_count", len(orders))
    cut = f", the first {MAX_ORDER_ROWS} of them here" if in_all > MAX_ORDER_ROWS else ""
    session.show_answer(f"{in_all} orders since midnight{cut}. {result.get('note', '')}")
    return orders


async def show_waiting_order(session: DemoSession) -> dict[str, Any]:
    session.show_question("Show me one that waits for shipping.")
    result = await session.call_tool("get_order_list", order_status="AWAITING_SHIPMENT", page_size=1)
    order_id = result["data"]["orders"][0]["id"]
    (order,) = (await session.call_tool("get_order_detail", ids=[order_id]))["data"]["orders"]
    line_table = create_table("product", "SKU", "price")
    currency = order["payment"]["currency"]
    for line in order["line_items"]:
        line_table.add_row(
            line["product_name"][:MAX_PRODUCT_NAME_CHARS], line["seller_sku"], f"{line['sale_price']} {currency}"
        )
    session.show_table(line_table)
    session.show_answer(
        f"For {order['recipient_address']['name']}, ship by {order.get('rts_sla_time', 'no set time')}."
    )
    return dict(order)


async def try_too_many_orders(session: DemoSession) -> None:
    session.show_question("Read these 51 orders at once.")
    await session.call_tool("get_order_detail", ids=[str(576461413038785752 + n) for n in range(51)])


async def ship_order(session: DemoSession, order: dict[str, Any]) -> None:
    package_id = order["packages"][0]["id"]
    session.show_question("Ship it, and make the label fit my 4x6 printer.")
    confirmation = await session.call_tool("ship_package", package_id=package_id, handover_method="DROP_OFF")
    session.show_answer("Shall I arrange shipping, with drop-off?")
    session.show_question("Yes.")
    result = await session.call_tool("confirm_write", token=confirmation["confirm"])
    session.show_answer("Shipping is arranged." if "error" not in result else "It could not be shipped.")
    label = await session.call_tool(
        "get_package_shipping_document", package_id=package_id, document_type="SHIPPING_LABEL"
    )
    session.show_answer(f"Tracking number {label['data']['tracking_number']}.")
    pdf = (await session.call_tool("resize_pdf", source=[label["data"]["doc_url"]], paper_size="4x6in"))["data"]
    width, height = pdf["page_sizes_mm"][0]
    session.show_answer(f"{pdf['pages']} page, {width} x {height} mm: {pdf['path']}")


async def show_payout(session: DemoSession) -> None:
    session.show_question("What was the last payout made of?")
    since = (datetime.now(UTC) - timedelta(weeks=PAYOUT_WEEKS)).date().isoformat()
    result = await session.call_tool("get_payments", create_time_ge=since, sort_order="DESC", page_size=10)
    payment = next(p for p in result["data"]["payments"] if p.get("paid_time"))  # the newest may be on its way
    result = await session.call_tool("get_statements", statement_time_ge=since, payment_status="PAID", page_size=100)
    statements = [s for s in result["data"]["statements"] if s.get("payment_id") == payment["id"]]
    statement_table = create_table("statement of", "sales", "fees", "shipping", "settled")
    for statement in statements:
        day = statement["statement_time"][:10]
        statement_table.add_row(
            day,
            statement["revenue_amount"],
            statement["fee_amount"],
            statement["shipping_cost_amount"],
            statement["settlement_amount"],
        )
    session.show_table(statement_table)
    total = sum((Decimal(statement["settlement_amount"]) for statement in statements), Decimal(0))
    amount = payment["amount"]
    day = str(payment.get("paid_time"))[:10]
    session.show_answer(f"Paid {amount['value']} {amount['currency']} on {day}; its statements add to {total}.")


async def show_sales(session: DemoSession) -> None:
    session.show_question("How much did I sell in the last seven days, day by day?")
    arguments = {"report": "sales", "period": "last 7 days", "group_by": "day"}
    report = (await session.call_tool("get_report", **arguments))["data"]
    columns = [name for name in SALES_COLUMNS if name in report["table"]["columns"]]
    sales_table = create_table(*columns)
    for row in report["table"]["rows"]:
        cells = dict(zip(report["table"]["columns"], row, strict=True))
        sales_table.add_row(*(str(cells[name]) for name in columns))
    session.show_table(sales_table)
    for row in report["totals"]["rows"]:
        totals = dict(zip(report["totals"]["columns"], row, strict=True))
        session.show_answer(
            f"{totals['sales_total']} {totals['currency']} with {totals['orders_sold']} orders; unpaid and cancelled "
            "ones are apart."
        )


async def try_too_many_deletions(session: DemoSession) -> None:
    session.show_question("Delete these 21 products.")
    await session.call_tool("delete_products", product_ids=[str(1729592969712207000 + n) for n in range(21)])


async def play_session(launch_command: list[str], console: Console) -> None:
    """Start a server of its own, in an empty home folder, and hold the conversation with it."""
    program, *arguments = launch_command
    home = tempfile.mkdtemp(prefix="tiktok-shop-demo-")
    environment = {name: text for name, text in os.environ.items() if not name.startswith("TIKTOK_SHOP_")}
    environment |= {"TIKTOK_SHOP_HOME": home, "TIKTOK_SHOP_LOG_LEVEL": "error"}
    flags = ["--sandbox", "--tools", ",".join(UNLISTED_TOOLS)]
    server = StdioServerParameters(command=program, args=[*arguments, *flags], env=environment)
    console.print(Text(" ".join([*launch_command, *flags]), style="dim"), soft_wrap=True)
    async with Client(server, mode="legacy") as client:
        tools = (await client.list_tools()).tools
        console.print(Text(f"{len(tools)} tools, on a simulated shop: nothing here is real.", style="dim"))
        session = DemoSession(client, console)
        zone = await show_shop(session)
        await show_todays_orders(session, zone)
        order = await show_waiting_order(session)
        await try_too_many_orders(session)
        await ship_order(session, order)
        await show_sales(session)
        await show_payout(session)
        await try_too_many_deletions(session)
    console.print()
    console.print(Text(f"The label lies in {home}, which is kept to look at: delete it when you like."), soft_wrap=True)
