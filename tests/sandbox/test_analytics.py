"""Analytics are the orders added up: by the shop's own days, by product, by SKU, to the penny."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.sandbox.client import NOW, Clock
from tests.sandbox.conftest import calling

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Json

SHOP = "/analytics/202609/shop/performance"
PRODUCTS = "/analytics/202605/shop_products/performance"
SKUS = "/analytics/202509/shop_skus/performance"
LONDON = ZoneInfo("Europe/London")
TODAY = datetime.fromtimestamp(NOW, LONDON).date()
MONTH = {"start_date_ge": str(TODAY - timedelta(days=30)), "end_date_lt": str(TODAY + timedelta(days=1))}


def midnight(day: date, zone: ZoneInfo = LONDON) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


async def intervals(caller: Caller, path: str, **query: str) -> Any:
    return (await caller.call("GET", path, query))["performance"]["intervals"]


async def test_a_months_sales_are_its_paid_orders(caller: Caller) -> None:
    sales = caller.shop.sum_sales(midnight(TODAY - timedelta(days=30)), NOW + 1, NOW)
    (whole,) = await intervals(caller, SHOP, **MONTH)
    told = whole["sales"]
    assert (Decimal(told["gmv"]["amount"]), told["orders_count"]) == (sales.amount, sales.orders)
    assert told["gmv"]["currency"] == "GBP"
    parts = [told[f"{name}_attributed_gmv"] for name in ("live", "video", "product_card")]
    assert sum(Decimal(part["amount"]) for part in parts) == sales.amount
    assert told["cancellations_and_returns"] >= sales.cancelled


async def test_days_add_up_to_the_whole(caller: Caller) -> None:
    (whole,) = await intervals(caller, SHOP, **MONTH)
    days = await intervals(caller, SHOP, granularity="1D", **MONTH)
    assert len(days) == 31
    for name in ("gmv", "shipping_fees", "refunds"):
        assert sum(Decimal(d["sales"][name]["amount"]) for d in days) == Decimal(whole["sales"][name]["amount"])
    for name in ("orders_count", "items_sold", "sku_orders_count"):
        assert sum(d["sales"][name] for d in days) == whole["sales"][name]
    assert days[0]["end_date"] == days[1]["start_date"]


@pytest.mark.parametrize(("account", "zone"), [(0, "Europe/London"), (1, "America/Los_Angeles")])
async def test_days_begin_at_the_shops_midnight(three: Caller, account: int, zone: str) -> None:
    three.account = account
    home = ZoneInfo(zone)
    today = datetime.fromtimestamp(NOW, home).date()
    for back in range(6):
        day = today - timedelta(days=back)
        end = day + timedelta(days=1)
        (told,) = await intervals(three, SHOP, start_date_ge=str(day), end_date_lt=str(end))
        sales = three.shop.sum_sales(midnight(day, home), midnight(end, home), NOW)
        assert Decimal(told["sales"]["gmv"]["amount"]) == sales.amount


async def test_the_hours_of_a_day_add_up_to_it(caller: Caller) -> None:
    day = TODAY - timedelta(days=1)
    path = f"/analytics/202510/shop/performance/{day}/performance_per_hour"
    told = (await caller.call("GET", path))["performance"]
    (whole,) = await intervals(caller, SHOP, start_date_ge=str(day), end_date_lt=str(TODAY))
    assert len(told["intervals"]) == 24
    assert told["overall"]["gmv"] == whole["sales"]["gmv"]
    hours = sum(Decimal(hour["gmv"]["amount"]) for hour in told["intervals"])
    assert hours == Decimal(told["overall"]["gmv"]["amount"])


async def test_products_and_skus_agree_with_the_lines(caller: Caller) -> None:
    start = midnight(TODAY - timedelta(days=30))
    sold: dict[str, Decimal] = {}
    for order in caller.shop.orders.values():
        if order.create_time >= start and order.get_status(NOW) not in ("UNPAID", "CANCELLED"):
            for line in order.lines:
                sold[line.sku.id] = sold.get(line.sku.id, Decimal(0)) + line.sale_price
    skus = await caller.all_pages("GET", SKUS, MONTH | {"page_size": "30"}, None, "skus")
    assert {str(s["id"]): Decimal(s["gmv"]["amount"]) for s in skus if s["units_sold"]} == sold
    amounts = [Decimal(s["gmv"]["amount"]) for s in skus]
    assert amounts == sorted(amounts, reverse=True)
    products = await caller.all_pages("GET", PRODUCTS, MONTH | {"page_size": "15"}, None, "products")
    by_product = {p["id"]: Decimal(p["total_performance"]["gmv"]["amount"]) for p in products}
    assert sum(by_product.values()) == sum(sold.values())
    for product_id, amount in list(by_product.items())[:3]:
        path = f"/analytics/202509/shop_products/{product_id}/performance"
        (told,) = await intervals(caller, path, **MONTH)
        assert Decimal(told["sales"]["gmv"]["amount"]) == amount


async def test_a_skus_days_add_up(caller: Caller) -> None:
    best = (await caller.call("GET", SKUS, MONTH | {"page_size": "1"}))["skus"][0]
    path = f"/analytics/202509/shop_skus/{best['id']}/performance"
    days = await intervals(caller, path, granularity="1D", **MONTH)
    assert sum(day["items_sold"] for day in days) == best["units_sold"]
    assert sum(Decimal(day["gmv"]["amount"]) for day in days) == Decimal(best["gmv"]["amount"])
    parts = [Decimal(part["amount"]) for day in days for part in day["gmv_breakdown"]]
    assert sum(parts) == Decimal(best["gmv"]["amount"])


async def test_lists_are_sorted_and_filtered(caller: Caller) -> None:
    query = MONTH | {"page_size": "100", "sort_field": "items_sold", "sort_order": "ASC"}
    found = await caller.all_pages("GET", PRODUCTS, query, None, "products")
    units = [p["total_performance"]["items_sold"] for p in found]
    assert units == sorted(units)
    inactive = await caller.all_pages("GET", PRODUCTS, query | {"product_status_filter": "INACTIVE"}, None, "products")
    assert {caller.shop.products[p["id"]].status for p in inactive} == {
        "SELLER_DEACTIVATED",
        "DRAFT",
        "FAILED",
        "FREEZE",
    }
    pots = await caller.all_pages("GET", PRODUCTS, query | {"category_filter": "809736"}, None, "products")
    assert {caller.shop.products[p["id"]].category_id for p in pots} == {"809736"}


async def test_figures_come_in_dollars_too(caller: Caller) -> None:
    (pounds,) = await intervals(caller, SHOP, **MONTH)
    (dollars,) = await intervals(caller, SHOP, currency="USD", **MONTH)
    assert dollars["sales"]["gmv"]["currency"] == "USD"
    assert Decimal(dollars["sales"]["gmv"]["amount"]) > Decimal(pounds["sales"]["gmv"]["amount"])


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-11-02", "2026-11-02"), ("2026-11-03", "2026-11-02"), ("today", "2026-11-02"), ("2027-01-01", "2027-01-02"),
     ("2024-01-01", "2026-01-01")],
)  # fmt: skip
async def test_ranges_are_checked(caller: Caller, start: str, end: str) -> None:
    assert await caller.code("GET", SHOP, {"start_date_ge": start, "end_date_lt": end}) == 28001022


async def test_unknown_products_have_no_figures(caller: Caller) -> None:
    assert await caller.code("GET", "/analytics/202509/shop_products/1729/performance", MONTH) == 28001007
    assert await caller.code("GET", "/analytics/202509/shop_skus/1729/performance", MONTH) == 28001007


async def test_a_cancelled_order_leaves_the_figures(caller: Caller) -> None:
    order = next(o for o in reversed(caller.shop.orders.values()) if o.get_status(NOW) == "AWAITING_SHIPMENT")
    (before,) = await intervals(caller, SHOP, **MONTH)
    body: Json = {"order_id": order.id, "cancel_reason": "seller_cancel_reason_out_of_stock"}
    await caller.call("POST", "/return_refund/202602/cancellations", None, body)
    (after,) = await intervals(caller, SHOP, **MONTH)
    gone = Decimal(before["sales"]["gmv"]["amount"]) - Decimal(after["sales"]["gmv"]["amount"])
    assert gone == order.total_amount


async def test_a_big_shop_answers_in_time() -> None:
    async with calling(Sandbox(orders=5_000, clock=Clock())) as caller:
        sales = caller.shop.sum_sales(midnight(TODAY - timedelta(days=30)), NOW + 1, NOW)
        days = await intervals(caller, SHOP, granularity="1D", **MONTH)
        assert sum(Decimal(d["sales"]["gmv"]["amount"]) for d in days) == sales.amount
