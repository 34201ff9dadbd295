"""Charts of rows: what is seen is what was counted, in few bytes; where nothing can be drawn, the answer says why."""

from __future__ import annotations

import base64
import io
import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.tools.charts.choice import MAX_BARS, MAX_SERIES
from mcp_server_tiktok_shop.tools.charts.drawer import MAX_PICTURE_BYTES, WORKER_MODULE
from mcp_server_tiktok_shop.tools.charts.maker import CHART_META
from mcp_server_tiktok_shop.tools.charts.vega_spec import BACKGROUND, COLORS
from mcp_server_tiktok_shop.workers import pool
from tests.conftest import CATALOG

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

COLOURFUL = 100  # how far the channels of a pixel lie apart
DAYS = "SELECT create_time::DATE AS day, currency, sum(total_amount) AS paid FROM orders GROUP BY ALL ORDER BY day"
THREE = """
    SELECT * FROM (
        VALUES ('Green tea of the hills', 400), ('A cup of porcelain', 200), ('A cast iron pot, small', 100)
    ) AS t(product, units)
"""
CREATED = "SELECT create_time, total_amount FROM orders"

UNDRAWABLE: list[tuple[str, Any, list[str]]] = [
    ("SELECT id, total_amount FROM orders WHERE id = 'none'", True, ["no row"]),
    ("SELECT id, NULL::DECIMAL(18,2) AS paid FROM orders", True, ["no column holds numbers"]),
    ("SELECT id, NULL::DECIMAL(18,2) AS paid FROM orders", {"y": "paid"}, ["paid", "no number"]),
    ("SELECT status, id FROM orders", True, ["no column holds numbers"]),
    ("SELECT count(*) AS n FROM orders", True, ["no column names the rows"]),
    ("SELECT status, total_amount FROM orders", True, ["status", "several rows"]),
    ("SELECT id, total_amount, 1 AS n FROM orders", {"y": "total_amount, n"}, ["one unit"]),
    ("SELECT id, total_amount FROM orders", {"kind": "scatter"}, ["two columns of numbers"]),
    ("SELECT id, total_amount FROM orders", {"kind": "heat"}, ["two columns that name a cell"]),
]
WRONG_CHOICES: list[tuple[Any, str, str]] = [
    ({"y": "totalamount"}, "chart.y", "total_amount"),
    ({"x": "day; DROP"}, "chart.x", "total_amount"),
    ({"y": "id"}, "chart.y", "total_amount"),
    ({"kind": "scatter", "x": "id"}, "chart.x", "total_amount"),
    ({"kind": "pie"}, "chart.kind", "heat"),
    ("pie", "chart.kind", "heat"),
    ({"sort": "y"}, "chart.sort", "series"),
    ({"x": "id", "series": "id"}, "chart.series", "another column"),
]


async def call(client: Client, tool: str, /, **arguments: Any) -> Any:
    return await client.call_tool(tool, arguments)


async def draw(client: Client, tool: str, /, **arguments: Any) -> tuple[Any, Any, Image.Image]:
    """The data of an answer, the data of its chart, and the picture."""
    result = await call(client, tool, **arguments)
    assert not result.is_error, result.content
    text, picture = result.content
    assert picture.mime_type == "image/png"
    content = base64.b64decode(picture.data)
    assert len(content) <= MAX_PICTURE_BYTES
    return json.loads(text.text)["data"], result.meta[CHART_META], Image.open(io.BytesIO(content)).convert("RGB")


async def fail_to_draw(client: Client, tool: str, /, **arguments: Any) -> tuple[Any, str]:
    """The data of an answer without a picture, and the reason in it."""
    result = await call(client, tool, **arguments)
    assert not result.is_error, result.content
    (text,) = result.content
    data = json.loads(text.text)["data"]
    return data, data["chart"]["problem"]


