"""A report is one file: its heading is held to, every grouping of it runs, and each cent of it is kept."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields
from mcp_server_tiktok_shop.mirror.report_files import REPORTS_FOLDER, load_reports, parse_report
from mcp_server_tiktok_shop.mirror.report_queries import (
    ARITHMETIC_SQL,
    POSITION,
    ROWS_IN_ALL,
    ReportOrder,
    compose_rows,
    compose_totals,
    find_parameters,
    list_columns,
)
from mcp_server_tiktok_shop.mirror.sql.lineage import ColumnTracer
from mcp_server_tiktok_shop.mirror.sql.statements import parse_statement
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from tests.conftest import CATALOG
from tests.mirror.report_sql import TABLES, HandmadeCopy

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400
REPORTS = load_reports()
PARAMETERS = {"from": 20 * DAY, "until": 30 * DAY, "before_from": 10 * DAY, "before_until": 20 * DAY, "now": 30 * DAY}
HEADING = """-- title = "One"
-- answers = "What?"
-- tables = ["orders"]
-- keys = ["currency"]
-- order = "orders desc"
-- [columns]
-- orders = "how many"
SELECT {group_by} currency, count(*) AS orders FROM orders GROUP BY ALL
"""


@pytest.fixture(scope="module")
def empty() -> HandmadeCopy:
    return HandmadeCopy()


@pytest.mark.parametrize(
    ("name", "with_comparison"),
    [*((name, False) for name in REPORTS), *((name, True) for name, report in REPORTS.items() if report.compare)],
)
def test_every_grouping_runs_and_has_the_columns_it_says(empty: HandmadeCopy, name: str, with_comparison: bool) -> None:
    report = REPORTS[name]
    for grouping in (None, *report.group_by.values()):
        columns = list_columns(report, grouping, with_comparison=with_comparison)
        for column in columns:
            order = ReportOrder(column, is_descending=True)
            sql = compose_rows(report, grouping, order, with_comparison=with_comparison)
        empty.run(sql, PARAMETERS)
        told = [column[0] for column in empty.connection.description or []]
        assert set(told) - {ROWS_IN_ALL} == set(columns)
        assert POSITION not in told
    empty.run(compose_totals(report, with_comparison=with_comparison), PARAMETERS)


@pytest.mark.parametrize("name", REPORTS)
def test_a_heading_names_what_there_is(name: str) -> None:
    report = REPORTS[name]
    for grouping in (None, *report.group_by.values()):
        assert set(report.list_tables(grouping)) <= set(TABLES)
    known = {*report.columns, *report.keys}
    assert set(report.compare) <= known
    assert ReportOrder.parse(report.order).column in known
    assert set(report.beside) <= set(report.group_by)
    assert not report.default_group or report.default_group in report.group_by
    named = find_parameters(report.sql) - {*PARAMETERS, "limit", "history_from", "lacking_tables"}
    assert named == {*report.parameters, *report.filters}
    if report.period == "":
        assert "from" not in find_parameters(report.sql)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_names_the_tables_it_reads(empty: HandmadeCopy, name: str) -> None:
    """What is not named is not brought up to date before it is read."""
    report = REPORTS[name]
    for grouping in (None, *report.group_by.values()):
        sql = compose_rows(report, grouping, ReportOrder(next(iter(report.columns)), is_descending=True))
        if grouping is not None and next(iter(report.columns)) in grouping.without:
            sql = compose_rows(report, grouping, ReportOrder(next(iter(grouping.keys)), is_descending=True))
        read = empty.connection.get_table_names(re.sub(r"\$\w+", "NULL", sql))
        assert {name.removeprefix("rows_") for name in read} == set(report.list_tables(grouping))


def test_the_tool_names_every_report() -> None:
    assert CATALOG.operations["get_report"].arguments["report"]["enum"] == sorted(REPORTS)


def is_written_by_others(table_name: str, column_name: str) -> bool:
    table = TABLES[table_name]
    if column_name not in table.columns or table.columns[column_name].type != "VARCHAR":
        return False
    sensitivity = SensitiveFields().get_root(TableCatalog().sources[table.source].operation)
    for step in (*table.rows, *table.columns[column_name].path.strip("^/").split(".")):
        if not step.isdigit() and "=" not in step:
            sensitivity = sensitivity.get_child(step)
    return sensitivity.is_untrusted or sensitivity.kind == "name"


@pytest.mark.parametrize("name", REPORTS)
def test_a_heading_names_the_columns_that_others_wrote(name: str) -> None:
    report = REPORTS[name]
    found = set()
    for grouping in report.group_by.values():
        sql = compose_rows(report, grouping, ReportOrder(next(iter(grouping.keys)), is_descending=False))
        for column in ColumnTracer(TABLES).trace(parse_statement(sql)):
            if column.name in grouping.labels or column.name in grouping.keys:
                found |= {column.name for origin in column.trace.origins if is_written_by_others(*origin)}
    # Of UNION ALL BY NAME columns are traced by their place, and these two are called what another one is.
    assert found - {"cancel_status", "return_type"} == set(report.untrusted)


def test_adding_a_report_needs_a_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text(HEADING, encoding="utf-8")
    (report,) = load_reports(tmp_path).values()
    assert (report.name, report.title, report.columns) == ("one", "One", {"orders": "how many"})
    copy = HandmadeCopy()
    copy.fill(
        "orders", [{"id": "1", "currency": "GBP"}, {"id": "2", "currency": "EUR"}, {"id": "3", "currency": "GBP"}]
    )
    assert copy.run(compose_rows(report, None, ReportOrder.parse(report.order)), {}) == [
        {"currency": "GBP", "orders": 2},
        {"currency": "EUR", "orders": 1},
    ]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('-- titel = "One"\n' + HEADING, "titel"),
        (HEADING.replace('-- keys = ["currency"]\n', ""), "keys"),
        (HEADING.replace("-- [columns]", '-- [group_by.day]\n-- key = "x"\n-- [columns]'), "key"),
        (HEADING.replace('"One"', "One"), "value"),
    ],
)
def test_a_heading_that_says_something_wrong_is_refused(line: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        parse_report("one", line)


def test_reports_are_files_of_the_package() -> None:
    assert len(list(REPORTS_FOLDER.glob("*.sql"))) == len(REPORTS) >= 13


# ---- money


cents = st.integers(-(10**13), 10**13).map(lambda number: Decimal(number) * Decimal("0.01"))


@settings(max_examples=200)
@given(cents, st.integers(0, 10**7))
def test_an_average_is_exact_to_the_cent_half_up(empty: HandmadeCopy, total: Decimal, count: int) -> None:
    sql = ARITHMETIC_SQL["average"].format("$total::DECIMAL(38, 2)", "$count")
    (row,) = empty.connection.execute(f"SELECT {sql}", {"total": total, "count": count}).fetchall()
    expected = (total / count).quantize(Decimal("0.01"), ROUND_HALF_UP) if count else None
    assert row == (expected,)


@settings(max_examples=200)
@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_share_is_exact_to_a_tenth_of_a_percent_half_up(empty: HandmadeCopy, part: int, whole: int) -> None:
    sql = ARITHMETIC_SQL["share"].format("$part::BIGINT", "$whole::BIGINT")
    (row,) = empty.connection.execute(f"SELECT {sql}", {"part": part, "whole": whole}).fetchall()
    expected = (Decimal(part) * 100 / whole).quantize(Decimal("0.1"), ROUND_HALF_UP) if whole else None
    assert row == (expected,)


def test_every_half_cent_falls_up(empty: HandmadeCopy) -> None:
    """The rounding that DuckDB has for this loses half of them."""
    empty.fill(
        "orders", [{"id": str(n), "currency": "GBP", "status": "COMPLETED", "create_time": 25 * DAY} for n in (1, 2)]
    )
    for number in range(1, 400, 2):
        total = Decimal(number) * Decimal("0.01")
        empty.connection.execute("UPDATE rows_orders SET total_amount = CASE WHEN id = '1' THEN ? ELSE 0 END", [total])
        (row,) = empty.ask("sales", None, PARAMETERS)
        assert row["average_order"] == (total / 2).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert row["sales_total"] == total


def test_currencies_of_one_shop_are_never_added_up(empty: HandmadeCopy) -> None:
    paid = (("GBP", "10.00"), ("EUR", "3.33"), ("GBP", "0.05"), ("JPY", "1200"))
    empty.fill(
        "orders",
        [
            {
                "id": str(n),
                "currency": currency,
                "status": "COMPLETED",
                "create_time": 25 * DAY,
                "total_amount": Decimal(total),
            }
            for n, (currency, total) in enumerate(paid)
        ],
    )
    rows = empty.ask("sales", None, PARAMETERS)
    told = {row["currency"]: (row["orders_sold"], row["sales_total"], row["average_order"]) for row in rows}
    assert told == {
        "EUR": (1, Decimal("3.33"), Decimal("3.33")),
        "GBP": (2, Decimal("10.05"), Decimal("5.03")),
        "JPY": (1, Decimal("1200.00"), Decimal("1200.00")),
    }
