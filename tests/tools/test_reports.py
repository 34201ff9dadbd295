"""Each report says what Python adds up from the platform's own lists: to the cent, by every grouping, in every shop."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.mirror.report_files import load_reports
from tests.sandbox.client import list_parts
from tests.tools.report_books import (
    FIRST,
    LENGTH,
    NOW,
    UNSOLD,
    ZERO,
    add,
    divide,
    flatten,
    group,
    list_units,
    money,
    read_books,
    read_rows,
    read_table,
    share,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.tools.report_books import Books, ShopBooks

Expected = dict[Any, Any]
TIMES = ("day", "week", "month")
# Nothing of the kind is in the books, so that no answer has them.
EMPTY_COLUMNS = {"buyer_nickname", "transactions_difference", "paid_out_currency", "statement_ids"}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Books:
    folder = tmp_path_factory.getbasetemp()
    return read_books(folder if worker_id == "master" else folder.parent)


@pytest.fixture(params=range(3), ids=("GB", "DE", "US"))
def shop(books: Books, request: pytest.FixtureRequest) -> ShopBooks:
    found: ShopBooks = books.shops[request.param]
    return found


def key_of_time(shop: ShopBooks, name: str) -> Callable[[Any], str]:
    return {"day": shop.to_day, "week": shop.to_week, "month": shop.to_month}[name]


def list_time_keys(shop: ShopBooks, read: Callable[[Any], Any]) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Of each grouping by time, its column and the key of a row; `read` gives a row's moment."""
    return {
        "day": ("day", lambda row: shop.to_day(read(row))),
        "week": ("week", lambda row: shop.to_week(read(row))),
        "month": ("month", lambda row: shop.to_month(read(row))),
    }


def check(rows: list[Json], key: str, expected: Expected) -> None:
    """The rows are those expected, no more and no fewer; of each row, the columns that are expected."""
    assert [row[key] for row in rows] == list(dict.fromkeys(row[key] for row in rows))
    # A column that is empty in all rows is left out.
    found = {row[key]: {name: row.get(name) for name in expected.get(row[key], {})} for row in rows}
    assert {name: compare(cells) for name, cells in found.items()} == {n: compare(c) for n, c in expected.items()}


def compare(cells: Json) -> Json:
    """Cells as they are compared: amounts as Decimal."""
    return {name: as_number(value) for name, value in cells.items()}


def as_number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return Decimal(value)
        except ArithmeticError:
            return value
    return value


def sum_orders(orders: list[Json]) -> Json:
    sold = [order for order in orders if order["status"] not in UNSOLD]
    units = list_units(orders)
    total = add(order["payment"]["total_amount"] for order in sold)
    told: Json = {
        "orders_sold": len(sold),
        "units_sold": len(units),
        "sales_total": total,
        "goods_total": add(line["sale_price"] for _, line in units),
        "average_order": divide(total, len(sold)),
        "units_cancelled": sum(len(o["line_items"]) for o in orders if o["status"] != "UNPAID") - len(units),
    }
    for name, status in (("unpaid", "UNPAID"), ("cancelled", "CANCELLED")):
        apart = [order for order in orders if order["status"] == status]
        told |= {f"orders_{name}": len(apart), f"{name}_total": add(o["payment"]["total_amount"] for o in apart)}
    return told


# ---- sales


def test_the_books_hold_what_is_hard(books: Books) -> None:
    """Several currencies, the hour that comes twice, lines cancelled alone, split orders, refunds, unpaid ones."""
    assert {shop.currency for shop in books.shops} == {"GBP", "EUR", "USD"}
    for shop in books.shops:
        orders = shop.select("orders")
        assert {order["status"] for order in orders} >= {"UNPAID", "CANCELLED", "COMPLETED", "ON_HOLD"}
        assert sum_orders(orders)["units_cancelled"] > 0
        assert any(order.get("split_or_combine_tag") == "SPLIT" for order in shop.lists["orders"])
        assert any(money(row["refund_amount"]["refund_total"]) for row in shop.lists["returns"])
        assert any(row["returning_buyers"] for row in books.get_rows("repeat_buyers", "none", shop))
    london = books.shops[0]
    assert london.lists["unsettled"]
    repeated = [london.to_local(order["create_time"]) for order in london.select("orders")]
    assert {moment.fold for moment in repeated if moment.day == 25 and moment.hour == 1} == {0, 1}


def test_sales_are_what_the_orders_say(books: Books, shop: ShopBooks) -> None:
    check(books.get_rows("sales", "none", shop), "currency", {shop.currency: sum_orders(shop.select("orders"))})


@pytest.mark.parametrize("name", [*TIMES, "hour", "weekday", "buyer", "status", "region", "warehouse"])
def test_sales_grouped_by_what_is_an_orders_own(books: Books, shop: ShopBooks, name: str) -> None:
    keys: dict[str, tuple[str, Callable[[Json], Any]]] = {
        **list_time_keys(shop, lambda o: o["create_time"]),
        "hour": ("hour", lambda o: shop.to_local(o["create_time"]).hour),
        "weekday": ("weekday", lambda o: shop.to_local(o["create_time"]).strftime("%A")),
        "buyer": ("user_id", lambda o: o["user_id"]),
        "status": ("status", lambda o: o["status"]),
        "region": ("recipient_region_code", lambda o: (o.get("recipient_address") or {}).get("region_code")),
        "warehouse": ("warehouse_id", lambda o: o.get("warehouse_id")),
    }
    column, key = keys[name]
    groups = group(shop.select("orders"), key)
    check(books.get_rows("sales", name, shop), column, {k: sum_orders(orders) for k, orders in groups.items()})