def count_pixels(picture: Image.Image, color: str) -> int:
    """How many pixels have a colour exactly."""
    return find_colors(picture).get(parse_color(color), 0)


def has_ink(picture: Image.Image, x: int) -> bool:
    """Whether a column of a picture has colour in it, and not only black, grey and white."""
    pixels: list[Any] = [picture.getpixel((x, y)) for y in range(picture.height)]
    return any(max(pixel) - min(pixel) > COLOURFUL for pixel in pixels)


def find_colors(picture: Image.Image) -> dict[Any, int]:
    """How many pixels there are of each colour."""
    return {color: count for count, color in picture.getcolors(picture.width * picture.height) or ()}


def parse_color(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color.removeprefix("#")))


def find_column(data: Any, place: str, name: str) -> list[Any]:
    index = data[place]["columns"].index(name)
    return [row[index] for row in data[place]["rows"]]


async def test_a_line_of_days_shows_every_amount_of_the_rows(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=200)) as client:
        data, chart, picture = await draw(client, "query_shop", sql=DAYS, chart=True)
    assert data["chart"] == {
        "kind": "line",
        "x": "day",
        "y": "paid",
        "currency": "GBP",
        "points": data["row_count"],
    }
    assert [row[0] for row in chart["rows"]] == find_column(data, "result", "day")
    drawn = sum(Decimal(str(row[1])) for row in chart["rows"])
    assert drawn == sum(map(Decimal, find_column(data, "result", "paid")))
    assert (chart["unit"], chart["currency"], chart["x_type"]) == ("money", "GBP", "time")
    assert picture.width == 800  # 400 as people see it, at two pixels each
    assert count_pixels(picture, COLORS["light"][0]) > 1_000
    assert picture.getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("places", "pieces", "missing"),
    [
        (["2026-W40", "2026-W41", "2026-W43", "2026-W44", "2026-W47"], [0, 0, 1, 1, 2], 3),
        (["2026-01", "2026-02", "2026-05", "2026-06"], [0, 0, 1, 1], 2),
        (["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-04"], [0, 0, 0, 1], 2),
        ([f"2026-{day} 00:00:00" for day in ("09-28", "10-05", "10-19", "10-26")], [0, 0, 1, 1], 1),
        (["2026-01-01", "2026-04-01", "2026-10-01"], [0, 0, 1], 1),
        (["2026-10-01", "2026-10-08", "2026-10-15"], None, 0),
        (["2026-01-01", "2026-02-01", "2026-03-01"], None, 0),
    ],
)
async def test_a_line_breaks_where_days_weeks_or_months_have_no_row(
    connect: Connect, places: list[str], pieces: list[int] | None, missing: int
) -> None:
    rows = ", ".join(f"('{place}', {100 * (index % 2)})" for index, place in enumerate(places))
    sql = f"SELECT * FROM (VALUES {rows}) AS t(place, units)"
    async with connect(sandbox="1") as client:
        data, chart, picture = await draw(client, "query_shop", sql=sql, chart="line")
        area, _, _ = await draw(client, "query_shop", sql=sql, chart="area")
    assert chart.get("pieces") == pieces
    for told in (data["chart"], area["chart"]):
        assert told.get("note", "").startswith(f"Rows are missing for {missing} steps" if missing else "")
        assert ("note" in told) is bool(missing)
    columns = [x for x in range(picture.width) if has_ink(picture, x)]
    gap = max(after - before for before, after in pairwise(columns))
    assert (gap > picture.width / 20) is bool(missing)


