"""Profit agrees with the statements to the cent, and no cost is guessed: counted again from the platform's lists."""

from __future__ import annotations

import io
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from xlsxwriter import Workbook

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import bad, good
from tests.sandbox.client import NOW, Clock, list_parts
from tests.tools.platform_lists import add_up, at_the_shop, to_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mcp import Client

    from tests.conftest import Connect
    from tests.sandbox.client import Json
    from tests.tools.platform_lists import PlatformLists

TOOL = "get_profit"
ALL_TIME = "2026-08-26/2026-11-22"
FEES_BY_ORDER = "get_transactions_by_order"
ZONES = {"GB": "Europe/London", "DE": "Europe/Berlin", "US": "America/Los_Angeles"}
CENT = Decimal("0.01")
WIDE_RESULT_BYTES = 1_000_000  # in which every row of the simulated shops stands
Amounts = dict[str, Decimal]


@pytest.fixture(scope="module")
def three() -> Sandbox:
    """Nothing here changes it for long."""
    return Sandbox(shops=3, clock=Clock())


@pytest.fixture(scope="module")
def shared() -> Sandbox:
    return Sandbox(clock=Clock())


async def ask_profit(client: Client, **arguments: Any) -> Json:
    data: Json = good(await client.call_tool(TOOL, {"period": ALL_TIME, "limit": 1000, "columns": "all"} | arguments))[
        "data"
    ]
    return data


def own_names(transaction: Json, prefix: str = "") -> Amounts:
    """A transaction's amounts by the names under which a profit tells them."""
    revenue, shipping, fees, settlement = (
        Decimal(transaction[f"{prefix}{name}_amount"]) for name in ("revenue", "shipping_cost", "fee_tax", "settlement")
    )
    adjustment = Decimal(transaction.get(f"{prefix}adjustment_amount", "0"))
    parts = transaction.get("revenue_breakdown", {})
    refunds = sum((Decimal(amount) for name, amount in parts.items() if "refund" in name), Decimal(0))
    found = defaultdict(Decimal, {"refunds": refunds, "sales": revenue - refunds, "shipping": shipping})
    found["ads" if transaction["type"] == "GMV_PAYMENT_FOR_ADS" else "adjustments"] += adjustment
    for section in transaction.get("fee_tax_breakdown", {}).values():
        for name, amount in list_parts(section).items():
            kind = name.removesuffix("_amount")
            found["affiliate_commission" if "affiliate" in kind else kind] += Decimal(amount)
    named = sum(amount for name, amount in found.items() if name not in ("refunds", "sales", "shipping"))
    found["other_fees"] = fees + adjustment - named
    assert sum(found.values()) == settlement
    return {name: amount for name, amount in found.items() if amount}


async def transactions(shop: PlatformLists) -> list[tuple[str, Json, Amounts]]:
    """Every transaction with its basis and its amounts by name, those of statements first."""
    found = [
        ("settled", row | {"statement": statement}, own_names(row))
        for statement in await shop.statements()
        for row in await shop.transactions(statement["id"])
        if row["type"] != "RESERVE"
    ]
    return found + [("estimated", row, own_names(row | {"type": "ORDER"}, "est_")) for row in await shop.unsettled()]


def is_sold(line: Json) -> bool:
    return bool(line["display_status"] != "CANCELLED")