def test_sales_by_weekday_and_hour_stand_in_one_table(books: Books, shop: ShopBooks) -> None:
    expected: Counter[tuple[int, str]] = Counter()
    for order in shop.select("orders"):
        moment = shop.to_local(order["create_time"])
        expected[moment.hour, moment.strftime("%A").casefold()] += order["status"] not in UNSOLD
    rows = books.get_rows("sales", "weekday_hour", shop)
    days = [name for name in rows[0] if name.endswith("day")]
    assert len(days) == 7
    assert {(row["hour"], day): row[day] for row in rows for day in days if row[day]} == +expected
    assert all(sum(row[day] for day in days) == row["orders_sold"] for row in rows)


@pytest.mark.parametrize("name", ["product", "sku"])
def test_sales_grouped_by_what_was_bought(books: Books, shop: ShopBooks, name: str) -> None:
    lines = [(o, line) for o in shop.select("orders") for line in o["line_items"]]
    expected: Expected = {}
    for key, pairs in group(lines, lambda pair: pair[1][f"{name}_id"]).items():
        sold = [(o, line) for o, line in pairs if o["status"] not in UNSOLD]
        kept = [line for _, line in sold if line.get("display_status") != "CANCELLED"]
        expected[key] = {
            "orders_sold": len({o["id"] for o, _ in sold}),
            "units_sold": len(kept),
            "goods_total": add(line["sale_price"] for line in kept),
            "orders_cancelled": len({o["id"] for o, _ in pairs if o["status"] == "CANCELLED"}),
        }
    rows = books.get_rows("sales", name, shop)
    check(rows, f"{name}_id", expected)
    assert "sales_total" not in rows[0]
    names = {line[f"{name}_id"]: line["product_name"] for _, line in lines}
    assert all(row["product_name"] == names[row[f"{name}_id"]] for row in rows)
    # What is grouped adds up to what is not.
    (whole,) = books.get_totals("sales", name, shop)
    assert add(row["goods_total"] for row in rows) == money(whole["goods_total"])
    worths = [money(row["goods_total"]) for row in rows]
    assert worths == sorted(worths, reverse=True)


def test_two_periods_of_sales_stand_side_by_side(books: Books, shop: ShopBooks) -> None:
    now, before = sum_orders(shop.select("orders")), sum_orders(shop.select("orders", before=True))
    (row,) = books.get_rows("sales", "none", shop, compared=True)
    assert before["orders_sold"] > 0
    for name in ("sales_total", "orders_sold", "units_sold", "goods_total"):
        told = (row[name], row[f"{name}_before"], row[f"{name}_change"])
        assert tuple(map(Decimal, told)) == (now[name], before[name], now[name] - before[name])
    change = now["sales_total"] - before["sales_total"]
    expected = share(abs(change), before["sales_total"])
    assert expected is not None
    assert Decimal(row["change_percent"]) == expected.copy_sign(change)


def test_days_of_two_periods_stand_side_by_side_by_their_place(books: Books, shop: ShopBooks) -> None:
    rows = books.get_rows("sales", "day", shop, compared=True)
    sold = {
        is_before: group(shop.select("orders", before=is_before), lambda o: shop.to_day(o["create_time"]))
        for is_before in (False, True)
    }
    told: set[str] = set()
    for row in rows:
        day, day_before = row["day"], row["day_before"]
        assert day or day_before
        if day and day_before:
            place = (FIRST.fromisoformat(day) - FIRST, FIRST.fromisoformat(day_before) - (FIRST - LENGTH))
            assert place[0] == place[1]
        totals = [
            sum_orders(sold[is_before].get(key, []))["sales_total"]
            for is_before, key in ((False, day), (True, day_before))
        ]
        assert [money(row["sales_total"]), money(row["sales_total_before"])] == totals
        told |= {day, day_before}
    assert told - {None} == {*sold[False], *sold[True]}