async def test_each_line_has_its_own_gaps(connect: Connect) -> None:
    rows = "('2026-10-01', 'a', 1), ('2026-10-02', 'a', 2), ('2026-10-02', 'b', 2), ('2026-10-03', 'a', 3)"
    rows += ", ('2026-10-04', 'b', 1), ('2026-10-06', 'a', 1), ('2026-10-06', 'b', 3)"
    sql = f"SELECT * FROM (VALUES {rows}) AS t(day, name, units)"
    async with connect(sandbox="1") as client:
        _, line, _ = await draw(client, "query_shop", sql=sql, chart={"kind": "line", "series": "name"})
    assert [(*row[::2], piece) for row, piece in zip(line["rows"], line["pieces"], strict=True)] == [
        ("2026-10-01", "a", 0),
        ("2026-10-02", "a", 0),
        ("2026-10-02", "b", 0),
        ("2026-10-03", "a", 0),
        ("2026-10-04", "b", 1),
        ("2026-10-06", "a", 1),
        ("2026-10-06", "b", 2),
    ]


async def test_bars_are_as_long_as_what_they_stand_for(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        data, chart, picture = await draw(client, "query_shop", sql=THREE, chart="bar")
    assert chart["rows"] == data["result"]["rows"]
    ink = parse_color(COLORS["light"][0])
    widths = [sum(picture.getpixel((x, y)) == ink for x in range(picture.width)) for y in range(picture.height)]
    lengths = sorted({width for width, rows in Counter(widths).items() if width and rows > 10}, reverse=True)
    assert len(lengths) == 3
    for length, units in zip(lengths, (400, 200, 100), strict=True):
        assert length / lengths[0] == pytest.approx(units / 400, abs=0.02)


async def test_a_report_and_a_profit_are_drawn_in_their_own_words(connect: Connect) -> None:
    period = {"period": "last 30 days"}
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=200)) as client:
        data, chart, _ = await draw(client, "get_report", report="sales", group_by="day", chart=True, **period)
        assert chart["title"].startswith("Sales, ")
        assert (chart["kind"], chart["x"], chart["y"]) == ("line", "day", "sales_total")
        (total,) = find_column(data, "totals", "sales_total")
        assert sum(Decimal(str(row[1])) for row in chart["rows"]) == Decimal(total)
        data, chart, _ = await draw(client, "get_report", report="sales", group_by="weekday", chart={}, **period)
        assert (chart["kind"], chart["x"]) == ("bar", "weekday")
        assert [row[0] for row in chart["rows"]] == find_column(data, "table", "weekday")
        data, chart, _ = await draw(client, "get_profit", group_by="product", chart={"kind": ""}, **period)
        assert (chart["kind"], chart["y"], chart["series"]) == ("stacked", "settlement", "basis")
        assert data["chart"]["points"] == len(chart["rows"])


async def test_a_day_without_a_cancellation_is_a_day_of_nothing_in_a_report(connect: Connect) -> None:
    arguments = {"report": "cancellations", "group_by": "day", "period": "last 60 days"}
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=200)) as client:
        data, chart, _ = await draw(client, "get_report", **arguments, chart="line")
    days = [row[0] for row in chart["rows"]]
    assert days == sorted(set(days))
    assert len(days) > len(data["table"]["rows"])
    amounts = dict(zip(find_column(data, "table", "day"), find_column(data, "table", chart["y"]), strict=True))
    assert {row[0]: row[1] for row in chart["rows"] if row[0] in amounts} == {d: float(a) for d, a in amounts.items()}
    assert {row[1] for row in chart["rows"] if row[0] not in amounts} == {0.0}


