"""Answers of questions in SQL: exact to the cent, in the shop's zone, bounded, given up when the caller is."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.query import DamagedCopyError, QueryLimits
from tests.mirror.filled_copies import TABLES, fill_copy, start_runner
from tests.protocol.test_server import children
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_server_tiktok_shop.mirror.query import QueryResult, QueryRunner
    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot

LONDON = ZoneInfo("Europe/London")
UTC = ZoneInfo("UTC")
CENT = Decimal("0.01")
DAYS = "generate_series(DATE '2026-10-01', DATE '2026-10-05', INTERVAL 1 DAY)"
ENDLESS = "SELECT max(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b"


@pytest.fixture
async def runner() -> AsyncIterator[QueryRunner]:
    async with start_runner() as started:
        yield started


def round_half_up(amount: Decimal | float, step: Decimal = CENT) -> Decimal:
    return Decimal(amount).quantize(step, ROUND_HALF_UP)


def make_orders(amounts: list[Decimal], **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": str(5_760_000_000_000_000_000 + n), "total_amount": amount, "currency": "GBP", **more}
        for n, amount in enumerate(amounts)
    ]


def hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def list_names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# ---- amounts


async def test_sums_averages_and_shares_equal_those_of_plain_arithmetic(runner: QueryRunner, tmp_path: Path) -> None:
    chance = random.Random(12)
    amounts = [Decimal(chance.randrange(-500, 90_000)) / 100 for _ in range(997)]
    statuses = [chance.choice(("COMPLETED", "CANCELLED", "IN_TRANSIT")) for _ in amounts]
    rows = [row | {"status": status} for row, status in zip(make_orders(amounts), statuses, strict=True)]
    copy = fill_copy(tmp_path, {"orders": rows})
    groups: dict[str, list[Decimal]] = defaultdict(list)
    for status, amount in zip(statuses, amounts, strict=True):
        groups[status].append(amount)
    total = sum(amounts)
    result = await runner.run(
        "SELECT status, sum(total_amount) AS total, avg(total_amount) AS mean, sum(total_amount) / count(*) AS each,"
        " round(avg(total_amount), 2) AS rounded, CAST(avg(total_amount) AS DECIMAL(18,2)) AS written,"
        " round(100 * sum(total_amount) / sum(sum(total_amount)) OVER (), 2) AS share, median(total_amount) AS middle"
        " FROM orders GROUP BY status ORDER BY status",
        [copy],
        zone=LONDON,
    )
    expected = []
    for status, group in sorted(groups.items()):
        mean, ordered = sum(group) / len(group), sorted(group)
        middle = (ordered[(len(group) - 1) // 2] + ordered[len(group) // 2]) / 2
        share = round_half_up(100 * sum(group) / total)
        cents = round_half_up(mean)
        expected.append((status, sum(group), cents, cents, cents, cents, share, round_half_up(middle)))
    assert result.rows == expected
    assert result.cells[0][1] == str(expected[0][1])  # amounts leave as text


async def test_half_a_cent_is_rounded_up_however_it_comes_about(runner: QueryRunner, tmp_path: Path) -> None:
    """Of two amounts an odd cent apart the mean is half a cent: binary fractions lose every other of them."""
    pairs = [(Decimal(n) / 100, Decimal(n + 1) / 100) for n in (*range(400), *range(10_000_000, 10_000_200))]
    rows = [row | {"user_id": f"{n:05}"} for n, pair in enumerate(pairs) for row in make_orders(list(pair))]
    copy = fill_copy(tmp_path, {"orders": rows})
    columns = (
        *("avg(total_amount)", "round(avg(total_amount), 2)", "CAST(avg(total_amount) AS DECIMAL(18,2))"),
        *("sum(total_amount) / 2", "round(sum(total_amount) / count(*), 2)", "median(total_amount)"),
        *(
            "quantile_cont(total_amount, 0.5)",
            "(sum(total_amount) / 2)::NUMERIC(18,2)",
            "round(sum(total_amount) * 0.5, 2)",
        ),
        *("percentile_cont(0.5) WITHIN GROUP (ORDER BY total_amount)", "round(sum(total_amount)::DOUBLE / 2, 2)"),
        *("round(sum(total_amount)::FLOAT / 2, 2)", "avg(total_amount)::DECIMAL(10,2)"),
    )
    result = await runner.run(
        f"SELECT {', '.join(columns)} FROM orders GROUP BY user_id ORDER BY user_id", [copy], zone=LONDON
    )
    expected = [round_half_up(sum(pair) / 2) for pair in pairs]
    for place, column in enumerate(columns):
        wrong = [(row[place], mean) for row, mean in zip(result.rows, expected, strict=True) if row[place] != mean]
        assert wrong == [], column


@hypothesis_settings(max_examples=8)
@given(cents=st.lists(st.integers(-(10**9), 10**10), min_size=1, max_size=9), divisor=st.integers(1, 97))
async def test_any_amounts_are_summed_and_divided_to_the_cent(
    tmp_path_factory: pytest.TempPathFactory, cents: list[int], divisor: int
) -> None:
    amounts = [Decimal(each) / 100 for each in cents]
    copy = fill_copy(tmp_path_factory.mktemp("copy"), {"orders": make_orders(amounts)})
    async with start_runner() as runner:
        result = await runner.run(
            "SELECT sum(total_amount), avg(total_amount), max(total_amount),"
            f" round(sum(total_amount) / {divisor}, 2) FROM orders",
            [copy],
            zone=LONDON,
        )
    total = sum(amounts)
    mean, part = round_half_up(total / len(amounts)), round_half_up(total / divisor)
    assert result.rows == [(total, mean, max(amounts), part)]


async def test_amounts_are_told_from_other_numbers(runner: QueryRunner, tmp_path: Path) -> None:
    lines = [
        {"id": "1", "order_id": "1", "sale_price": Decimal("10.00")},
        {"id": "2", "order_id": "1", "sale_price": Decimal("5.01")},
    ]
    copy = fill_copy(tmp_path, {"order_lines": lines})
    result = await runner.run(
        "WITH priced AS (SELECT avg(sale_price) AS mean, sum(sale_price) AS total FROM order_lines GROUP BY order_id)"
        " SELECT mean, total / mean AS ratio, mean * 2 AS twice, coalesce(mean, 0) + total AS both,"
        " (SELECT avg(sale_price) FROM order_lines) AS inner_mean, CASE WHEN total > 3 THEN mean ELSE 0 END AS chosen,"
        " count(*) / 3 AS third, mean / nullif(total, 0) AS part FROM priced GROUP BY ALL",
        [copy],
        zone=LONDON,
    )
    assert [column.name for column in result.columns if column.is_money] == [
        "mean", "twice", "both", "inner_mean", "chosen",
    ]  # fmt: skip
    row = dict(zip([column.name for column in result.columns], result.cells[0], strict=True))
    assert (row["mean"], row["twice"], row["both"], row["inner_mean"]) == ("7.51", "15.01", "22.52", "7.51")
    assert (row["ratio"], row["third"], row["part"]) == (2, 0.333333333333333, 0.5)


async def test_lists_of_amounts_and_texts_of_amounts_are_exact_too(runner: QueryRunner, tmp_path: Path) -> None:
    copy = fill_copy(tmp_path, {"orders": make_orders([Decimal("0.01"), Decimal("0.02")])})
    result = await runner.run(
        "SELECT quantile_cont(total_amount, [0.5, 1.0]) AS q, list(total_amount ORDER BY id) AS l, max(id) AS m,"
        " round(avg(total_amount), 2)::VARCHAR || ' GBP' AS t,"
        " list_transform([0.145::DOUBLE], lambda x: round(x, 2)) AS r FROM orders",
        [copy],
        zone=UTC,
    )
    assert result.cells == [[["0.02", "0.02"], ["0.01", "0.02"], "5760000000000000001", "0.02 GBP", ["0.15"]]]
    assert result.rows[0][2:4] == ("5760000000000000001", "0.02 GBP")
    assert [column.is_money for column in result.columns] == [True, True, False, False, False]


async def test_what_is_rounded_in_any_place_of_a_statement_is_exact(runner: QueryRunner, tmp_path: Path) -> None:
    copy = fill_copy(tmp_path, {"orders": make_orders([Decimal("0.14"), Decimal("0.15")], status="COMPLETED")})
    for sql in (
        "FROM orders SELECT round(avg(total_amount), 2)",
        "WITH a AS (SELECT total_amount AS x FROM orders) SELECT round(avg(x), 2) FROM a",
        "SELECT round((SELECT avg(total_amount) FROM orders), 2)",
        "(SELECT round(avg(total_amount), 2) FROM orders) UNION (SELECT 0.15::DECIMAL(9,2))",
        "SELECT m FROM (SELECT round(avg(total_amount), 2) AS m FROM orders) WHERE m > 0.14",
        "SELECT round(avg(total_amount), 2) FROM orders HAVING round(avg(total_amount), 2) = 0.15",
        "SELECT round(avg(total_amount) OVER (), 2) FROM orders LIMIT 1",
        "SELECT DISTINCT avg(total_amount) OVER () FROM orders ORDER BY round(1.005, 2)",
        "FROM (SELECT status, total_amount AS t FROM orders) PIVOT (round(avg(t), 2) FOR status IN ('COMPLETED'))",
        "SELECT round(sum(CASE WHEN id <> '' THEN total_amount ELSE 0 END) / count(*), $digits) FROM orders",
    ):
        parameters = {"digits": 2} if "$digits" in sql else {}
        result = await runner.run(sql, [copy], zone=UTC, parameters=parameters)
        assert result.rows == [(Decimal("0.15"),)], sql


async def test_a_division_by_zero_is_null_and_nothing_is_infinite(runner: QueryRunner) -> None:
    sql = (
        "SELECT 1 / 0 AS a, 0 / 0 AS b, 7 // 0 AS c, 7 % 0 AS d, mod(7, 0) AS e, 1.5 / 0 AS f, 'nan'::DOUBLE AS g,"
        " 'infinity'::DOUBLE AS h, exp(1000) AS i, [1, 'nan'::DOUBLE] AS j, {'x': -'inf'::DOUBLE} AS k, 1e300*1e9 AS l"
    )
    result = await runner.run(sql, [], zone=UTC)
    assert result.cells == [[None] * 9 + [[1, None], {"x": None}, None]]


async def test_large_numbers_are_text_and_small_ones_are_numbers(runner: QueryRunner) -> None:
    result = await runner.run(
        "SELECT 9007199254740991, 9007199254740992, 2::HUGEINT ** 70 > 1, 0.1::DOUBLE + 0.2", [], zone=UTC
    )
    assert result.cells == [[9007199254740991, "9007199254740992", True, 0.3]]


# ---- times


@pytest.mark.parametrize("zone_name", ["Europe/London", "America/New_York", "Asia/Bangkok", "America/Sao_Paulo"])
async def test_days_are_those_of_the_zone_over_changes_of_the_clock(
    runner: QueryRunner, tmp_path: Path, zone_name: str
) -> None:
    zone = ZoneInfo(zone_name)
    moments = [datetime(2026, 10, 23, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(48 * 12)]
    rows = [{"id": str(n), "create_time": moment, "total_amount": Decimal(1)} for n, moment in enumerate(moments)]
    copy = fill_copy(tmp_path, {"orders": rows}, zone=zone_name)
    counts: dict[date, int] = defaultdict(int)
    for moment in moments:
        counts[moment.astimezone(zone).date()] += 1
    for day in (
        "create_time::DATE",
        "date_trunc('day', create_time)::DATE",
        "CAST(create_time AS DATE)",
        "date(create_time)",
    ):
        result = await runner.run(f"SELECT {day} AS day, count(*) FROM orders GROUP BY 1 ORDER BY 1", [copy], zone=zone)
        assert result.rows == sorted(counts.items()), day


async def test_times_leave_as_iso_in_the_zone_with_both_hours_of_a_change_apart(
    runner: QueryRunner, tmp_path: Path
) -> None:
    moments = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    copy = fill_copy(tmp_path, {"orders": [{"id": str(n), "create_time": each} for n, each in enumerate(moments)]})
    result = await runner.run("SELECT create_time FROM orders ORDER BY id", [copy], zone=LONDON)
    assert result.cells == [["2026-10-25T01:30:00+01:00"], ["2026-10-25T01:30:00+00:00"]]
    assert [row[0].utcoffset() for row in result.rows] == [timedelta(hours=1), timedelta(0)]
    assert [row[0].timestamp() for row in result.rows] == [each.timestamp() for each in moments]


async def test_a_text_without_a_zone_is_a_time_of_the_shop(runner: QueryRunner, tmp_path: Path) -> None:
    moments = [datetime(2026, 9, 30, 22, 59, tzinfo=UTC), datetime(2026, 9, 30, 23, 0, tzinfo=UTC)]
    copy = fill_copy(tmp_path, {"orders": [{"id": str(n), "create_time": each} for n, each in enumerate(moments)]})
    result = await runner.run("SELECT id FROM orders WHERE create_time >= '2026-10-01'", [copy], zone=LONDON)
    assert result.cells == [["1"]]


async def test_parameters_are_texts_amounts_and_moments(runner: QueryRunner, tmp_path: Path) -> None:
    moments = [datetime(2026, 10, day, tzinfo=UTC) for day in range(1, 11)]
    rows = [{"id": str(n), "create_time": each, "total_amount": n} for n, each in enumerate(moments)]
    copy = fill_copy(tmp_path, {"orders": rows})
    result = await runner.run(
        "SELECT id, round(total_amount / 3, 2) FROM orders WHERE create_time >= $from AND create_time < $until"
        " AND total_amount > $least AND shop = $name ORDER BY id LIMIT $limit",
        [copy],
        zone=LONDON,
        parameters={"from": moments[2], "until": moments[9], "least": Decimal("3.5"), "name": "Tea House", "limit": 2},
    )
    assert result.rows == [("4", Decimal("1.33")), ("5", Decimal("1.67"))]


# ---- shops


async def test_tables_hold_the_rows_of_all_shops_by_their_names(runner: QueryRunner, tmp_path: Path) -> None:
    copies = [
        fill_copy(tmp_path, {"orders": make_orders([Decimal(1), Decimal(2)])}, name="Tea 'O' House"),
        fill_copy(tmp_path, {"orders": [{"id": "x", "total_amount": 7, "currency": "THB"}]}, name="Cha", region="TH"),
    ]
    sql = "SELECT shop, region, currency, count(*), sum(total_amount) FROM orders GROUP BY ALL ORDER BY shop"
    result = await runner.run(sql, copies, zone=UTC)
    assert result.cells == [["Cha", "TH", "THB", 1, "7.00"], ["Tea 'O' House", "GB", "GBP", 2, "3.00"]]
    assert not result.has_mixed_currencies
    only = await runner.run("SELECT count(*) FROM orders", copies[:1], zone=UTC)
    assert only.cells == [[2]]


def fill_two_zones(folder: Path) -> tuple[list[ShopSnapshot], dict[str, list[datetime]]]:
    """Copies of shops in London and Los Angeles, with an order each half hour over both their changes of the clock."""
    moments = [datetime(2026, 10, 24, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(48 * 10)]
    rows = [{"id": f"{n:03}", "create_time": moment} for n, moment in enumerate(moments)]
    copies = [
        fill_copy(folder, {"orders": rows}, name="Tea"),
        fill_copy(folder, {"orders": rows}, name="Leaf", region="US", zone="America/Los_Angeles"),
    ]
    local = {copy.shop.label: [moment.astimezone(copy.zone) for moment in moments] for copy in copies}
    return copies, local


async def test_days_and_hours_are_each_shops_own_by_its_zone(runner: QueryRunner, tmp_path: Path) -> None:
    copies, local = fill_two_zones(tmp_path)
    sql = (
        "SELECT shop, timezone(zone, create_time)::DATE AS day, hour(create_time AT TIME ZONE zone) AS hour,"
        " dayname(timezone(zone, create_time)) AS name, count(*) AS orders FROM orders"
        " WHERE timezone(zone, create_time) >= '2026-10-25' AND timezone(zone, create_time) < '2026-11-02' GROUP BY ALL"
    )
    result = await runner.run(sql, copies, zone=UTC)
    counts: dict[tuple[str, date, int, str], int] = defaultdict(int)
    for shop, moments in local.items():
        for moment in moments:
            if date(2026, 10, 25) <= moment.date() < date(2026, 11, 2):
                counts[shop, moment.date(), moment.hour, moment.strftime("%A")] += 1
    assert sorted(result.rows) == sorted((*key, count) for key, count in counts.items())
    assert max(counts.values()) == 4  # in the hour that comes twice
    assert not result.has_foreign_days


async def test_times_of_several_zones_leave_in_the_zone_of_their_row(runner: QueryRunner, tmp_path: Path) -> None:
    copies, local = fill_two_zones(tmp_path)
    for teller in ("shop", "zone", "o.shop AS s, o.zone"):
        result = await runner.run(f"SELECT {teller}, create_time FROM orders o ORDER BY o.shop, id", copies, zone=UTC)
        assert [row[-1] for row in result.cells] == [each.isoformat() for shop in sorted(local) for each in local[shop]]
        assert [row[-1].isoformat() for row in result.rows] == [row[-1] for row in result.cells]
        assert not result.has_foreign_days
    untold = await runner.run("SELECT create_time FROM orders ORDER BY shop, id", copies, zone=UTC)
    assert {row[0][-6:] for row in untold.cells} == {"+00:00"}
    pairs = "SELECT a.shop, b.shop AS other, max(a.create_time) FROM orders a JOIN orders b USING (id) GROUP BY ALL"
    assert {row[-1][-6:] for row in (await runner.run(pairs, copies, zone=UTC)).cells} == {"+00:00"}
    everyone = await runner.run("SELECT shop, max(paid_time) FROM orders GROUP BY shop", copies, zone=UTC)
    assert [row[1] for row in everyone.cells] == [None, None]


@pytest.mark.parametrize(
    ("columns", "grouping", "is_own"),
    [
        ("list(DISTINCT shop) AS s", "", False),
        ("list(DISTINCT shop) AS s, any_value(shop) AS one", "", False),
        ("{'one': any_value(shop), 'all': list(zone)} AS s", "", False),
        ("histogram(shop) AS s", "", False),
        ("nullif(min(shop), min(shop)) AS s", "", False),
        ("upper(min(shop)) AS s", "", False),
        ("length(shop) AS s", "GROUP BY shop", False),
        ("[shop] AS s", "GROUP BY shop", True),
        ("{'one': shop, 'none': NULL} AS s", "GROUP BY shop", True),
        ("histogram(shop) AS s", "GROUP BY zone", True),
        ("list(id) AS ids, shop AS s", "GROUP BY shop", True),
    ],
)
async def test_shops_within_lists_and_objects_tell_the_zone_of_a_row_where_they_are_of_one(
    runner: QueryRunner, tmp_path: Path, columns: str, grouping: str, *, is_own: bool
) -> None:
    copies, local = fill_two_zones(tmp_path)
    sql = f"SELECT {columns}, max(create_time) AS latest FROM orders {grouping} ORDER BY latest"
    result = await runner.run(sql, copies, zone=UTC)
    latest = sorted(max(moments) for moments in local.values())
    assert [row[-1] for row in result.rows] == (latest if grouping else latest[-1:])
    own = {moment.isoformat() for moment in latest}
    assert ({row[-1] for row in result.cells} == own) is is_own


@pytest.mark.parametrize(
    ("sql", "is_foreign"),
    [
        ("SELECT * FROM orders WHERE create_time > now() - INTERVAL 7 DAY ORDER BY create_time", False),
        ("SELECT id FROM orders WHERE delivery_time IS NULL AND paid_time < create_time", False),
        ("SELECT epoch(delivery_time - create_time) / 3600 FROM orders", False),
        ("SELECT id FROM orders WHERE delivery_time - create_time > INTERVAL 2 DAY", False),
        ("SELECT status, max(create_time), count(paid_time) AS n FROM orders GROUP BY status HAVING n > 1", False),
        ("WITH t AS (SELECT zone, create_time AS c FROM orders) SELECT timezone(zone, c)::DATE FROM t", False),
        ("SELECT id FROM orders WHERE timezone(zone, create_time)::DATE = timezone(zone, now())::DATE", False),
        ("SELECT create_time::DATE FROM orders", True),
        ("SELECT date_trunc('day', create_time) FROM orders", True),
        ("SELECT extract(HOUR FROM create_time) FROM orders", True),
        ("SELECT strftime(create_time, '%H') FROM orders", True),
        ("SELECT id FROM orders WHERE create_time >= '2026-10-01'", True),
        ("SELECT timezone(zone, create_time) FROM orders WHERE create_time >= DATE '2026-10-01'", True),
        ("SELECT id FROM orders WHERE create_time BETWEEN '2026-10-01' AND now()", True),
        ("SELECT id FROM orders WHERE create_time >= current_date", True),
        ("SELECT id FROM orders WHERE create_time >= date_trunc('month', now())", True),
        ("SELECT count(*) FILTER (create_time > '2026-10-01') FROM orders", True),
        ("WITH t AS (SELECT create_time AS c FROM orders) SELECT dayname(c) FROM t", True),
        ("SELECT last::DATE FROM (SELECT max(create_time) AS last FROM orders)", True),
    ],
)
async def test_days_of_no_shops_own_zone_are_told(
    runner: QueryRunner, tmp_path: Path, sql: str, *, is_foreign: bool
) -> None:
    copies = [fill_copy(tmp_path, {}, name="A"), fill_copy(tmp_path, {}, name="B", zone="Asia/Bangkok")]
    assert (await runner.run(sql, copies, zone=UTC)).has_foreign_days is is_foreign
    assert not (await runner.run(sql, copies[1:], zone=UTC)).has_foreign_days


@pytest.mark.parametrize(
    ("sql", "is_mixed"),
    [
        ("SELECT sum(total_amount) FROM orders", True),
        ("SELECT status, avg(total_amount) FROM orders GROUP BY status", True),
        ("SELECT sum(o.total_amount) FROM orders o JOIN order_lines l ON l.order_id = o.id AND l.shop = o.shop", True),
        ("SELECT currency, sum(total_amount) FROM orders GROUP BY currency", False),
        ("SELECT sum(total_amount) FROM orders GROUP BY shop", False),
        ("SELECT sum(total_amount) FROM orders WHERE currency = 'GBP'", False),
        ("SELECT sum(total_amount) FROM orders WHERE region IN ('GB')", False),
        ("SELECT * FROM orders", False),
        ("SELECT count(*) FROM orders", False),
        ("SELECT sum(total_amount) / sum(tax) FROM orders", False),
    ],
)
async def test_amounts_of_several_currencies_in_one_sum_are_told(
    runner: QueryRunner, tmp_path: Path, sql: str, *, is_mixed: bool
) -> None:
    copies = [fill_copy(tmp_path, {}, name="A"), fill_copy(tmp_path, {}, name="B", region="TH")]
    assert (await runner.run(sql, copies, zone=UTC)).has_mixed_currencies is is_mixed
    assert not (await runner.run(sql, copies[:1], zone=UTC)).has_mixed_currencies


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        (
            "SELECT date_trunc('month', create_time) AS create_time, count(*) FROM orders GROUP BY create_time",
            ("create_time",),
        ),
        ("SELECT create_time::DATE AS day, count(*) FROM orders GROUP BY day", ()),
        ("SELECT status AS status, count(*) FROM orders GROUP BY status", ()),
        ("SELECT create_time::DATE AS create_time, count(*) FROM orders GROUP BY ALL", ()),
        ("SELECT upper(status) AS status, count(*) FROM orders GROUP BY 1", ()),
    ],
)
async def test_a_group_by_a_name_that_means_two_things_is_told(
    runner: QueryRunner, tmp_path: Path, sql: str, names: tuple[str, ...]
) -> None:
    assert (await runner.run(sql, [fill_copy(tmp_path, {})], zone=UTC)).ambiguous_groups == names


# ---- what columns are made of


async def test_columns_are_traced_to_the_tables_they_come_from(runner: QueryRunner, tmp_path: Path) -> None:
    copy = fill_copy(tmp_path, {})
    traces = {
        "SELECT buyer_message FROM orders": {("orders", "buyer_message")},
        "SELECT upper(x.m) AS y FROM (SELECT buyer_message AS m FROM orders) x": {("orders", "buyer_message")},
        "WITH a(m) AS (SELECT seller_note FROM orders) SELECT m FROM a": {("orders", "seller_note")},
        "SELECT title || ' ' || seller_sku AS t FROM products JOIN skus ON skus.product_id = products.id": {
            ("products", "title"),
            ("skus", "seller_sku"),
        },
        "SELECT (SELECT max(o.buyer_nickname) FROM orders o) AS n": {("orders", "buyer_nickname")},
        "SELECT CASE WHEN title = '' THEN id ELSE title END AS t FROM products": {
            ("products", "title"),
            ("products", "id"),
        },
        "SELECT title FROM products UNION SELECT buyer_message FROM orders": {
            ("products", "title"),
            ("orders", "buyer_message"),
        },
        "SELECT first(title ORDER BY id) OVER () AS t FROM products": {("products", "title")},
        "SELECT COLUMNS('^title$') FROM products": {("products", "title")},
        "SELECT * EXCLUDE (id) REPLACE (id AS title) FROM (SELECT id, title FROM products)": {("products", "id")},
        "SELECT p.t FROM (FROM products SELECT title AS t) p": {("products", "title")},
        "SELECT unnest(order_ids) AS o FROM packages": {("packages", "order_ids")},
        "SELECT u.o FROM packages p, unnest(p.order_ids) AS u(o)": {("packages", "order_ids")},
    }
    for sql, origins in traces.items():
        result = await runner.run(sql, [copy], zone=UTC)
        assert len(result.columns) == 1, sql
        assert set(result.columns[0].origins) == origins, sql


async def test_unions_by_name_are_traced_by_name(runner: QueryRunner, tmp_path: Path) -> None:
    sql = (
        "SELECT product_name AS a, order_id AS b FROM order_lines UNION ALL BY NAME"
        " SELECT cancel_status AS c, order_id AS b FROM cancellations UNION ALL BY NAME"
        " SELECT return_type AS c FROM returns"
    )
    result = await runner.run(sql, [fill_copy(tmp_path, {})], zone=UTC)
    assert {column.name: set(column.origins) for column in result.columns} == {
        "a": {("order_lines", "product_name")},
        "b": {("order_lines", "order_id"), ("cancellations", "order_id")},
        "c": {("cancellations", "cancel_status"), ("returns", "return_type")},
    }


# ---- bounds


async def test_more_rows_than_may_be_given_are_cut_and_told(runner: QueryRunner) -> None:
    result = await runner.run("SELECT range AS n FROM range(2000)", [], zone=UTC, limits=QueryLimits(max_rows=1234))
    assert (len(result.cells), result.is_truncated) == (1234, True)
    result = await runner.run("SELECT range AS n FROM range(1234)", [], zone=UTC, limits=QueryLimits(max_rows=1234))
    assert (len(result.cells), result.is_truncated) == (1234, False)
    wide = await runner.run(
        "SELECT repeat('é', 50000) AS t FROM range(100)", [], zone=UTC, limits=QueryLimits(max_bytes=1_000_000)
    )
    assert wide.is_truncated
    assert len(wide.cells) == 9  # of 100 kB each


async def test_a_question_is_stopped_at_its_time(runner: QueryRunner) -> None:
    runner.prepare()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ShopError, match="longer than 1 s") as caught:
            await runner.run(ENDLESS, [], zone=UTC, limits=QueryLimits(timeout_s=1))
    assert "shorter" in caught.value.hint


async def test_a_question_that_is_given_up_ends_with_its_process(runner: QueryRunner) -> None:
    before = {*children(os.getpid())}
    question = asyncio.create_task(runner.run(ENDLESS, [], zone=UTC, limits=QueryLimits(timeout_s=3600)))
    await until(lambda: {*children(os.getpid())} - before)
    await asyncio.sleep(0.5)
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    await until(lambda: not {*children(os.getpid())} - before)
    assert (await runner.run("SELECT 1", [], zone=UTC)).cells == [[1]]


async def test_the_event_loop_goes_on_while_a_question_runs(runner: QueryRunner) -> None:
    before = {*children(os.getpid())}
    question = asyncio.create_task(runner.run(ENDLESS, [], zone=UTC, limits=QueryLimits(timeout_s=PATIENCE_S)))
    await until(lambda: {*children(os.getpid())} - before)
    for number in range(3):
        assert (await runner.run(f"SELECT {number}", [], zone=UTC)).cells == [[number]]
    assert not question.done()
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question


async def test_several_questions_at_once_get_each_its_own_answer(runner: QueryRunner, tmp_path: Path) -> None:
    copy = fill_copy(tmp_path, {"orders": make_orders([Decimal(3)])})
    results = await asyncio.gather(
        *(runner.run(f"SELECT total_amount + {n} FROM orders", [copy], zone=LONDON) for n in range(20))
    )
    assert [result.rows[0][0] for result in results] == [Decimal(3 + n) for n in range(20)]


async def test_a_damaged_copy_is_told_by_its_place(runner: QueryRunner, tmp_path: Path) -> None:
    copies = [fill_copy(tmp_path, {}, name="A"), fill_copy(tmp_path, {}, name="B")]
    copies[1].path.write_bytes(b"no database" * 1000)
    with pytest.raises(DamagedCopyError) as caught:
        await runner.run("SELECT count(*) FROM orders", copies, zone=UTC)
    assert caught.value.place == 1
    copies[1].path.unlink()
    with pytest.raises(DamagedCopyError):
        await runner.run("SELECT count(*) FROM orders", copies, zone=UTC)


async def test_a_copy_is_only_read(runner: QueryRunner, tmp_path: Path) -> None:
    copy = fill_copy(tmp_path, {"orders": make_orders([Decimal(3)])})
    before = hash_file(copy.path)
    for _ in range(2):
        assert (await runner.run("SELECT count(*) FROM orders", [copy], zone=UTC)).cells == [[1]]
    assert hash_file(copy.path) == before
    assert list_names(tmp_path) == [copy.path.name]


async def test_every_example_of_the_records_runs(runner: QueryRunner, tmp_path: Path) -> None:
    copy = fill_copy(tmp_path, {})
    for table in TABLES.tables.values():
        assert table.name in runner.find_tables(table.example)
        result = await runner.run(table.example, [copy, fill_copy(tmp_path, {}, name="B")], zone=UTC)
        assert result.columns, table.name
        (tmp_path / "B.duckdb").unlink()


async def test_what_models_like_to_write_runs(runner: QueryRunner, tmp_path: Path) -> None:
    copy: ShopSnapshot = fill_copy(
        tmp_path, {"orders": make_orders([Decimal(3)], create_time=datetime(2026, 10, 1, tzinfo=UTC))}
    )
    for sql in (
        "select * from orders limit 5;",
        "SELECT `id` FROM `orders`",
        'SELECT "Orders"."ID" FROM "ORDERS"',
        "SELECT o.* FROM orders AS o WHERE o.create_time >= now() - INTERVAL '90 days'",
        "SELECT id FROM orders WHERE create_time BETWEEN '2026-10-01' AND '2026-10-31' ORDER BY 1 DESC NULLS LAST",
        "SELECT strftime(create_time, '%Y-%m') AS month, count(*) FROM orders GROUP BY month",
        "SELECT EXTRACT(HOUR FROM create_time) h, COUNT(DISTINCT user_id) FROM orders GROUP BY h HAVING COUNT(*) > 0",
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY create_time) rn FROM orders QUALIFY rn = 1",
        "SELECT COALESCE(NULLIF(status, ''), '-') s, SUM(CASE WHEN tax > 1 THEN 1 ELSE 0 END) FROM orders GROUP BY 1",
        "WITH t AS (SELECT user_id u, COUNT(*) n FROM orders GROUP BY 1) SELECT n, COUNT(*) FROM t GROUP BY n",
        f"SELECT d::DATE AS day, COUNT(o.id) FROM {DAYS} s(d) LEFT JOIN orders o ON o.paid_time::DATE = d GROUP BY 1",
        f"SELECT unnest({DAYS}) AS day",
        "SELECT status, COUNT(*) FILTER (WHERE total_amount > 2) FROM orders GROUP BY ROLLUP(status)",
        "FROM orders SELECT count(*)",
        "SELECT * FROM orders PIVOT (count(*) FOR status IN ('COMPLETED', 'CANCELLED'))",
        "SELECT string_agg(id, ', ' ORDER BY id) FROM orders",
        "SELECT id FROM orders EXCEPT SELECT order_id FROM packages",
        "SELECT a.id FROM orders a LEFT JOIN packages p ON list_contains(p.order_ids, a.id) WHERE p.id IS NULL",
        "VALUES (1, 2), (3, 4)",
    ):
        result: QueryResult = await runner.run(sql, [copy], zone=LONDON)
        assert result.columns, sql