def spread(amount: Decimal, order: Json) -> Amounts:
    """An amount laid to the SKUs of an order by the value of its lines, each its floor, then cents to the most cut."""
    lines = [line for line in order["line_items"] if is_sold(line)] or order["line_items"]
    weights: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        weights[line["sku_id"]] += int((Decimal(line["original_price"]) - Decimal(line["seller_discount"])) * 100)
    cents, total = int(abs(amount) * 100), sum(weights.values())
    floors = {sku: cents * weight // total for sku, weight in weights.items()}
    by_rest = sorted(weights, key=lambda sku: (-(cents * weights[sku] % total), sku))
    for sku in by_rest[: cents - sum(floors.values())]:
        floors[sku] += 1
    sign = -1 if amount < 0 else 1
    return {sku: sign * Decimal(share) / 100 for sku, share in floors.items()}


def amounts_of(row: Json) -> Amounts:
    """The amounts of a row that add up to its settlement, those of nothing left out.

    Where nothing was refunded, net sales stand for sales.
    """
    if "sales" not in row:
        assert "refunds" not in row
        row = {"sales": row["net_sales"]} | row
    names = [name for name in row if name not in ("shop", "basis", "currency", "units", "net_sales", "settlement")]
    end = names.index("shipping") if "shipping" in names else 0
    start = names.index("sales")
    known = names[start : end + 1] + [name for name in ("adjustments", "ads", "unexplained") if name in names]
    return {name: Decimal(row[name]) for name in known if Decimal(row[name])}


def profit_rows(data: Json) -> list[Json]:
    """The rows, whole: with what all of them have in common, and the currency that the totals tell."""
    currencies = {row.get("shop"): row["currency"] for row in to_rows(data["totals"])}
    return [
        {"currency": currencies[row.get("shop")]} | data.get("same_in_all_rows", {}) | row
        for row in to_rows(data["profit"])
    ]


def by_key(rows: list[Json], name: str) -> dict[tuple[str, str | None], Json]:
    found = {(row["basis"], row[name]): row for row in rows}
    assert len(found) == len(rows)
    return found


# ---- amounts


async def test_a_periods_profit_is_its_statements_to_the_cent_in_every_currency(
    connect: Connect, three: Sandbox
) -> None:
    async with at_the_shop(connect, three, Clock()) as (client, shops):
        data = await ask_profit(client, by="statement", group_by="month", period="2026-10")
        totals = {row["shop"]: row for row in to_rows(data["totals"])}
        told = {row["shop"]: row for row in data["statements"]}
        for shop in shops:
            zone = ZoneInfo(ZONES[shop.shop.region])
            start, end = (datetime(2026, month, 1, tzinfo=zone).timestamp() for month in (10, 11))
            statements = [s for s in await shop.statements() if start <= s["statement_time"] < end]
            rows = [own_names(t) for s in statements for t in await shop.transactions(s["id"])]
            expected: defaultdict[str, Decimal] = defaultdict(Decimal)
            for row in rows:
                for name, amount in row.items():
                    expected[name] += amount
            total = totals[shop.shop.region]
            assert amounts_of(total) == {name: amount for name, amount in expected.items() if amount}
            assert Decimal(total["settlement"]) == add_up(statements, "settlement_amount")
            assert Decimal(total["net_sales"]) == add_up(statements, "net_sales_amount")
            assert total["basis"] == "settled"
            assert told[shop.shop.region] == {
                "shop": shop.shop.region,
                "currency": shop.shop.currency,
                "statements": len(statements),
                "settlement": total["settlement"],
                "difference": "0.00",
            }
    assert {row["currency"] for row in totals.values()} == {"GBP", "EUR", "USD"}


@pytest.mark.parametrize("group_by", ["day", "month", "order"])
async def test_rows_add_up_to_what_the_platform_tells_of_their_orders(
    connect: Connect, three: Sandbox, group_by: str
) -> None:
    async with at_the_shop(connect, three, Clock(), result_bytes=WIDE_RESULT_BYTES) as (client, shops):
        data = await ask_profit(client, group_by=group_by)
        rows = profit_rows(data)
        for shop in shops:
            zone = ZoneInfo(ZONES[shop.shop.region])
            expected: defaultdict[tuple[str, str | None], Decimal] = defaultdict(Decimal)
            for basis, row, amounts in await transactions(shop):
                time = row.get("order_create_time") or row["statement"]["statement_time"]
                day = datetime.fromtimestamp(time, zone).date().isoformat()
                key = {"day": day, "month": day[:7], "order": row.get("order_id")}[group_by]
                expected[basis, key] += sum(amounts.values())
            mine = by_key(
                [row for row in rows if row["shop"] == shop.shop.region], group_by.replace("order", "order_id")
            )
            assert {key: Decimal(row["settlement"]) for key, row in mine.items()} == expected
            assert {basis for basis, _ in expected} >= {"settled"}
    assert all(sum(amounts_of(row).values()) == Decimal(row["settlement"]) for row in rows)
    assert {row["basis"] for row in rows} == {"settled", "estimated"}


async def test_a_skus_fees_are_those_that_the_platform_tells_of_it(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, (shop,)):
        rows = by_key(to_rows((await ask_profit(client))["profit"]), "sku_id")
        settled = {
            row["order_id"] for basis, row, _ in await transactions(shop) if basis == "settled" if "order_id" in row
        }
        expected: defaultdict[str, Decimal] = defaultdict(Decimal)
        commission: defaultdict[str, Decimal] = defaultdict(Decimal)
        for order in settled:
            for sku in await shop.fees_by_sku(order):
                expected[sku["sku_id"]] += Decimal(sku["settlement_amount"])
                fees = sku["fee_tax_breakdown"]["fee"]
                commission[sku["sku_id"]] += Decimal(fees["platform_commission_amount"])
    found = {sku: row for (basis, sku), row in rows.items() if basis == "settled" and sku is not None}
    assert {sku: Decimal(row["settlement"]) for sku, row in found.items()} == expected
    assert {sku: Decimal(row["platform_commission"]) for sku, row in found.items()} == commission
    assert {row["fees_by_sku"] for row in found.values()} == {"exact"}


async def test_what_the_platform_does_not_tell_by_sku_is_spread_by_value_to_the_cent(connect: Connect) -> None:
    sandbox = Sandbox(clock=Clock())
    sandbox.faults.add(FEES_BY_ORDER, times=None, status=403, code=105005, message="No scope.")
    async with at_the_shop(connect, sandbox, Clock()) as (client, (shop,)):
        data = await ask_profit(client)
        orders = {order["id"]: order for order in await shop.orders()}
        expected: defaultdict[tuple[str, str | None], defaultdict[str, Decimal]] = defaultdict(
            lambda: defaultdict(Decimal)
        )
        several: set[tuple[str, str | None]] = set()
        for basis, row, amounts in await transactions(shop):
            order = orders.get(row.get("order_id", ""))
            for name, amount in amounts.items():
                for sku, share in spread(amount, order).items() if order else ((None, amount),):
                    expected[basis, sku][name] += share
            skus = {line["sku_id"] for line in order["line_items"] if is_sold(line)} if order else set()
            several |= {(basis, sku) for sku in skus if len(skus) > 1}
    rows = by_key(profit_rows(data), "sku_id")
    assert {key: amounts_of(row) for key, row in rows.items()} == {
        key: {name: amount for name, amount in amounts.items() if amount} for key, amounts in expected.items()
    }
    assert {key for key, row in rows.items() if row["fees_by_sku"] != "exact"} == several
    assert "rows move a little when TikTok's own split is read" in data["note"]
    totals = to_rows(data["totals"])
    for basis in ("settled", "estimated"):
        parts = [row for (each, _), row in rows.items() if each == basis]
        assert add_up(parts, "settlement") == add_up([row for row in totals if row["basis"] == basis], "settlement")


async def test_ads_and_refunds_have_their_columns_and_reserves_none(connect: Connect, home: Path) -> None:
    sandbox = Sandbox(clock=Clock())
    ads = {"id": "1", "type": "GMV_PAYMENT_FOR_ADS", "adjustment_id": "2", "adjustment_amount": "-7.77"}
    nothing = {f"{name}_amount": "0.00" for name in ("revenue", "shipping_cost", "fee_tax")}
    reserve = nothing | {"id": "3", "type": "RESERVE", "settlement_amount": "-50.00", "adjustment_amount": "0.00"}

    def change(data: Json) -> Json:
        row = next(each for each in data["transactions"] if each["type"] == "ORDER")
        parts = row["revenue_breakdown"]
        for name, amount in (
            ("refund_subtotal_before_discount_amount", "1.25"),
            ("seller_discount_refund_amount", "-0.25"),
        ):
            parts[name] = str(Decimal(parts[name]) - Decimal(amount))
        row["revenue_amount"] = str(Decimal(row["revenue_amount"]) - 1)
        row["settlement_amount"] = str(Decimal(row["settlement_amount"]) - 1)
        data["transactions"] += [nothing | ads | {"settlement_amount": "-7.77"}, reserve]
        return data

    async with at_the_shop(connect, sandbox, Clock()) as (client, (shop,)):
        before = await ask_profit(client, by="statement", group_by="month")
        statements = len(await shop.statements())
    sandbox.faults.add("get_transactions_by_statement", times=None, edit=change)
    async with at_the_shop(connect, sandbox, Clock(), home=home / "other") as (client, _):
        after = await ask_profit(client, by="statement", group_by="month")
    (old,), (new,) = to_rows(before["totals"]), to_rows(after["totals"])
    assert "ads" not in old
    assert Decimal(new["ads"]) == Decimal("-7.77") * statements
    assert Decimal(new["refunds"]) == Decimal(old.get("refunds", "0")) - statements
    assert Decimal(new["sales"]) == Decimal(old["sales"] if "sales" in old else old["net_sales"])
    assert Decimal(new["settlement"]) - Decimal(old["settlement"]) == Decimal("-8.77") * statements
    (told,) = after["statements"]
    assert Decimal(told["difference"]) == Decimal("-8.77") * statements


async def test_orders_that_no_statement_and_no_estimate_holds_are_counted(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, Clock()) as (client, (shop,)):
        data = await ask_profit(client)
        known = {row.get("order_id") for _, row, _ in await transactions(shop)}
        orders = [o for o in await shop.orders() if o["status"] not in ("UNPAID", "CANCELLED") and o["id"] not in known]
    assert data["orders_without_amounts"] == [{"shop": shop.shop.name, "currency": "GBP", "orders": len(orders)}]
    assert orders


# ---- costs

CSV_HEAD = "seller_sku,unit_cost,currency,from\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


async def cost_of_goods(
    shop: PlatformLists, find_cost: Callable[[str, date], Decimal | None]
) -> tuple[dict[tuple[str, str], Decimal], set[str]]:
    """The cost of the units sold, by basis and SKU, of the SKUs of which every unit's is known; the codes without."""
    orders = {order["id"]: order for order in await shop.orders()}
    costs: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    lacking: set[tuple[str, str]] = set()
    codes: set[str] = set()
    seen: set[str] = set()
    for basis, row, _ in await transactions(shop):
        if row.get("order_id") not in orders or row["order_id"] in seen:
            continue
        seen.add(row["order_id"])
        order = orders[row["order_id"]]
        day = datetime.fromtimestamp(order["create_time"], ZoneInfo(ZONES[shop.shop.region])).date()
        for line in filter(is_sold, order["line_items"]):
            cost = find_cost(line["seller_sku"], day)
            key = (basis, line["sku_id"])
            if cost is None:
                lacking.add(key)
                codes.add(line["seller_sku"])
            else:
                costs[key] += cost
    return {key: cost for key, cost in costs.items() if key not in lacking}, codes


async def seller_skus(shop: PlatformLists) -> list[str]:
    return sorted({line["seller_sku"] for order in await shop.orders() for line in order["line_items"]})


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


async def test_the_cost_of_an_order_is_that_of_its_day(connect: Connect, shared: Sandbox, files: Path) -> None:
    change = date(2026, 10, 25)  # the day on which British clocks go back

    def find_cost(code: str, day: date) -> Decimal | None:
        return Decimal("3.1234") if day < change else Decimal(len(code)) / 4

    async with at_the_shop(connect, shared, Clock(), files=files) as (client, (shop,)):
        lines = [f"{c},3.1234,GBP,\n{c},{Decimal(len(c)) / 4},GBP,{change}\n" for c in await seller_skus(shop)]
        (files / "costs.csv").write_text(CSV_HEAD + "".join(lines), encoding="utf-8")
        data = await ask_profit(client)
        expected, codes = await cost_of_goods(shop, find_cost)
    assert not codes
    rows = {key: row for key, row in by_key(profit_rows(data), "sku_id").items() if key[1] is not None}
    assert {key: -Decimal(row["goods_cost"]) for key, row in rows.items()} == {
        k: rounded(c) for k, c in expected.items()
    }
    for row in rows.values():
        profit, net_sales = Decimal(row["settlement"]) + Decimal(row["goods_cost"]), Decimal(row["net_sales"])
        assert Decimal(row["profit"]) == profit
        assert row["margin_percent"] == f"{(profit * 100 / net_sales).quantize(Decimal('0.1'), ROUND_HALF_UP)}"
        assert row["covers_percent"] == "100"
    assert "missing_costs" not in data
    for total in to_rows(data["totals"]):
        basis_cost = sum((cost for (basis, _), cost in expected.items() if basis == total["basis"]), Decimal(0))
        assert Decimal(total["goods_cost"]) == -rounded(basis_cost)
        assert Decimal(total["profit"]) == Decimal(total["settlement"]) - rounded(basis_cost)


@pytest.mark.parametrize("currency", ["GBP", "USD"])
async def test_no_cost_is_guessed_and_the_total_says_what_it_covers(
    connect: Connect, shared: Sandbox, files: Path, currency: str
) -> None:
    """Every third SKU has no cost, and in a foreign currency none has."""
    async with at_the_shop(connect, shared, Clock(), files=files) as (client, (shop,)):
        codes = await seller_skus(shop)
        known = {code: Decimal("2.50") for place, code in enumerate(codes) if place % 3} if currency == "GBP" else {}
        lines = [f"{code},2.50,{currency},\n" for place, code in enumerate(codes) if place % 3]
        (files / "my costs.csv").write_text(CSV_HEAD + "".join(lines), encoding="utf-8")
        data = await ask_profit(client, costs="my costs.csv")
        expected, lacking = await cost_of_goods(shop, lambda code, _: known.get(code))
    rows = {key: row for key, row in by_key(profit_rows(data), "sku_id").items() if key[1] is not None}
    assert {key: -Decimal(row["goods_cost"]) for key, row in rows.items() if row["goods_cost"] is not None} == expected
    for key, row in rows.items():
        assert (row["profit"] is None) == (row["margin_percent"] is None) == (key not in expected)
        assert row["covers_percent"] == ("100" if key in expected else "0")
    assert {row["seller_sku"] for row in to_rows(data["missing_costs"])} == lacking
    assert data["missing_costs_in_all"] == len(lacking)
    for total in to_rows(data["totals"]):
        mine = [row for (basis, _), row in rows.items() if basis == total["basis"] and row["profit"] is not None]
        if not mine:
            assert (total["profit"], total["covers_percent"]) == (None, "0")
            continue
        apart = sum((Decimal(row["settlement"]) for row in profit_rows(data) if row["sku_id"] is None), Decimal(0)) * (
            total["basis"] == "settled"
        )
        assert Decimal(total["profit"]) == add_up(mine, "profit") + apart
        share = add_up(mine, "net_sales") * 100 / Decimal(total["net_sales"])
        assert Decimal(total["covers_percent"]) == share.quantize(Decimal("0.1"), ROUND_HALF_UP)
    assert "covers_percent" in data["note"]


async def test_a_workbook_is_read_like_csv_with_formulas_dates_and_numbers_as_text(
    connect: Connect, shared: Sandbox, files: Path
) -> None:
    async with at_the_shop(connect, shared, Clock(), files=files) as (client, (shop,)):
        codes = await seller_skus(shop)
        buffer = io.BytesIO()
        workbook = Workbook(buffer, {"in_memory": True})
        sheet = workbook.add_worksheet()
        day = workbook.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_row(1, 0, ["Seller SKU", "Unit Cost", "Currency", "From"])
        for row, code in enumerate(codes, start=2):
            sheet.write_string(row, 0, code)
            if row % 3 == 0:
                sheet.write_string(row, 1, "3,20")
            elif row % 3 == 1:
                sheet.write_formula(row, 1, "=1.6*2", None, 3.2)
            else:
                sheet.write_number(row, 1, 3.2)
            sheet.write_string(row, 2, "gbp")
            sheet.write_datetime(row, 3, datetime(2026, 1, 1), day)  # noqa: DTZ001 - spreadsheets know no zones
        workbook.close()
        (files / "costs.xlsx").write_bytes(buffer.getvalue())
        (files / "same.csv").write_text(
            CSV_HEAD + "".join(f"{c},3.20,GBP,2026-01-01\n" for c in codes), encoding="utf-8"
        )
        from_workbook = await ask_profit(client, costs="costs.xlsx")
        from_csv = await ask_profit(client, costs="same.csv")
    assert from_workbook["costs"] == {"file": "costs.xlsx", "costs": len(codes)}
    assert from_workbook["profit"] == from_csv["profit"]
    assert all(row["covers_percent"] == "100" for row in to_rows(from_workbook["totals"]))


async def test_a_cost_changes_on_the_day_that_is_written_with_dots(
    connect: Connect, shared: Sandbox, files: Path
) -> None:
    for name, day in (("dots.csv", "05.10.2026"), ("plain.csv", "2026-10-05"), ("short.csv", "5.10.2026")):
        lines = [f"TEA-SEN-0{n},{cost},GBP,{since}" for n in (1, 2, 3) for cost, since in ((1, ""), (9, day))]
        (files / name).write_text(CSV_HEAD + "\n".join([*lines, "TEA-MAT-01,1,GBP,1/2/2026"]), encoding="utf-8")
    german = (files / "dots.csv").read_text(encoding="utf-8").replace(CSV_HEAD, "Artikelnummer,EK,Währung,Ab\n")
    (files / "german.csv").write_text(german, encoding="utf-8")
    names = ("dots.csv", "plain.csv", "short.csv", "german.csv")
    async with at_the_shop(connect, shared, Clock(), files=files) as (client, _):
        dots, plain, short, foreign = [await ask_profit(client, costs=name) for name in names]
    assert dots["costs"]["costs"] == 6
    assert dots["totals"] == plain["totals"] == short["totals"] == foreign["totals"]
    assert dots["note"].startswith("costs.faults: these lines count nowhere, and what they name has no cost at all")
    assert dots["costs"]["faults"] == ["line 8: from of TEA-MAT-01 is no day such as 2026-10-31"]


async def test_each_line_that_cannot_be_taken_is_told_by_its_number(
    connect: Connect, shared: Sandbox, files: Path
) -> None:
    lines: dict[str, str] = {
        "TEA-SEN-01,4.00,GBP,": "",
        "TEA-SEN-02,,GBP,": "unit_cost of TEA-SEN-02 is empty",
        '"TEA-SEN-03","1,200",GBP,': "unit_cost of TEA-SEN-03 is no amount such as 1234.50",
        "TEA-MAT-01,-1,GBP,": "unit_cost of TEA-MAT-01 is no amount such as 1234.50",
        "TEA-MAT-02,1,pounds,": "currency of TEA-MAT-02 is no currency code such as GBP",
        "TEA-MAT-03,1,GBP,1/2/2026": "from of TEA-MAT-03 is no day such as 2026-10-31",
        ",1,GBP,": "seller_sku is empty",
        "TEA-SEN-01,5.00,GBP,": "TEA-SEN-01 has another cost for the same day in a line before",
    }
    (files / "costs.csv").write_text(CSV_HEAD + "\n".join(lines), encoding="utf-8")
    async with at_the_shop(connect, shared, Clock(), files=files) as (client, _):
        data = await ask_profit(client)
    assert data["costs"]["faults"] == [f"line {n}: {fault}" for n, fault in enumerate(lines.values(), start=2) if fault]
    assert (data["costs"]["costs"], data["costs"]["faults_in_all"]) == (0, 7)
    assert data["note"].startswith("No line of the file of costs could be taken, so there is no profit. costs.faults: ")
    assert all(row.get("profit") is None for row in profit_rows(data))  # of none of two costs is it known which


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("costs.csv", b"sku,price\nA,1\n", "costs has no column unit_cost, currency"),
        ("costs.csv", b'seller_sku,"unit_cost', "costs can't be read as CSV at line 1"),
        ("costs.xlsx", b"PK\x03\x04 nothing", "costs is no XLSX workbook"),
        ("costs.txt", b"seller_sku", "costs is neither CSV nor XLSX by its name"),
    ],
)
async def test_a_file_that_is_no_table_of_costs_is_refused(
    connect: Connect, shared: Sandbox, files: Path, name: str, content: bytes, message: str
) -> None:
    (files / name).write_bytes(content)
    async with at_the_shop(connect, shared, Clock(), files=files) as (client, _):
        told = bad(await client.call_tool(TOOL, {"costs": name}))
    assert told["error"] == "invalid_arguments"
    assert message in told["message"]