async def test_a_title_names_the_days_that_are_drawn(connect: Connect) -> None:
    """Days of the period without a row are drawn from its first one on; what is before the history is not named."""
    period = {"report": "sales", "group_by": "day", "period": "last 90 days"}
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=100)) as client:
        data, chart, _ = await draw(client, "get_report", **period, chart="line")
        first, last = chart["rows"][0][0], chart["rows"][-1][0]
        assert first < find_column(data, "table", "day")[0]
        assert len(chart["rows"]) == 90
        assert chart["title"] == f"Sales, {first} to {last}, so far"
        weeks, chart, _ = await draw(client, "get_report", **period | {"group_by": "week"}, chart="bar")
        assert chart["rows"][0][0] < find_column(weeks, "table", "week")[0]
        few, chart, _ = await draw(client, "get_report", **period, limit=5, chart="line")
        days = find_column(few, "table", "day")
        assert chart["title"] == f"Sales, {min(days)} to {max(days)}"
        assert [row[0] for row in chart["rows"]] == sorted(days), "days that were left out are not days of nothing"
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=100), mirror_days=30) as client:
        data, chart, _ = await draw(client, "get_report", **period, chart="line")
        assert "part_only" in data
        assert chart["title"] == f"Sales, {chart['rows'][0][0]} to {chart['rows'][-1][0]}, so far"
        assert len(chart["rows"]) < 40


async def test_hours_and_weekdays_are_those_of_the_shops_clock(connect: Connect) -> None:
    local = "SELECT hour(create_time) AS hour, isodow(create_time) AS day, count(*) AS n FROM orders GROUP BY ALL"
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=200), time_zone="Asia/Bangkok") as client:
        _, chart, picture = await draw(client, "query_shop", sql=CREATED, chart={"kind": "heat"})
        data, _, _ = await draw(client, "query_shop", sql=local, chart={"kind": "heat", "x": "hour", "series": "day"})
    week = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    counted = {(str(hour), week[day - 1]): n for hour, day, n in data["result"]["rows"]}
    assert len(chart["rows"]) == 7 * 24
    assert {(hour, day): n for hour, n, day in chart["rows"] if n} == counted
    assert len(find_colors(picture)) > 10


async def test_an_hour_that_the_clock_shows_twice_is_two_hours(connect: Connect) -> None:
    sql = """
        SELECT t AS hour, 1 + row_number() OVER () AS n FROM (
            SELECT unnest(generate_series(
                TIMESTAMPTZ '2026-10-24 20:00:00+00', TIMESTAMPTZ '2026-10-25 04:00:00+00', INTERVAL 1 HOUR
            )) AS t
        )
    """
    async with connect(sandbox="1") as client:
        _, line, _ = await draw(client, "query_shop", sql=sql, chart={"kind": "line"})
        _, bars, _ = await draw(client, "query_shop", sql=sql, chart={"kind": "bar"})
    for chart in (line, bars):
        assert [row[1] for row in chart["rows"]] == [*range(2, 11)]
        twice = [row[0] for row in chart["rows"] if row[0].startswith("2026-10-25T01:00:00")]
        assert twice == ["2026-10-25T01:00:00", "2026-10-25T01:00:00+00:00"]


async def test_an_hour_and_a_weekday_are_a_heat_map_without_being_asked(connect: Connect) -> None:
    sql = "SELECT dayname(create_time) AS weekday, hour(create_time) AS hour, count(*) AS n FROM orders GROUP BY ALL"
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=200)) as client:
        _, chart, _ = await draw(client, "query_shop", sql=sql, chart=True)
    assert (chart["kind"], {chart["x"], chart["series"]}) == ("heat", {"hour", "weekday"})


async def test_every_hour_of_the_day_is_drawn(connect: Connect) -> None:
    asked = {"report": "sales", "period": "last 60 days", "group_by": "hour"}
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=400)) as client:
        data, chart, _ = await draw(client, "get_report", **asked, chart=True)
    sales = {row[0]: Decimal(row[data["table"]["columns"].index("sales_total")]) for row in data["table"]["rows"]}
    assert len(sales) > MAX_BARS
    assert {int(hour): Decimal(str(total)) for hour, total in chart["rows"]} == sales


