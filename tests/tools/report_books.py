"""A platform of three shops read twice: its lists row by row, and every report in every grouping, through MCP."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from filelock import FileLock
from mcp import Client

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.mirror.report_files import load_reports
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from tests.conftest import CATALOG
from tests.platform.test_tokens import good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from mcp_server_tiktok_shop.catalog.operation import Json

NOW = 1_795_349_472  # a Sunday in November 2026, towards noon
# Clocks go back in it, in London and Berlin on 25 October, in Los Angeles on 1 November; it is not over.
PERIOD = "2026-10-18/2026-11-22"
FIRST, LAST = date(2026, 10, 18), date(2026, 11, 22)
LENGTH = timedelta(days=36)
ZERO = Decimal(0)
CENT = Decimal("0.01")
UNSOLD = ("UNPAID", "CANCELLED")
LISTS: dict[str, tuple[str, str, Json]] = {
    "orders": ("get_order_list", "orders", {"page_size": 100}),
    "cancellations": ("search_cancellations", "cancellations", {"page_size": 50}),
    "returns": ("search_returns", "return_orders", {"page_size": 50}),
    "products": ("search_products", "products", {"page_size": 100, "status": "ALL"}),
    "statements": ("get_statements", "statements", {"page_size": 100, "sort_field": "statement_time"}),
    "payments": ("get_payments", "payments", {"page_size": 100, "sort_field": "create_time"}),
    "unsettled": (
        "get_unsettled_transactions",
        "transactions",
        {"page_size": 100, "sort_field": "order_create_time"},
    ),
    "affiliate": ("search_seller_affiliate_orders", "orders", {"page_size": 100}),
}
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
COMPARED = {("sales", name) for name in ("none", "day", "product", "buyer", "weekday")}
Key = tuple[str, str, str]  # report, grouping, `compared` or nothing


@dataclass(frozen=True)
class ShopBooks:
    """One shop's lists as the platform gives them."""

    label: str
    zone: ZoneInfo
    currency: str
    lists: dict[str, list[Json]]

    @property
    def period(self) -> tuple[float, float]:
        return self.to_midnight(FIRST), NOW + 1

    @property
    def before(self) -> tuple[float, float]:
        """As much of the days before as there is of the period."""
        wall = datetime.fromtimestamp(NOW, self.zone).replace(tzinfo=None) - LENGTH
        return self.to_midnight(FIRST - LENGTH), wall.replace(tzinfo=self.zone).timestamp()

    def to_midnight(self, day: date) -> float:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()

    def select(self, name: str, field_name: str = "create_time", *, before: bool = False) -> list[Json]:
        start, end = self.before if before else self.period
        return [row for row in self.lists[name] if start <= int(row[field_name]) < end]

    def to_local(self, moment: Any) -> datetime:
        return datetime.fromtimestamp(int(moment), self.zone)

    def to_day(self, moment: Any) -> str:
        return self.to_local(moment).date().isoformat()

    def to_week(self, moment: Any) -> str:
        year, week, _ = self.to_local(moment).isocalendar()
        return f"{year}-W{week:02}"

    def to_month(self, moment: Any) -> str:
        return self.to_day(moment)[:7]


@dataclass
class Books:
    shops: list[ShopBooks] = field(default_factory=list)
    answers: dict[Key, Json] = field(default_factory=dict)

    def get_rows(self, report: str, group: str, shop: ShopBooks, *, compared: bool = False) -> list[Json]:
        """The rows of a shop, by column."""
        data = self.answers[report, group, "compared" if compared else ""]
        return read_table(data["totals"], shop.label) if group == "none" else read_rows(data, shop.label)

    def get_totals(self, report: str, group: str, shop: ShopBooks) -> list[Json]:
        return read_table(self.answers[report, group, ""]["totals"], shop.label)


def read_table(table: Json, label: str | None = None) -> list[Json]:
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table.get("rows", [])]
    return [row for row in rows if label is None or row["shop"] == label]


def read_rows(data: Json, label: str | None = None) -> list[Json]:
    """The rows of a report, whole: with what all of them have in common, and the currency that the totals tell."""
    currencies = {row.get("shop"): row["currency"] for row in read_table(data["totals"]) if "currency" in row}
    rows = [
        {"currency": currencies.get(row.get("shop"))} | data.get("same_in_all_rows", {}) | row
        for row in read_table(data["table"], label)
    ]
    return rows if currencies else [{name: cell for name, cell in row.items() if name != "currency"} for row in rows]


def money(value: Any) -> Decimal:
    return Decimal(value or 0)


def add(values: Iterable[Any]) -> Decimal:
    return sum(map(money, values), ZERO)


def divide(total: Decimal, count: int) -> Decimal | None:
    """To the cent, half a cent away from zero."""
    return (total / count).quantize(CENT, ROUND_HALF_UP) if count else None


def share(part: Any, whole: Any) -> Decimal | None:
    """In percent, to one decimal, half up."""
    return (Decimal(part) * 100 / Decimal(whole)).quantize(Decimal("0.1"), ROUND_HALF_UP) if whole else None


def group(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    found: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)