async def test_without_costs_it_says_how_to_give_them(connect: Connect, shared: Sandbox, files: Path) -> None:
    async with at_the_shop(connect, shared, Clock(), files=files) as (client, _):
        data = await ask_profit(client, period="last month", group_by="product")
    assert "profit" not in data["totals"]["columns"]
    assert f"put costs.csv or costs.xlsx into {files}" in data["note"]


async def test_costs_that_are_spoken_count_as_those_of_a_file_do_the_closest_name_first(
    connect: Connect, shared: Sandbox, files: Path
) -> None:
    async with at_the_shop(connect, shared, Clock(), files=files, result_bytes=WIDE_RESULT_BYTES) as (client, (shop,)):
        line = next(line for order in await shop.orders() for line in order["line_items"])
        code, title = line["seller_sku"], line["product_name"]
        for_all = await ask_profit(client, unit_costs="2.50")
        spoken = [{"product": code, "unit_cost": "9"}, {"product": title.upper()[:-1], "unit_cost": "3"}]
        by_name = await ask_profit(
            client, unit_costs=[*spoken, {"unit_cost": "2.50"}, {"product": "no such thing", "unit_cost": "1"}]
        )
        (files / "costs.csv").write_text(
            CSV_HEAD + "".join(f"{other},2.50,GBP,\n" for other in await seller_skus(shop)), encoding="utf-8"
        )
        by_file = await ask_profit(client)
        both = await ask_profit(client, unit_costs=[spoken[0]])
        wrong = bad(await client.call_tool(TOOL, {"unit_costs": [{"unit_cost": "-1"}]}))
    assert profit_rows(for_all) == profit_rows(by_file)
    assert for_all["totals"] == by_file["totals"]
    assert for_all["costs"]["skus_of_unit_costs"]["all"] > 1
    assert by_name["unit_costs_of_nothing"] == ["no such thing"]
    assert next(iter(by_name)) == "unit_costs_of_nothing"
    assert "no order names these" in by_name["note"]
    for row in profit_rows(by_name):
        if row["sku_id"] is not None:
            each = 9 if row["seller_sku"] == code else 3 if row["product_name"] == title else Decimal("2.50")
            assert -Decimal(row["goods_cost"]) == each * row["units"]
    for row in profit_rows(both):
        if row["sku_id"] is not None:
            assert -Decimal(row["goods_cost"]) == (9 if row["seller_sku"] == code else Decimal("2.50")) * row["units"]
    assert wrong["error"] == "invalid_arguments"