async def test_more_series_than_colours_keep_their_sum(connect: Connect) -> None:
    sql = "SELECT d AS day, 'part ' || s AS part, s + d AS n FROM range(1, 4) a(d), range(1, 13) b(s)"
    sql = sql.replace("d AS day", "'2026-11-0' || d AS day")
    async with connect(sandbox="1") as client:
        _, chart, picture = await draw(client, "query_shop", sql=sql, chart={"kind": "stacked", "series": "part"})
        _, problem = await fail_to_draw(client, "query_shop", sql=sql, chart={"kind": "line", "series": "part"})
    assert len({row[2] for row in chart["rows"]}) == MAX_SERIES
    assert sum(row[1] for row in chart["rows"]) == sum(s + d for d in range(1, 4) for s in range(1, 13))
    assert all(count_pixels(picture, color) > 50 for color in COLORS["light"])
    assert "12" in problem
    assert str(MAX_SERIES) in problem


async def test_dark_is_dark(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        _, _, picture = await draw(client, "query_shop", sql=THREE, chart='{"theme": "dark"}')
    assert picture.getpixel((1, 1)) == parse_color(BACKGROUND["dark"])
    assert count_pixels(picture, COLORS["dark"][0]) > 1_000


async def test_thousands_of_points_stay_within_the_bytes_of_a_picture(connect: Connect) -> None:
    sql = "SELECT i AS a_number, hash(i) % 1000 AS b, 'group ' || i % 8 AS g FROM range(1900) r(i)"
    async with connect(sandbox="1") as client:
        chosen = {"kind": "scatter", "x": "a_number", "y": "b", "series": "g"}
        _, chart, picture = await draw(client, "query_shop", sql=sql, chart=chosen)
        _, problem = await fail_to_draw(client, "query_shop", sql=sql.replace("1900", "2500"), chart=chosen)
    assert len(chart["rows"]) == 1_900
    assert picture.width >= 400
    assert "2,500" in problem


async def test_a_long_id_stays_the_text_that_it_is(connect: Connect) -> None:
    sql = "SELECT id, total_amount FROM orders ORDER BY id LIMIT 5"
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=20)) as client:
        data, chart, _ = await draw(client, "query_shop", sql=sql, chart=True)
    assert [row[0] for row in chart["rows"]] == find_column(data, "result", "id")


async def test_what_cannot_be_drawn_is_said_and_its_rows_are_given(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=20)) as client:
        for sql, chart, words in UNDRAWABLE:
            data, problem = await fail_to_draw(client, "query_shop", sql=sql, chart=chart)
            assert all(word in problem.casefold() for word in words), problem
            assert len(data["result"]["rows"]) == data["row_count"]


async def test_a_wrong_choice_is_refused_with_the_right_ones(connect: Connect) -> None:
    sql = "SELECT id, total_amount FROM orders"
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=5)) as client:
        for chart, argument, allowed in WRONG_CHOICES:
            result = await call(client, "query_shop", sql=sql, chart=chart)
            assert result.is_error, chart
            error = json.loads(result.content[0].text)
            assert error["error"] == "invalid_arguments"
            assert argument in [problem["argument"] for problem in error["problems"]]
            assert allowed in result.content[0].text


async def test_of_several_currencies_counts_are_drawn_and_named(connect: Connect) -> None:
    period = {"report": "sales", "period": "last 90 days", "group_by": "week"}
    async with connect(sandbox="1", sandbox_object=Sandbox(shops=3, orders=200)) as client:
        data, chosen, _ = await draw(client, "get_report", **period, chart=True)
        _, problem = await fail_to_draw(client, "get_report", **period, chart={"y": "sales_total"})
        _, chart, _ = await draw(client, "get_report", **period, chart={"y": "orders_sold"})
        _, asked, _ = await draw(client, "get_report", **period, columns=["orders_sold"], chart={"kind": "line"})
        _, first, _ = await draw(client, "get_report", **period, columns=["unpaid_total", "units_sold"], chart=True)
        _, problem_of_asked = await fail_to_draw(client, "get_report", **period, columns=["unpaid_total"], chart=True)
        profit = {"period": "last 90 days", "group_by": "month", "shop": "GB"}
        _, units, _ = await draw(client, "get_profit", **profit, columns=["units"], chart=True)
    assert asked["rows"] == chart["rows"] == chosen["rows"]
    assert data["chart"]["note"].startswith(
        "orders_sold is drawn: sales_total in EUR, GBP, USD can't stand on one axis"
    )
    assert (asked["y"], asked["unit"], first["y"], units["y"]) == ("orders_sold", "count", "units_sold", "units")
    assert "one axis" in problem_of_asked
    assert "or counts as y: orders_sold, units_sold" in problem
    assert chart["title"].startswith("Sales: orders sold, ")