def list_units(orders: Iterable[Json]) -> list[tuple[Json, Json]]:
    """Each unit of orders that go on, with its order; those cancelled by themselves are none."""
    sold = (order for order in orders if order["status"] not in UNSOLD)
    return [(o, line) for o in sold for line in o["line_items"] if line.get("display_status") != "CANCELLED"]


def read_books(folder: Path) -> Books:
    """The books, read once by the first of the processes that share a folder."""
    kept = folder / "books.pickle"
    with FileLock(folder / "books.lock"):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(asyncio.run(_read_books(folder / "home"))))
    books: Books = pickle.loads(kept.read_bytes())  # noqa: S301 - written here
    return books


async def _read_books(home: Path) -> Books:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    sandbox = Sandbox(shops=3, orders=260, clock=lambda: NOW)
    _disturb(sandbox)
    settings = {"SANDBOX": "1", "HOME": str(home), "RESULT_BYTES": "4000000", "BUYER_DATA": "full"}
    parts = build_app(
        read_settings({f"TIKTOK_SHOP_{name}": value for name, value in settings.items()}),
        sandbox=sandbox,
        catalog=CATALOG,
        runtime=Runtime(lambda: NOW, lambda: sum(waits), sleep),
        call_timeout_s=10_000.0,
    )
    books = Books()
    async with Client(parts.build_server(), mode="auto") as client:
        for row in good(await client.call_tool("list_shops", {}))["data"]["shops"]:
            books.shops.append(await _read_shop(client, row))
        for report in load_reports().values():
            for name in ("none", *report.group_by):
                asked: Json = {"report": report.name, "group_by": name, "limit": 10_000, "columns": ["all"]}
                if report.period:
                    asked["period"] = PERIOD
                books.answers[report.name, name, ""] = await _ask(client, asked)
                if (report.name, name) in COMPARED:
                    compared = await _ask(client, asked | {"compare_with": "previous period"})
                    books.answers[report.name, name, "compared"] = compared
    return books


def _disturb(sandbox: Sandbox) -> None:
    """What a seed does not hold: the hour that comes twice, lines cancelled alone, a brand-new second currency."""
    now = int(NOW)
    for shop in sandbox.state.shops:
        orders = list(shop.orders.values())
        for place, order in enumerate(orders[:40:4]):
            # Between 23:30 and 03:30 UTC of the day on which clocks go back.
            order.create_time = 1_792_884_600 + 1_440 * place
        lately = [order for order in orders if order.create_time > now - 30 * 86400 and len(order.lines) > 1]
        going_on = [order for order in lately if order.get_status(now) in ("COMPLETED", "DELIVERED")]
        for order in going_on[:5]:
            order.lines[0].cancel_time = order.paid_time + 60
        shop.mark_changed()


async def _read_shop(client: Client, row: Json) -> ShopBooks:
    label = row["region"]  # which no two of them share
    lists = {name: await _read_all(client, *told, label) for name, told in LISTS.items()}
    ids = [product["id"] for product in lists["products"] if product["status"] != "DELETED"]
    lists["inventory"] = []
    for start in range(0, len(ids), 100):
        asked = {"product_ids": ids[start : start + 100], "shop": label}
        lists["inventory"] += good(await client.call_tool("inventory_search", asked))["data"]["inventory"]
    lists["transactions"] = []
    for statement in lists["statements"]:
        asked = {"statement_id": statement["id"], "page_size": 100, "sort_field": "order_create_time"}
        rows = await _read_all(client, "get_transactions_by_statement", "transactions", asked, label)
        lists["transactions"] += [transaction | {"statement": statement} for transaction in rows]
    lists["order_fees"] = []
    for order_id in {row["order_id"] for row in lists["transactions"] if row.get("order_id")}:
        asked = {"order_id": order_id, "shop": label, "fields": ["sku_transactions"]}
        lists["order_fees"] += good(await client.call_tool("get_transactions_by_order", asked))["data"][
            "sku_transactions"
        ]
    return ShopBooks(label, ZoneInfo(row["time_zone"]), row["currency"], lists)


async def _read_all(client: Client, name: str, rows: str, asked: Json, label: str) -> list[Json]:
    found: list[Json] = []
    token: Any = ""
    while token is not None:
        page = {"page_token": token} if token else {}
        told = good(await client.call_tool(name, asked | page | {"shop": label, "fields": [rows]}))
        assert "left_out" not in told
        found += read_times(told["data"].get(rows, []))
        token = told.get("next_page_token")
    return found


async def _ask(client: Client, asked: Json) -> Json:
    told = good(await client.call_tool("get_report", asked))
    assert "left_out" not in told
    data: Json = told["data"]
    assert data["complete"], data["note"]
    return data


def flatten(lists: Sequence[Sequence[Any]]) -> list[Any]:
    return [item for inner in lists for item in inner]


def read_times(value: Any) -> Any:
    """The value with every time in it as Unix seconds again, as the platform gave it."""
    if isinstance(value, dict):
        return {name: read_times(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [read_times(inner) for inner in value]
    if isinstance(value, str) and ISO_TIME.fullmatch(value):
        return int(datetime.fromisoformat(value).timestamp())
    return value