async def test_a_cost_may_be_a_share_of_the_price(connect: Connect, shared: Sandbox, files: Path) -> None:
    """Of the price before discounts: the goods cost no less when they are sold for less."""
    async with at_the_shop(connect, shared, Clock(), files=files, result_bytes=WIDE_RESULT_BYTES) as (client, (shop,)):
        line = next(line for order in await shop.orders() for line in order["line_items"])
        code = line["seller_sku"]
        costs = [{"unit_cost": "33.5 %"}, {"product": code, "unit_cost": "1"}]
        data = await ask_profit(client, unit_costs=costs)
        expected = await cost_of_lines(
            shop, lambda each: 1 if each["seller_sku"] == code else percent_of_price(each, "33.5")
        )
        alone = await ask_profit(client, unit_costs="33.5%")
        for words in ("33.5% of the price", "33.5 % of the price", "33.5 percent", " 33.5 %", "33.5 per cent of price"):
            for given in (words, [{"unit_cost": words}]):
                again = await ask_profit(client, unit_costs=given)
                assert again["totals"] == alone["totals"]
    rows = {key: row for key, row in by_key(profit_rows(data), "sku_id").items() if key[1] is not None}
    assert {key: -Decimal(row["goods_cost"]) for key, row in rows.items()} == {
        key: rounded(cost) for key, cost in expected.items()
    }
    assert alone["costs"]["skus_of_unit_costs"] == {"all": data["costs"]["skus_of_unit_costs"]["all"] + 1}
    assert "costs_above_price" not in data