async def test_the_title_of_several_shops_names_the_period_also_where_one_has_a_day_that_another_has_not(
    connect: Connect,
) -> None:
    """At six in London it is ten in the evening of the day before in Los Angeles."""
    now = datetime(2026, 11, 30, 6, tzinfo=UTC).timestamp()
    period = {"period": "last 30 days", "group_by": "week"}
    runtime = Runtime(lambda: now, time.monotonic)
    sandbox = Sandbox(shops=3, orders=200, clock=lambda: now)
    async with connect(sandbox="1", sandbox_object=sandbox, runtime=runtime) as client:
        _, sales, _ = await draw(client, "get_report", report="sales", chart={"y": "orders_sold"}, **period)
    assert sales["title"] == "Sales: orders sold, 2026-10-31 to 2026-11-30, so far"


async def test_amounts_of_several_currencies_do_not_share_an_axis(connect: Connect) -> None:
    sql = "SELECT shop, currency, sum(total_amount) AS paid FROM orders GROUP BY ALL"
    async with connect(sandbox="1", sandbox_shops=3) as client:
        data, problem = await fail_to_draw(client, "query_shop", sql=sql, shop="all", chart=True)
        currencies = set(find_column(data, "result", "currency"))
        assert all(currency in problem for currency in currencies)
        unnamed = sql.replace("currency, ", "")
        _, problem = await fail_to_draw(client, "query_shop", sql=unnamed, shop="all", chart=True)
        assert all(currency in problem for currency in currencies)
        _, chart, _ = await draw(
            client, "query_shop", sql=sql.replace("sum(total_amount)", "count(*)"), shop="all", chart=True
        )
        assert (chart["x"], chart["unit"]) == ("shop", "count")
        counted = sql.replace("AS paid", "AS paid, count(*) AS orders")
        data, chart, _ = await draw(client, "query_shop", sql=counted, shop="all", chart=True)
        assert (chart["y"], chart["unit"]) == ("orders", "count")
        assert "paid in EUR, GBP, USD" in data["chart"]["note"]


async def test_a_name_ending_in_png_makes_a_file_of_the_picture(connect: Connect, home: Path) -> None:
    async with connect(sandbox="1") as client:
        data, _, picture = await draw(client, "query_shop", sql=THREE, save_as="units.png")
        path = Path(data["chart"]["saved"]["path"])
        assert home in path.parents
        with Image.open(path) as saved:
            assert (saved.format, saved.size) == ("PNG", picture.size)
        assert len(data["result"]["rows"]) == 3
        both, _, _ = await draw(client, "query_shop", sql=THREE, save_as="units.xlsx", chart=True)
        assert both["saved"]["path"].endswith("units.xlsx")
        empty = THREE + " WHERE units > 999"
        _, problem = await fail_to_draw(client, "query_shop", sql=empty, save_as="none.png")
        assert problem.endswith("Nothing was saved.")
        refused = await call(client, "get_order_list", save_as="orders.png")
        assert refused.is_error
        assert ".xlsx, .csv or .json" in refused.content[0].text