@pytest.mark.parametrize(("name", "column"), [("product", "product_id"), ("buyer", "user_id"), ("weekday", "weekday")])
def test_what_is_in_one_of_two_periods_only_is_not_lost(books: Books, shop: ShopBooks, name: str, column: str) -> None:
    rows = books.get_rows("sales", name, shop, compared=True)
    for is_before, suffix in ((False, ""), (True, "_before")):
        (whole,) = books.get_rows("sales", "none", shop, compared=True)
        assert add(row[f"goods_total{suffix}"] for row in rows) == money(whole[f"goods_total{suffix}"])
        assert sum_orders(shop.select("orders", before=is_before))["goods_total"] == money(
            whole[f"goods_total{suffix}"]
        )
    assert len({row[column] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", ["product", "sku"])
def test_movers_are_those_whose_sales_changed_most(books: Books, shop: ShopBooks, name: str) -> None:
    sums: dict[Any, list[Decimal]] = {}
    for place, is_before in enumerate((False, True)):
        for _, line in list_units(shop.select("orders", before=is_before)):
            sums.setdefault(line[f"{name}_id"], [ZERO, ZERO])[place] += money(line["sale_price"])
    expected = {
        key: {
            "goods": now,
            "goods_before": before,
            "goods_change": now - before,
            "direction": "up" if now > before else "down",
        }
        for key, (now, before) in sums.items()
        if now != before
    }
    rows = books.get_rows("movers", name, shop)
    check(rows, f"{name}_id", expected)
    changes = [money(row["goods_change"]) for row in rows]
    assert changes == sorted(changes, reverse=True)


# ---- buyers


def test_buyers_who_came_back_are_counted(books: Books, shop: ShopBooks) -> None:
    start, end = shop.period
    by_buyer = group([o for o in shop.lists["orders"] if o["status"] not in UNSOLD], lambda o: o["user_id"])
    bought = {
        buyer: (
            [o for o in orders if start <= o["create_time"] < end],
            [o for o in orders if o["create_time"] < start],
        )
        for buyer, orders in by_buyer.items()
    }
    bought = {buyer: both for buyer, both in bought.items() if both[0]}
    again = [now for now, earlier in bought.values() if len(now) + len(earlier) > 1]
    (row,) = books.get_rows("repeat_buyers", "none", shop)
    assert compare({name: row[name] for name in row if name not in ("shop", "currency", "known_since")}) == compare(
        {
            "buyers": len(bought),
            "new_buyers": sum(not earlier for _, earlier in bought.values()),
            "returning_buyers": sum(bool(earlier) for _, earlier in bought.values()),
            "repeat_buyers": len(again),
            "repeat_buyers_percent": share(len(again), len(bought)),
            "orders_sold": sum(len(now) for now, _ in bought.values()),
            "sales_total": add(o["payment"]["total_amount"] for now, _ in bought.values() for o in now),
            "repeat_sales_total": add(o["payment"]["total_amount"] for now in again for o in now),
            "orders_before": sum(len(earlier) for _, earlier in bought.values()),
        }
    )
    expected = {
        buyer: {
            "orders_sold": len(now),
            "orders_before": len(earlier),
            "last_order_id": max(now, key=lambda o: int(o["create_time"]))["id"],
            "sales_total": add(o["payment"]["total_amount"] for o in now),
        }
        for buyer, (now, earlier) in bought.items()
        if len(now) + len(earlier) > 1
    }
    assert expected
    known_since = min(o["create_time"] for o in shop.lists["orders"])
    assert row["known_since"] == shop.to_local(known_since).isoformat()
    check(books.get_rows("repeat_buyers", "buyer", shop), "user_id", expected)


# ---- what was cancelled and what came back


DONE_CANCELLATION = ("CANCELLATION_REQUEST_SUCCESS", "CANCELLATION_REQUEST_COMPLETE")


def key_by_creation(to_key: Callable[[Any], Any], row: Json) -> Any:
    return to_key(row["create_time"])


def get_rows(rows_by_key: dict[Any, list[Json]], key: Any) -> list[Json]:
    return rows_by_key.get(key, [])


@pytest.mark.parametrize("name", ["none", "reason", "initiator", "status", *TIMES])
def test_cancellations_have_reasons_and_rates(books: Books, shop: ShopBooks, name: str) -> None:
    asked, placed = shop.select("cancellations"), shop.select("orders")
    keys: dict[str, tuple[str, Callable[[Json], Any], Callable[[Any], list[Json]]]] = {
        "none": ("currency", lambda _: shop.currency, lambda _: placed),
        "reason": ("cancel_reason_text", lambda c: c["cancel_reason_text"], lambda _: placed),
        "initiator": ("role", lambda c: c["role"], lambda _: placed),
        "status": ("cancel_status", lambda c: c["cancel_status"], lambda _: placed),
    }
    for each in TIMES:
        to_key = key_of_time(shop, each)
        in_group = group(placed, partial(key_by_creation, to_key))
        keys[each] = (each, partial(key_by_creation, to_key), partial(get_rows, in_group))
    column, key, list_placed = keys[name]
    paid = {o["id"] for o in shop.lists["orders"] if o.get("paid_time")}
    expected: Expected = {}
    for value, rows in group(asked, key).items():
        done = [c for c in rows if c["cancel_status"] in DONE_CANCELLATION]
        orders = len({c["order_id"] for c in done})
        done_paid = {c["order_id"] for c in done} & paid
        paid_here = [o for o in list_placed(value) if o["id"] in paid]
        bases = {"orders_placed": len(list_placed(value)), "orders_paid": len(paid_here)}
        expected[value] = ({} if name in ("reason", "initiator", "status") else bases) | {
            "requests": len(rows),
            "orders_cancelled": orders,
            "requests_pending": sum(c["cancel_status"] == "CANCELLATION_REQUEST_PENDING" for c in rows),
            "refund_total": add((c.get("refund_amount") or {}).get("refund_total") for c in done),
            "percent_of_placed": share(orders, len(list_placed(value))),
            "paid_orders_cancelled": len(done_paid),
            "percent_of_paid": share(len(done_paid), len(paid_here)),
        }
    assert expected
    check(books.get_rows("cancellations", name, shop), column, expected)


@pytest.mark.parametrize("name", ["product", "sku"])
def test_cancellations_by_what_was_cancelled(books: Books, shop: ShopBooks, name: str) -> None:
    lines = {line["id"]: line for order in shop.lists["orders"] for line in order["line_items"]}
    placed = [(o["id"], line[f"{name}_id"]) for o in shop.select("orders") for line in o["line_items"]]
    orders_by_key = {key: len({o for o, _ in pairs}) for key, pairs in group(placed, lambda pair: pair[1]).items()}
    asked = [
        (c, lines[item["order_line_item_id"]][f"{name}_id"])
        for c in shop.select("cancellations")
        for item in c["cancel_line_items"]
    ]
    expected: Expected = {}
    for key, pairs in group(asked, lambda pair: pair[1]).items():
        orders = len({c["order_id"] for c, _ in pairs if c["cancel_status"] in DONE_CANCELLATION})
        expected[key] = {
            "requests": len({c["cancel_id"] for c, _ in pairs}),
            "orders_cancelled": orders,
            "orders_placed": orders_by_key.get(key, 0),
            "percent_of_placed": share(orders, orders_by_key.get(key, 0)),
        }
    check(books.get_rows("cancellations", name, shop), f"{name}_id", expected)


def count_orders(rows: list[Json], is_meant: Callable[[str], bool]) -> int:
    return len({row["order_id"] for row in rows if is_meant(row["return_status"])})


def is_accepted(status: str) -> bool:
    """Whether a return of that status was agreed to or carried out."""
    return not status.endswith(("_PENDING", "_REJECT", "_CANCEL"))


def sum_returns(rows: list[Json], sold: int, *, is_whole: bool = True) -> Json:
    """What the books say of returns; not `is_whole`, without what a row of a reason leaves to the totals."""
    done = [r for r in rows if r["return_status"].endswith(("_COMPLETE", "_SUCCESS"))]
    orders = len({r["order_id"] for r in rows})
    whole = {
        "units_returned": sum(len(r["return_line_items"]) for r in rows),
        "orders_sold": sold,
        "pending_percent": share(count_orders(rows, lambda status: status.endswith("_PENDING")), sold),
        "rejected_percent": share(count_orders(rows, lambda status: status.endswith("_REJECT")), sold),
    }
    return (whole if is_whole else {}) | {
        "returns_requested": len(rows),
        "orders_with_return": orders,
        "returns_pending": sum(r["return_status"].endswith("_PENDING") for r in rows),
        "returns_completed": len(done),
        "returns_in_progress": sum(
            not r["return_status"].endswith(("_PENDING", "_COMPLETE", "_SUCCESS", "_REJECT", "_CANCEL")) for r in rows
        ),
        "returns_rejected": sum(r["return_status"].endswith("_REJECT") for r in rows),
        "returns_cancelled": sum(r["return_status"].endswith("_CANCEL") for r in rows),
        "refund_total": add(r["refund_amount"]["refund_total"] for r in done),
        "requested_percent": share(orders, sold),
        "accepted_percent": share(count_orders(rows, is_accepted), sold),
    }


@pytest.mark.parametrize("name", ["none", "reason", "type", "status", *TIMES])
def test_returns_have_reasons_and_rates(books: Books, shop: ShopBooks, name: str) -> None:
    sold = [o for o in shop.select("orders") if o["status"] not in UNSOLD]
    columns = {"none": "currency", "reason": "return_reason_text", "type": "return_type", "status": "return_status"}
    if name in TIMES:
        to_key = key_of_time(shop, name)
        in_group = Counter(to_key(o["create_time"]) for o in sold)
        groups = group(shop.select("returns"), lambda r: to_key(r["create_time"]))
        expected = {key: sum_returns(rows, in_group[key]) for key, rows in groups.items()}
    elif name == "none":
        expected = {shop.currency: sum_returns(shop.select("returns"), len(sold))}
    else:
        groups = group(shop.select("returns"), lambda r: r[columns[name]])
        expected = {key: sum_returns(rows, len(sold), is_whole=False) for key, rows in groups.items()}
    check(books.get_rows("returns", name, shop), columns.get(name, name), expected)


@pytest.mark.parametrize("name", ["product", "sku"])
def test_returns_by_what_came_back(books: Books, shop: ShopBooks, name: str) -> None:
    lines = {line["id"]: line for order in shop.lists["orders"] for line in order["line_items"]}
    units = [(r, item) for r in shop.select("returns") for item in r["return_line_items"]]
    expected: Expected = {}
    # As many orders as the report of sales calls sold, those included of which another product was cancelled.
    sales = {row[f"{name}_id"]: row["orders_sold"] for row in books.get_rows("sales", name, shop)}
    for key, pairs in group(units, lambda pair: lines[pair[1]["order_line_item_id"]][f"{name}_id"]).items():
        orders = [o for o in shop.select("orders") if o["status"] not in UNSOLD]
        sold = {o["id"] for o in orders if key in {line[f"{name}_id"] for line in o["line_items"]}}
        assert len(sold) == sales[key]
        expected[key] = {
            "returns_requested": len({r["return_id"] for r, _ in pairs}),
            "units_returned": len(pairs),
            "orders_sold": len(sold),
            "requested_percent": share(len({r["order_id"] for r, _ in pairs}), len(sold)),
            "accepted_percent": share(count_orders([r for r, _ in pairs], is_accepted), len(sold)),
        }
    check(books.get_rows("returns", name, shop), f"{name}_id", expected)


# ---- shipping


def average_hours(pairs: list[tuple[Any, Any]]) -> Decimal | None:
    spans = [int(end) - int(start) for start, end in pairs if start and end]
    return round(Decimal(sum(spans)) / len(spans) / 3600, 4) if spans else None


@pytest.mark.parametrize("name", ["none", *TIMES, "carrier", "warehouse", "delivery_option", "fulfillment"])
def test_shipping_times_and_late_dispatch(books: Books, shop: ShopBooks, name: str) -> None:
    keys: dict[str, tuple[str, Callable[[Json], Any]]] = {
        "none": ("", lambda _: None),
        **list_time_keys(shop, lambda o: o["create_time"]),
        "carrier": ("shipping_provider", lambda o: o.get("shipping_provider") or None),
        "warehouse": ("warehouse_id", lambda o: o.get("warehouse_id")),
        "delivery_option": ("delivery_option_name", lambda o: o.get("delivery_option_name")),
        "fulfillment": ("fulfillment_type", lambda o: o["fulfillment_type"]),
    }
    column, key = keys[name]
    orders = [o for o in shop.select("orders") if o["status"] not in UNSOLD]
    rows = {row.get(column): row for row in books.get_rows("shipping_times", name, shop)}
    groups = group(orders, key)
    assert rows.keys() == groups.keys()
    for value, members in groups.items():
        row = rows[value]
        late = [o for o in members if o.get("tts_sla_time") and (o.get("collection_time") or NOW) > o["tts_sla_time"]]
        taken = [o for o in members if o.get("collection_time")]
        due = {o["id"] for o in (*taken, *late)}
        assert (row["orders"], row["dispatched"], row["delivered"]) == (
            len(members),
            len(taken),
            sum(bool(o.get("delivery_time")) for o in members),
        )
        assert (row["late_dispatch"], row["dispatch_due"]) == (len(late), len(due))
        assert as_number(row["late_dispatch_percent"]) == share(len(late), len(due))
        assert row["still_late"] == sum(not o.get("collection_time") for o in late)
        for told, ends in (
            ("average_hours_to_ready", ("paid_time", "rts_time")),
            ("average_hours_to_dispatch", ("paid_time", "collection_time")),
            ("average_hours_in_transit", ("collection_time", "delivery_time")),
        ):
            hours = average_hours([(o.get(ends[0]), o.get(ends[1])) for o in members])
            assert (row[told] is None) == (hours is None)
            assert hours is None or abs(Decimal(str(row[told])) - hours) <= Decimal("0.0501")
        spans = [o["collection_time"] - o["paid_time"] for o in taken if o.get("paid_time")]
        if spans:
            assert abs(float(row["median_hours_to_dispatch"]) - median(spans) / 3600) <= 0.0501
            assert abs(float(row["max_hours_to_dispatch"]) - max(spans) / 3600) <= 0.0501
        assert row["not_dispatched_yet"] == len(members) - len(taken)


def test_each_order_that_is_late_is_named(books: Books, shop: ShopBooks) -> None:
    orders = [o for o in shop.select("orders") if o["status"] not in UNSOLD]
    rows = books.get_rows("shipping_times", "order", shop)
    assert {row["order_id"] for row in rows} == {o["id"] for o in orders}
    late = [row["late_dispatch"] for row in rows]
    assert late == sorted(late, reverse=True)


# ---- stock


def list_stock(shop: ShopBooks) -> dict[str, Json]:
    """Each SKU of products that are not deleted, with its stock by warehouse and what was sold of it."""
    places = {sku["id"]: sku["warehouse_inventory"] for row in shop.lists["inventory"] for sku in row["skus"]}
    sold = Counter(line["sku_id"] for _, line in list_units(shop.select("orders")))
    return {
        sku["id"]: {
            "product_id": product["id"],
            "status": product["status"],
            "places": places[sku["id"]],
            "available": sum(place["available_quantity"] for place in places[sku["id"]]),
            "committed": sum(place["committed_quantity"] for place in places[sku["id"]]),
            "sold": sold[sku["id"]],
        }
        for product in shop.lists["products"]
        if product["status"] != "DELETED"
        for sku in product["skus"]
    }


def cover(units: int, sold: int, shop: ShopBooks) -> float | None:
    start, end = shop.period
    return max(units, 0) * ((end - start) / 86400) / sold if sold else None


@pytest.mark.parametrize("name", ["none", "sku", "product", "status"])
def test_stock_and_how_long_it_lasts(books: Books, shop: ShopBooks, name: str) -> None:
    stock = list_stock(shop)
    keys = {"none": lambda _: None, "sku": lambda i: i[0], "product": lambda i: i[1]["product_id"]}
    groups = group(stock.items(), keys.get(name, lambda i: i[1]["status"]))
    column = {"sku": "sku_id", "product": "product_id"}.get(name, name)
    rows = {row.get(column): row for row in books.get_rows("stock", name, shop)}
    assert rows.keys() == groups.keys()
    for value, members in groups.items():
        facts = [sku for _, sku in members]
        row = rows[value]
        units, sold = sum(sku["available"] for sku in facts), sum(sku["sold"] for sku in facts)
        assert (row["units_available"], row["units_sold"]) == (units, sold)
        assert row["units_committed"] == sum(sku["committed"] for sku in facts)
        if name != "sku":
            assert row["skus"] == len(facts)
            on_sale = [sku for sku in facts if sku["status"] == "ACTIVATE"]
            assert row["skus_on_sale"] == len(on_sale)
            assert row["skus_out_of_stock"] == sum(sku["available"] <= 0 for sku in on_sale)
        if name == "none":  # of all SKUs together it would say nothing
            assert "days_of_cover" not in row
            continue
        days = cover(units, sold, shop)
        assert (row["days_of_cover"] is None) == (days is None)
        assert days is None or abs(float(row["days_of_cover"]) - days) <= 0.0501
    if name == "sku":
        left = [row["days_of_cover"] for row in rows.values()]
        lasting = [float(days) for days in left if days is not None]
        assert lasting == sorted(lasting)
        assert None not in left[: len(lasting)]


def test_stock_by_warehouse(books: Books, shop: ShopBooks) -> None:
    places = flatten(
        [[place | {"status": sku["status"]} for place in sku["places"]] for sku in list_stock(shop).values()]
    )
    expected = {
        warehouse: {
            "skus": len(rows),
            "units_available": sum(row["available_quantity"] for row in rows),
            "skus_out_of_stock": sum(row["available_quantity"] <= 0 and row["status"] == "ACTIVATE" for row in rows),
        }
        for warehouse, rows in group(places, lambda place: place["warehouse_id"]).items()
    }
    check(books.get_rows("stock", "warehouse", shop), "warehouse_id", expected)


def test_listing_problems_are_those_of_products_and_stock(books: Books, shop: ShopBooks) -> None:
    stock = list_stock(shop)
    expected = set()
    for product in shop.lists["products"]:
        available = [stock[sku["id"]]["available"] for sku in product["skus"] if sku["id"] in stock]
        status = product["status"]
        if status in ("FAILED", "FREEZE", "PLATFORM_DEACTIVATED", "PENDING"):
            expected.add((product["id"], status))
        if status == "ACTIVATE" and any(units <= 0 for units in available):
            expected.add((product["id"], "all" if all(units <= 0 for units in available) else "some"))
        if status == "ACTIVATE" and product.get("listing_quality_tier") == "POOR":
            expected.add((product["id"], "poor"))
    words = {
        "not sold: review failed": "FAILED",
        "not sold: frozen by the platform": "FREEZE",
        "not sold: taken down by the platform": "PLATFORM_DEACTIVATED",
        "not sold yet: in review": "PENDING",
        "not sold: out of stock": "all",
        "some out of stock": "some",
        "sold with poor listing quality": "poor",
    }
    rows = books.get_rows("listing_problems", "product", shop)
    found = [(row["product_id"], problem) for row in rows for problem in row["problem"].split("; ")]
    assert {(product_id, words[problem]) for product_id, problem in found} == expected
    assert len({row["product_id"] for row in rows}) == len(rows)
    by_problem = Counter(problem for _, problem in found)
    told = {row["problem"]: row["listings"] for row in books.get_rows("listing_problems", "problem", shop)}
    assert told == by_problem


# ---- money


PARTS = ("settlement_amount", "revenue_amount", "shipping_cost_amount", "fee_amount", "adjustment_amount")


@pytest.mark.parametrize("name", ["none", *TIMES, "status", "payout"])
def test_settlements_are_what_the_statements_say(books: Books, shop: ShopBooks, name: str) -> None:
    keys: dict[str, tuple[str, Callable[[Json], Any]]] = {
        "none": ("currency", lambda s: s["currency"]),
        **list_time_keys(shop, lambda s: s["statement_time"]),
        "status": ("payment_status", lambda s: s["payment_status"]),
        "payout": ("payment_id", lambda s: s.get("payment_id") or None),
    }
    column, key = keys[name]
    expected: Expected = {}
    for value, rows in group(shop.select("statements", "statement_time"), key).items():
        paid = [s for s in rows if s["payment_status"] == "PAID"]
        expected[value] = {part: add(s[part] for s in rows) for part in PARTS} | {
            "statements": len(rows),
            "statements_paid": len(paid),
            "settlement_paid_by_now": add(s["settlement_amount"] for s in paid),
            "settlement_not_paid_yet": add(s["settlement_amount"] for s in rows if s not in paid),
        }
    check(books.get_rows("settlements", name, shop), column, expected)


@pytest.mark.parametrize("name", ["none", "reason", "day", "week", "order"])
def test_what_is_not_settled_yet_is_told_with_its_time(books: Books, shop: ShopBooks, name: str) -> None:
    keys: dict[str, tuple[str, Callable[[Json], Any]]] = {
        "none": ("currency", lambda t: t["currency"]),
        "reason": ("unsettled_reason", lambda t: t["unsettled_reason"]),
        "day": ("settlement_day", lambda t: shop.to_day(t["estimated_settlement"])),
        "week": ("settlement_week", lambda t: shop.to_week(t["estimated_settlement"])),
        "order": ("order_id", lambda t: t["order_id"]),
    }
    column, key = keys[name]
    expected = {
        value: {
            "transactions": len(rows),
            "est_settlement_amount": add(t["est_settlement_amount"] for t in rows),
        }
        | (
            {}
            if name == "day"
            else {
                "est_fee_tax_amount": add(t["est_fee_tax_amount"] for t in rows),
                "last_settlement_time": shop.to_local(max(int(t["estimated_settlement"]) for t in rows)).isoformat(),
            }
        )
        for value, rows in group(shop.lists["unsettled"], key).items()
    }
    check(books.get_rows("unsettled", name, shop), column, expected)


def test_orders_that_are_not_delivered_yet_are_counted_beside_what_is_not_settled(
    books: Books, shop: ShopBooks
) -> None:
    listed = {t.get("order_id") for t in shop.lists["unsettled"]}
    settled = (*UNSOLD, "DELIVERED", "COMPLETED")
    waiting = [o for o in shop.lists["orders"] if o["status"] not in settled and o["id"] not in listed]
    (whole,) = books.get_totals("unsettled", "none", shop)
    assert whole["orders_not_delivered"] == len(waiting) > 0
    assert money(whole["not_delivered_total"]) == add(o["payment"]["total_amount"] for o in waiting)


def list_fees(shop: ShopBooks) -> list[Json]:
    """Each amount that is not zero of the transactions in statements of the period: fees, taxes, shipping."""
    start, end = shop.period
    told = [t for t in shop.lists["transactions"] if start <= t["statement"]["statement_time"] < end]
    return [
        {"section": section, "kind": field.removesuffix("_amount"), "amount": money(value), "transaction": t}
        for t in told
        for section, amounts in (
            ("fee", t.get("fee_tax_breakdown", {}).get("fee")),
            ("tax", t.get("fee_tax_breakdown", {}).get("tax")),
            ("shipping_cost", t.get("shipping_cost_breakdown")),
        )
        for field, value in list_parts(amounts).items()
        if field.endswith("_amount") and money(value)
    ]


@pytest.mark.parametrize("name", ["none", "kind", "section", "order", "statement", *TIMES])
def test_fees_are_what_the_transactions_say(books: Books, shop: ShopBooks, name: str) -> None:
    keys: dict[str, tuple[str, Callable[[Json], Any]]] = {
        "none": ("currency", lambda _: shop.currency),
        "kind": ("kind", lambda f: f["kind"]),
        "section": ("section", lambda f: f["section"]),
        "order": ("order_id", lambda f: f["transaction"].get("order_id")),
        "statement": ("statement_id", lambda f: f["transaction"]["statement"]["id"]),
        **list_time_keys(shop, lambda f: f["transaction"]["statement"]["statement_time"]),
    }
    column, key = keys[name]
    rows = books.get_rows("fees", name, shop)
    expected = {
        value: {"amount": add(f["amount"] for f in items)} for value, items in group(list_fees(shop), key).items()
    }
    check([row for row in rows if row[column] is not None or None in expected], column, expected)
    # Fees and taxes are the statements' fees, whatever they are grouped by.
    (whole,) = books.get_totals("fees", name, shop)
    statements = add(s["fee_amount"] for s in shop.select("statements", "statement_time"))
    assert money(whole["platform_fees"]) + money(whole["creator_commission"]) + money(whole["taxes"]) == statements < 0
    commission = add(f["amount"] for f in list_fees(shop) if "affiliate" in f["kind"])
    assert money(whole["creator_commission"]) == commission < 0
    revenue = add(s["revenue_amount"] for s in shop.select("statements", "statement_time"))
    assert money(whole["revenue"]) == revenue > 0
    adjustments = add(s["adjustment_amount"] for s in shop.select("statements", "statement_time"))
    assert money(whole["adjustments"]) == adjustments
    assert as_number(whole["platform_fees_percent"]) == share(-money(whole["platform_fees"]), revenue)
    assert as_number(whole["percent_of_revenue"]) == share(-money(whole["amount"]), revenue)
    if name in ("kind", "section"):
        for row in rows:
            costs = -money(row["amount"])
            part = share(abs(costs), revenue) or ZERO
            assert as_number(row["percent_of_revenue"]) == (part if costs > 0 else -part)
    assert add(row["amount"] for row in rows) == money(whole["amount"])
    assert as_number(whole["without_shipping_percent"]) == share(-statements, revenue)
    if name in ("statement", *TIMES):
        own = {
            "statement": lambda s: s["id"],
            **{n: k for n, (_, k) in list_time_keys(shop, lambda s: s["statement_time"]).items()},
        }
        groups = group(shop.select("statements", "statement_time"), own[name])
        assert {row[column] for row in rows} == groups.keys()
        for row in rows:
            earned = add(s["revenue_amount"] for s in groups[row[column]])
            assert money(row["revenue"]) == earned
            assert money(row["adjustments"]) == add(s["adjustment_amount"] for s in groups[row[column]])
            assert as_number(row["percent_of_revenue"]) == (
                share(-money(row["amount"]), earned) if earned > 0 else None
            )


def test_fees_of_each_month_by_kind_add_up_to_the_months(books: Books, shop: ShopBooks) -> None:
    month, kinds = shop.to_month, books.get_rows("fees", "month_kind", shop)
    expected = group(
        list_fees(shop),
        lambda f: (month(f["transaction"]["statement"]["statement_time"]), f["section"], f["kind"]),
    )
    found = {(row["month"], row["section"], row["kind"]): money(row["amount"]) for row in kinds}
    assert found == {key: add(f["amount"] for f in items) for key, items in expected.items()}
    months = {row["month"]: row for row in books.get_rows("fees", "month", shop)}
    assert len(months) > 1
    assert [row["month"] for row in kinds] == sorted(row["month"] for row in kinds)
    for name, whole in months.items():
        rows = [row for row in kinds if row["month"] == name]
        assert add(row["amount"] for row in rows) == money(whole["amount"])
        for row in rows:
            costs, revenue = -money(row["amount"]), money(whole["revenue"])
            part = share(abs(costs), revenue) or ZERO
            assert revenue <= 0 or as_number(row["percent_of_revenue"]) == (part if costs > 0 else -part)


def test_fees_by_sku_are_told_order_by_order_and_add_up(books: Books, shop: ShopBooks) -> None:
    start, end = shop.period
    meant = {s["id"] for s in shop.lists["statements"] if start <= s["statement_time"] < end}
    expected: Counter[str] = Counter()
    for row in shop.lists["order_fees"]:
        if row["statement_id"] not in meant:
            continue
        breakdowns = (
            row["fee_tax_breakdown"]["fee"],
            row["fee_tax_breakdown"]["tax"],
            row["shipping_cost_breakdown"],
        )
        expected[row["sku_id"]] += add(v for part in breakdowns for v in list_parts(part).values())  # type: ignore[assignment]
    rows = books.get_rows("fees", "sku", shop)
    assert {row["sku_id"]: money(row["amount"]) for row in rows if row["sku_id"]} == {
        k: v for k, v in expected.items() if k
    }
    (whole,) = books.get_totals("fees", "sku", shop)
    assert add(row["amount"] for row in rows) == money(whole["amount"])


def test_payouts_carry_their_statements_and_agree(books: Books, shop: ShopBooks) -> None:
    start, end = shop.period
    made = {p["id"]: p for p in shop.lists["payments"] if start <= p["create_time"] < end}
    rows = {row["payment_id"]: row for row in books.get_rows("payouts", "payout", shop)}
    assert {key for key in rows if key} == made.keys()
    for payment_id, payment in made.items():
        carried = [s for s in shop.lists["statements"] if s.get("payment_id") == payment_id]
        row = rows[payment_id]
        assert row["statements"] == len(carried)
        assert "statement_ids" not in row  # told where something differs
        settled = add(s["settlement_amount"] for s in carried)
        in_them = [t for t in shop.lists["transactions"] if t["statement"] in carried]
        assert money(row["settlement"]) == settled == add(t["settlement_amount"] for t in in_them)
        assert row["transactions"] == len(in_them)
        assert money(row["paid_to_bank"]) == money(payment["amount"]["value"])
        assert money(row["settlement"]) + money(row["reserve"]) == money(row["paid_to_bank"])
        assert (row["agrees"], row["differences"], row["status"]) == (True, 0, payment["status"])
    waiting = [s for s in shop.select("statements", "statement_time") if not s.get("payment_id")]
    assert (None in rows) == bool(waiting)
    if waiting:
        assert money(rows[None]["settlement"]) == add(s["settlement_amount"] for s in waiting)
        assert rows[None]["paid_to_bank"] is None
    assert not books.get_rows("payouts", "difference", shop)


def test_statements_of_payouts_stand_one_by_one(books: Books, shop: ShopBooks) -> None:
    rows = books.get_rows("payouts", "statement", shop)
    by_id = {s["id"]: s for s in shop.lists["statements"]}
    for row in rows:
        statement = by_id[row["statement_id"]]
        assert money(row["settlement"]) == money(statement["settlement_amount"])
        assert "transactions_difference" not in row
        assert (row["payment_id"], row["payment_status"]) == (
            statement.get("payment_id"),
            statement["payment_status"],
        )
    (whole,) = books.get_totals("payouts", "statement", shop)
    assert (whole["statements"], whole["agrees"]) == (len(rows), True)
    paid_or_not = money(whole["paid_to_bank"]) + money(whole["not_paid_out"])
    assert money(whole["settlement"]) + money(whole["reserve"]) == paid_or_not


@pytest.mark.parametrize("name", ["none", "creator", "product", "sku", "content", "status", "order", *TIMES])
def test_commission_of_creators(books: Books, shop: ShopBooks, name: str) -> None:
    start, end = shop.period
    # A list may tell the same SKU of an order twice: it is one, as last told.
    listed = {
        (o["id"], sku["sku_id"], sku["creator_username"]): (o, sku)
        for o in shop.lists["affiliate"]
        for sku in o["skus"]
    }
    brought = [(o, sku) for o, sku in listed.values() if start <= int(o["create_time"]) < end]
    keys: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "none": ("currency", lambda p: p[1]["price"]["currency"]),
        "creator": ("creator_username", lambda p: p[1]["creator_username"]),
        "product": ("product_id", lambda p: p[1]["product_id"]),
        "sku": ("sku_id", lambda p: p[1]["sku_id"]),
        "content": ("content_type", lambda p: p[1].get("content_type")),
        "status": ("settlement_status", lambda p: p[1].get("settlement_status") or None),
        "order": ("order_id", lambda p: p[0]["id"]),
        **list_time_keys(shop, lambda p: p[0]["create_time"]),
    }
    column, key = keys[name]
    expected: Expected = {}
    for value, pairs in group(brought, key).items():
        skus = [sku for _, sku in pairs]

        def total(*names: str, skus: list[Json] = skus) -> Decimal:
            return add((sku.get(n) or {}).get("amount") for sku in skus for n in names)

        sales = sum((money(sku["price"]["amount"]) * int(sku["quantity"]) for sku in skus), ZERO)
        estimated = total("estimated_paid_commission", "estimated_paid_shop_ads_commission")
        expected[value] = {
            "units": sum(int(sku["quantity"]) for sku in skus),
            "sales": sales,
            "commission_estimated": estimated,
            "commission_paid": total("actual_paid_commission", "actual_paid_shop_ads_commission"),
            "commission_percent": share(estimated, sales),
        }
        if name != "order":
            expected[value]["orders"] = len({o["id"] for o, _ in pairs})
    check(books.get_rows("affiliate_commission", name, shop), column, expected)


# ---- what holds for all


def test_each_shops_period_is_in_its_own_days(books: Books) -> None:
    data = books.answers["sales", "day", "compared"]
    assert list(data["shops"]) == [shop.label for shop in books.shops]
    assert data["period"] == "2026-10-18 to 2026-11-22, so far"
    for shop in books.shops:
        cut = shop.to_local(shop.before[1]).isoformat(timespec="minutes")
        assert data["compared_with"][shop.label] == f"2026-09-12 to 2026-10-17, up to {cut}"


@pytest.mark.parametrize("name", load_reports())
def test_every_column_is_described_and_every_description_is_one(books: Books, name: str) -> None:
    report = load_reports()[name]
    described = set(report.columns) | set(report.keys)
    totals = set(books.answers[name, "none", ""]["totals"]["columns"]) - {"shop"}
    assert totals <= described
    assert described - totals <= EMPTY_COLUMNS | set(report.without)
    for choice, grouping in report.group_by.items():
        data = books.answers[name, choice, ""]
        shown = {*data["table"]["columns"], *data.get("same_in_all_rows", ()), *report.keys} - {"shop"}
        keys = {*grouping.keys, *grouping.labels}
        whole = (described - set(grouping.without)) | keys
        assert shown <= whole
        assert whole - shown <= EMPTY_COLUMNS or not data["table"]["rows"]
        assert set(grouping.without) <= described


@pytest.mark.parametrize("name", [n for n, report in load_reports().items() if "currency" in report.keys])
def test_no_row_adds_currencies_up(books: Books, name: str) -> None:
    for (report, _, _), data in books.answers.items():
        if report == name and "table" in data:
            for shop in books.shops:
                assert {row["currency"] for row in read_table(data["totals"], shop.label)} <= {shop.currency}
                assert {row["currency"] for row in read_rows(data, shop.label)} <= {shop.currency}