def percent_of_price(line: Json, percent: str) -> Decimal:
    return Decimal(line["original_price"]) * Decimal(percent) / 100


async def test_a_cost_above_the_price_is_told_before_any_number(connect: Connect, three: Sandbox, files: Path) -> None:
    """40 for 40% goes through as an amount: every profit is then wrong, and none looks impossible."""
    async with at_the_shop(connect, three, Clock(), files=files, result_bytes=WIDE_RESULT_BYTES) as (client, shops):
        data = await ask_profit(client, unit_costs="40", group_by="month")
        sane = await ask_profit(client, unit_costs="1", group_by="month")
        expected = 0
        for shop in shops:
            known = {row.get("order_id") for _, row, _ in await transactions(shop)}
            lines = [line for o in await shop.orders() if o["id"] in known for line in o["line_items"]]
            prices: defaultdict[str, list[Decimal]] = defaultdict(list)
            for line in filter(is_sold, lines):
                prices[line["sku_id"]].append(Decimal(line["original_price"]))
            expected += sum(40 * len(each) > sum(each) for each in prices.values())
    assert next(iter(data)) == "costs_above_price"
    assert data["costs_above_price_in_all"] == expected > 3
    rows = to_rows(data["costs_above_price"])
    assert all(Decimal(row["unit_cost"]) == 40 > Decimal(row["price"]) for row in rows)
    assert {row["currency"] for row in rows} == {"GBP", "EUR", "USD"}
    assert "given as 40%" in data["note"]
    assert "costs_above_price" not in sane