async def test_no_chart_is_none(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        for no in (None, False, "false", ""):
            result = await call(client, "query_shop", sql=THREE, chart=no)
            (text,) = result.content
            assert "chart" not in json.loads(text.text)["data"]
            assert CHART_META not in (result.meta or {})


async def test_words_of_others_are_drawn_as_words(connect: Connect) -> None:
    """Names that mean something to the drawing's own language, to a file system or to a reader of directions."""
    odd = ["datum.y", "a.b[0]", "{{x}}", "https://shop.example/x.csv", "file:///etc/hostname", "x'\"\\y", "a\u202eb"]
    values = ", ".join(f"('{name.replace(chr(39), chr(39) * 2)}', {place + 1})" for place, name in enumerate(odd))
    sql = f'SELECT name AS "signal(now()).x", n AS "datum[\'y\'] \\ [n]" FROM (VALUES {values}) AS t(name, n)'
    async with connect(sandbox="1") as client:
        _, chart, picture = await draw(client, "query_shop", sql=sql, chart=True)
    assert [row[0] for row in chart["rows"]] == [*odd[:-1], "ab"]
    assert [row[1] for row in chart["rows"]] == list(range(1, 8))
    assert count_pixels(picture, COLORS["light"][0]) > 1_000


async def test_letters_that_no_font_has_are_named(connect: Connect) -> None:
    sql = "SELECT * FROM (VALUES ('caf\u00e9', 1), ('\ue123', 2)) AS t(name, n)"  # the second one is nobody's letter
    async with connect(sandbox="1") as client:
        data, chart, _ = await draw(client, "query_shop", sql=sql, chart=True)
    assert "\ue123" in data["chart"]["note"]
    assert "\u00e9" not in data["chart"]["note"]
    assert [row[0] for row in chart["rows"]] == ["caf\u00e9", "\ue123"]


async def test_the_library_is_loaded_by_no_process_before_the_first_chart(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    start_process = pool._start_process

    def note_and_start(module: str) -> Any:
        started.append(module)
        return start_process(module)

    monkeypatch.setattr(pool, "_start_process", note_and_start)
    async with connect(sandbox="1") as client:
        await call(client, "query_shop", sql=THREE)
        assert started
        assert WORKER_MODULE not in started
        await draw(client, "query_shop", sql=THREE, chart=True)
        await draw(client, "query_shop", sql=THREE, chart=True)
    assert started.count(WORKER_MODULE) == 1
    assert "vl_convert" not in sys.modules  # it is a process beside the server that draws


async def test_without_the_library_the_data_comes_with_the_way_to_get_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_server_tiktok_shop.tools.charts.drawer.LIBRARY", "library_that_is_not_there")
    async with connect(sandbox="1") as client:
        data, problem = await fail_to_draw(client, "query_shop", sql=THREE, chart=True)
        assert "mcp-server-tiktok-shop[charts]" in problem
        assert len(data["result"]["rows"]) == 3


async def test_where_nobody_looks_the_answer_says_how_to_keep_the_picture(home: Path) -> None:
    app = build_app(read_settings({"TIKTOK_SHOP_HOME": str(home), "TIKTOK_SHOP_SANDBOX": "1"}), catalog=CATALOG)
    try:
        unseen = await app.dispatcher.call("query_shop", {"sql": THREE, "chart": True})
        saved = await app.dispatcher.call("query_shop", {"sql": THREE, "save_as": "units.png"})
    finally:
        await app.close()
    assert ".png" in unseen["data"]["chart"]["problem"]
    assert Path(saved["data"]["chart"]["saved"]["path"]).stat().st_size > 1_000  # noqa: ASYNC240


async def test_a_drawing_that_takes_too_long_is_given_up(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_server_tiktok_shop.tools.charts.drawer.DRAWING_TIMEOUT_S", 0.0)
    async with connect(sandbox="1") as client:
        data, problem = await fail_to_draw(client, "query_shop", sql=THREE, chart=True)
        assert "in time" in problem
        assert len(data["result"]["rows"]) == 3
        monkeypatch.undo()
        await draw(client, "query_shop", sql=THREE, chart=True)