async def test_tax_on_sales_is_said_to_be_in_profit_where_prices_hold_it(connect: Connect, three: Sandbox) -> None:
    async with at_the_shop(connect, three, Clock(), result_bytes=WIDE_RESULT_BYTES) as (client, _):
        of_all = await ask_profit(client, unit_costs="40%")
        of_us = await ask_profit(client, unit_costs="40%", shop="US")
    assert "VAT or GST that the seller owes on sales is taken off nowhere" in of_all["note"]
    assert "A fee called vat is TikTok's." in of_all["note"]
    assert "VAT" not in of_us["note"]


async def cost_of_lines(
    shop: PlatformLists, find_cost: Callable[[Json], Decimal | int]
) -> defaultdict[tuple[str, str], Decimal]:
    """The cost of the units sold by basis and SKU, each by its line."""
    orders = {order["id"]: order for order in await shop.orders()}
    costs: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for basis, row, _ in await transactions(shop):
        for line in filter(is_sold, orders.pop(row.get("order_id"), {}).get("line_items", ())):
            costs[basis, line["sku_id"]] += find_cost(line)
    return costs


async def test_what_of_the_goods_came_back_is_told_beside_their_cost(
    connect: Connect, three: Sandbox, files: Path
) -> None:
    """Whether they can be sold again is not known: they cost, and how much of the cost that is stands beside it."""
    async with at_the_shop(connect, three, Clock(), files=files, result_bytes=WIDE_RESULT_BYTES) as (client, shops):
        data = await ask_profit(client, unit_costs="2", group_by="order")
        expected: defaultdict[str, Decimal] = defaultdict(Decimal)
        refunds = set()
        for shop in shops:
            for row in await shop.returns():
                is_done = row["return_status"].endswith(("_COMPLETE", "_SUCCESS"))
                if is_done and row["return_type"] == "RETURN_AND_REFUND" and not row.get("can_buyer_keep_item"):
                    expected[row["order_id"]] += 2 * len(row["return_line_items"])
                elif is_done:
                    refunds.add(row["order_id"])
    back = {row["order_id"]: Decimal(row["goods_back"]) for row in profit_rows(data) if row["order_id"] is not None}
    assert {order: amount for order, amount in back.items() if amount} == expected
    assert expected
    assert refunds & back.keys()
    assert "goods_back is what of goods_cost buyers sent back" in data["note"]
    assert add_up(to_rows(data["totals"]), "goods_back") == sum(expected.values())


@pytest.mark.parametrize(("group_by", "name"), [("sku", "(of no SKU)"), ("product", "(of no product)")])
async def test_a_row_that_belongs_to_none_says_so(connect: Connect, shared: Sandbox, group_by: str, name: str) -> None:
    async with at_the_shop(connect, shared, Clock(), result_bytes=WIDE_RESULT_BYTES) as (client, _):
        data = await ask_profit(client, group_by=group_by)
        by_order = await ask_profit(client, group_by="order")
        by_month = await ask_profit(client, group_by="month")
    assert name in {row["product_name"] for row in profit_rows(data)}
    assert f"The row without {group_by}_id holds what belongs to none" in data["note"]
    assert "The row without order_id holds what belongs to none" in by_order["note"]
    assert "belongs to none" not in by_month["note"]
    assert "orders_without_amounts: TikTok tells nothing of them yet" in data["note"]


async def test_a_name_of_costs_that_goes_by_letters_says_what_it_took_as_in_a_job(
    connect: Connect, shared: Sandbox, files: Path
) -> None:
    names = [{"product": "*tea*", "unit_cost": "3"}, {"product": "tea b", "unit_cost": "2"}]
    async with at_the_shop(connect, shared, Clock(), files=files, result_bytes=WIDE_RESULT_BYTES) as (client, (shop,)):
        titles = {line["product_name"] for order in await shop.orders() for line in order["line_items"]}
        answer = good(await client.call_tool(TOOL, {"period": ALL_TIME, "unit_costs": names}))
        exact = await ask_profit(client, unit_costs=[{"product": min(titles), "unit_cost": "3"}])
    told = answer["data"]["costs"]["explanation"]
    meant = [title for title in titles if "tea" in title.casefold()]
    inside = [title for title in meant if "tea" not in title.casefold().replace("-", " ").split()]
    assert inside
    assert f'"*tea*" goes by letters: {len(meant)} titles have it, {len(inside)} not as a word of its own' in told
    assert inside[0] in told
    for other in ("bowl", "caddy", "infuser", "filters"):
        assert other in told.partition("behind it stand: ")[2]
    assert "costs.explanation" in answer["untrusted"]
    assert "explanation" not in exact["costs"]


async def test_a_star_in_a_cost_means_the_titles_that_it_means_in_a_job(connect: Connect, three: Sandbox) -> None:
    async with at_the_shop(connect, three, Clock(), result_bytes=WIDE_RESULT_BYTES) as (client, (shop, *_)):
        title = next(line["product_name"] for order in await shop.orders() for line in order["line_items"])
        begin, end = title[:5], title[-5:]
        names = [f"*{title[2:-2].upper()}*", f"{begin}*", f"*{end}", f"{end}*", "no*such thing"]
        each = [
            await ask_profit(client, shop="GB", group_by="month", unit_costs=[{"product": name, "unit_cost": "1"}])
            for name in names
        ]
        every_shop = await ask_profit(client, shop="all", group_by="month", unit_costs="1")
    counts = [data.get("costs", {}).get("skus_of_unit_costs", {}) for data in each]
    assert [len(found) for found in counts] == [1, 1, 1, 0, 0]
    assert "each shop's own currency" in every_shop["note"]
    assert "own currency" not in each[0]["note"]


async def test_few_rows_have_totals_as_narrow(connect: Connect, shared: Sandbox) -> None:
    call = {"period": ALL_TIME, "unit_costs": "9"}
    async with at_the_shop(connect, shared, Clock()) as (client, _):
        few = good(await client.call_tool(TOOL, call | {"limit": 5}))["data"]
        chosen = good(await client.call_tool(TOOL, call | {"columns": ["profit", "units"]}))["data"]
        whole = good(await client.call_tool(TOOL, call | {"limit": 5, "columns": "all"}))["data"]
    assert {"net_sales", "fees", "settlement", "profit"} < set(few["totals"]["columns"])
    assert not {"platform_commission", "sales"} & set(few["totals"]["columns"])
    assert "in totals" not in few["note"]
    assert chosen["totals"]["columns"] == ["basis", "currency", "units", "profit"]
    assert "platform_commission" in whole["totals"]["columns"]


async def test_what_loses_money_is_one_short_call(connect: Connect, shared: Sandbox, files: Path) -> None:
    call = {"period": ALL_TIME, "unit_costs": "9", "order": "profit asc"}
    async with at_the_shop(connect, shared, Clock(), files=files, result_bytes=WIDE_RESULT_BYTES) as (client, _):
        short = good(await client.call_tool(TOOL, call))["data"]
        whole = await ask_profit(client, unit_costs="9")
        best = good(await client.call_tool(TOOL, call | {"order": "profit", "columns": ["profit"], "limit": 3}))["data"]
        without = good(await client.call_tool(TOOL, {"period": ALL_TIME, "order": "profit asc"}))["data"]
        for wrong in ({"order": "colour"}, {"columns": ["colour"]}):
            assert "net_sales" in bad(await client.call_tool(TOOL, {"period": ALL_TIME} | wrong))["hint"]
    profits = sorted(add_bases(profit_rows(whole), "profit").values())
    assert [Decimal(row["profit"]) for row in to_rows(short["profit"])] == profits[:10]
    assert profits[0] < 0
    assert [Decimal(row["profit"]) for row in to_rows(best["profit"])] == profits[:-4:-1]
    assert not {"net_sales", "fees"} & set(best["profit"]["columns"])
    columns = short["profit"]["columns"]
    assert "fees" in columns
    assert not {"platform_commission", "vat", "sales"} & set(columns)
    assert "platform_commission" in short["totals"]["columns"]
    settlements = [Decimal(row["settlement"]) for row in to_rows(without["profit"])]
    assert settlements == sorted(settlements)
    assert "by settlement" in without["note"]


def add_bases(rows: list[Json], name: str, key: str = "sku_id") -> Amounts:
    """What rows of settled and of estimated amounts come to together, by their key."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row[key]] += Decimal(row[name] or "0")
    return sums


@pytest.mark.parametrize("group_by", ["sku", "product", "order", "month"])
async def test_a_row_is_all_of_its_group_and_says_what_of_it_is_estimated(
    connect: Connect, shared: Sandbox, group_by: str
) -> None:
    """What is still expected is no row of its own: what earns in all would be named among what loses money."""
    key = group_by if group_by == "month" else f"{group_by}_id"
    columns = [key, "settlement", "profit", "fees", "units"]
    call = {"period": ALL_TIME, "unit_costs": "9", "group_by": group_by, "order": "profit asc", "limit": 1000}
    async with at_the_shop(connect, shared, Clock(), result_bytes=WIDE_RESULT_BYTES) as (client, _):
        data = good(await client.call_tool(TOOL, call | {"columns": columns}))["data"]
        split = good(await client.call_tool(TOOL, call | {"columns": [*columns, "basis"]}))["data"]
        saved = good(await client.call_tool(TOOL, call | {"save_as": "rows.csv"}))["data"]["saved"]
    whole, parts = profit_rows(data), profit_rows(split)
    label = key if key in whole[0] else "product_name"
    labels = [row[label] for row in whole]
    assert len(set(labels)) == len(labels) == data.get("rows_in_all", len(labels))
    assert (len(parts) > len(whole)) == (group_by != "order"), "an order is settled or estimated"
    assert "basis" not in whole[0]
    assert "estimated is" in data["note"]
    for name in ("settlement", "profit", "fees"):
        assert {row[label]: Decimal(row[name] or "0") for row in whole} == add_bases(parts, name, label)
    estimates = add_bases([row for row in parts if row["basis"] == "estimated"], "settlement", label)
    assert {row[label]: Decimal(row["estimated"]) for row in whole if Decimal(row["estimated"])} == estimates
    profits = [Decimal(row["profit"]) for row in whole if row["profit"] is not None]
    assert profits == sorted(profits)
    assert saved["rows"] == len(whole)


async def test_titles_are_named_as_others_words_wherever_they_stand(
    connect: Connect, shared: Sandbox, files: Path
) -> None:
    (files / "costs.csv").write_text(CSV_HEAD + "NONE,1,GBP,", encoding="utf-8")
    async with at_the_shop(connect, shared, Clock(), files=files) as (client, _):
        by_sku = good(await client.call_tool(TOOL, {"period": ALL_TIME, "limit": 5}))
        by_month = good(await client.call_tool(TOOL, {"period": ALL_TIME, "group_by": "month"}))
    assert set(by_sku["untrusted"]) == {"profit.product_name", "missing_costs.product_name"}
    assert by_month["untrusted"] == ["missing_costs.product_name"]


async def test_a_long_list_is_cut_and_says_how_long_it_is(connect: Connect, shared: Sandbox) -> None:
    async with at_the_shop(connect, shared, Clock(), result_bytes=WIDE_RESULT_BYTES) as (client, _):
        whole, part = await ask_profit(client, group_by="order"), await ask_profit(client, group_by="order", limit=7)
    assert profit_rows(part) == profit_rows(whole)[:7]
    assert part["rows_in_all"] == len(whole["profit"]["rows"])
    assert f"7 of {part['rows_in_all']} rows are shown" in part["note"]
    assert "rows are shown" not in whole["note"]
    assert part["totals"] == whole["totals"]


def test_the_clock_of_these_tests_is_in_the_period() -> None:
    first, _, last = ALL_TIME.partition("/")
    assert first < datetime.fromtimestamp(NOW, UTC).date().isoformat() <= last


def test_spreading_here_loses_nothing() -> None:
    lines: Iterable[tuple[str, str]] = (("A", "1.00"), ("B", "1.00"), ("C", "1.00"))
    order = {
        "line_items": [
            {"sku_id": sku, "original_price": price, "seller_discount": "0", "display_status": "X"}
            for sku, price in lines
        ]
    }
    assert spread(Decimal("-0.05"), order) == {"A": Decimal("-0.02"), "B": Decimal("-0.02"), "C": Decimal("-0.01")}
