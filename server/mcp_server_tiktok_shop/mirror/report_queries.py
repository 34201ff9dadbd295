"""Composes the SELECT of a report: grouped, limited, in order, and with a second period beside the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp_server_tiktok_shop.mirror.report_files import Grouping, Report

ROWS_IN_ALL = "rows_in_all"
POSITION = "position_in_period"
PERIOD_PARAMETER = re.compile(r"\$(from|until)\b")
PARAMETER = re.compile(r"\$([a-z_]+)\b")
ARITHMETIC = re.compile(r"\{(average|share)\((\w+), (\w+)\)\}")
FILL = re.compile(r"\{(\w+)\}")
# DuckDB divides decimals as binary fractions and rounds what comes of it, so that half a cent may fall either way:
# whole numbers are divided here, and halves go away from zero.
ARITHMETIC_SQL = {
    "average": (
        "(sign({0}) * ((2 * abs(({0} * 100)::HUGEINT) + {1}) // nullif(2 * {1}::HUGEINT, 0)))::DECIMAL(18, 0) * 0.01"
    ),
    "share": "((2000 * ({0} * 100)::HUGEINT + ({1} * 100)::HUGEINT) // nullif(2 * ({1} * 100)::HUGEINT, 0))"
    "::DECIMAL(18, 0) * 0.1",
}


class ReportOrder(Struct, frozen=True):
    """By which column the rows stand."""

    column: str
    is_descending: bool

    @classmethod
    def parse(cls, text: str) -> ReportOrder:
        """`units_sold desc`, `day`: ascending unless said otherwise."""
        column, _, direction = text.partition(" ")
        return cls(column, direction.strip() == "desc")

    def to_sql(self, sorts: Mapping[str, str]) -> str:
        """`sorts` are the SQL by which columns are ordered in their place."""
        expression = sorts.get(self.column, f'"{self.column}"')
        return f"{expression} {'DESC' if self.is_descending else 'ASC'} NULLS LAST"


def fill_body(report: Report, grouping: Grouping | None) -> str:
    """The report's SELECT for one period, with what the grouping puts into it."""
    columns: dict[str, str] = {}
    if grouping is not None:
        columns = {**grouping.keys, **grouping.labels}
        if grouping.position:
            columns[POSITION] = grouping.position
    texts = {**report.fill, **(grouping.fill if grouping else {})}
    texts["group_by"] = "".join(f'{expression} AS "{name}", ' for name, expression in columns.items())
    texts["group_names"] = "".join(f'"{name}", ' for name in columns)
    sql = report.sql
    while (filled := FILL.sub(lambda match: texts[match[1]], sql)) != sql:
        sql = filled
    return ARITHMETIC.sub(lambda match: ARITHMETIC_SQL[match[1]].format(match[2], match[3]), sql)


def compose_rows(
    report: Report, grouping: Grouping | None, order: ReportOrder, *, with_comparison: bool = False
) -> str:
    """The SELECT of a report's rows, `rows_in_all` last; its parameters are those that `find_parameters` finds.

    Of two periods each column to compare stands three times: now, `_before` and `_change`.
    """
    body = fill_body(report, grouping)
    if is_self_comparing(report):
        with_comparison = False
    tail = "" if "limit" in find_parameters(body) else " LIMIT $limit"
    rows = f"report AS ({body}\n)"
    if with_comparison:
        rows += f", earlier AS ({_shift_period(body)}\n)"
        source = f"({_join_periods(report, grouping)})"
    else:
        hidden = _list_hidden_columns(report, grouping)
        source = f"(SELECT *{_exclude(hidden)} FROM report)"
    keys = [*(grouping.keys if grouping else ()), *report.keys]
    ties = [ReportOrder.parse(text) for text in report.ties]
    sort = ", ".join(
        [
            order.to_sql(report.sorts),
            *(tie.to_sql(report.sorts) for tie in ties if tie.column != order.column),
            *(f'"{key}" NULLS LAST' for key in keys if key != order.column),
        ]
    )
    return f"WITH {rows}\nSELECT *, count(*) OVER () AS {ROWS_IN_ALL} FROM {source} ORDER BY {sort}{tail}"


def compose_totals(report: Report, *, with_comparison: bool) -> str:
    """The SELECT of a report's sums over all groups, with the columns that only warn."""
    body = fill_body(report, None)
    sort = ", ".join(f'"{key}" NULLS LAST' for key in report.keys) or "1"
    if not with_comparison or is_self_comparing(report):
        return f"WITH report AS ({body}\n)\nSELECT * FROM report ORDER BY {sort}"
    rows = f"report AS ({body}\n), earlier AS ({_shift_period(body)}\n)"
    return f"WITH {rows}\nSELECT * FROM ({_join_periods(report, None)}) ORDER BY {sort}"


def is_self_comparing(report: Report) -> bool:
    """Whether the report itself sets two periods side by side."""
    return "before_from" in find_parameters(report.sql)


def find_parameters(sql: str) -> set[str]:
    return set(PARAMETER.findall(sql))


def list_columns(report: Report, grouping: Grouping | None, *, with_comparison: bool = False) -> list[str]:
    """The columns of the rows, in no certain order: what they can be sorted by."""
    keys = [*(grouping.keys if grouping else ()), *(grouping.labels if grouping else ()), *report.keys]
    hidden = set(grouping.without if grouping else ())
    if with_comparison and not is_self_comparing(report):
        measures = list_compared_measures(report, grouping)
        if grouping is not None and grouping.position:
            keys += [f"{name}_before" for name in grouping.keys]
        return [*keys, *(f"{name}{end}" for name in measures for end in ("", "_before", "_change")), "change_percent"]
    return [*dict.fromkeys((*keys, *(name for name in report.columns if name not in hidden)))]


def list_compared_measures(report: Report, grouping: Grouping | None) -> list[str]:
    """What two periods side by side show of a row; `change_percent` is of the first."""
    return [name for name in report.compare if grouping is None or name not in grouping.without]


def list_total_columns(report: Report) -> list[str]:
    return [*dict.fromkeys((*report.keys, *report.columns))]


def _shift_period(sql: str) -> str:
    return PERIOD_PARAMETER.sub(r"$before_\1", sql)


def _list_hidden_columns(report: Report, grouping: Grouping | None) -> list[str]:
    hidden = [*report.warnings]
    if grouping is not None:
        hidden += [*grouping.without, *([POSITION] if grouping.position else ())]
    return hidden


def _exclude(names: Iterable[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    return f" EXCLUDE ({listed})" if listed else ""


def _join_periods(report: Report, grouping: Grouping | None) -> str:
    keys: Mapping[str, str] = grouping.keys if grouping else {}
    shared = list(report.keys)
    columns: list[str] = []
    if grouping is not None and grouping.position:
        columns += [f'{table}."{name}"{end}' for name in keys for table, end in _name_periods(name)]
        joined = [POSITION, *shared]
    else:
        shared = [*keys, *shared]
        joined = shared
    labels = grouping.labels if grouping else ()
    columns += [f'coalesce(report."{name}", earlier."{name}") AS "{name}"' for name in (*shared, *labels)]
    measures = list_compared_measures(report, grouping)
    for name in measures:
        now, before = f'coalesce(report."{name}", 0)', f'coalesce(earlier."{name}", 0)'
        columns += [f'{now} AS "{name}"', f'{before} AS "{name}_before"', f'{now} - {before} AS "{name}_change"']
    main = measures[0]
    now, whole = f'coalesce(report."{main}", 0)', f'earlier."{main}"'
    part = f"({now} - {whole})"
    # What costs is below zero: more of it is a rise, as people say it.
    direction = f"CASE WHEN {whole} < 0 AND {now} <= 0 THEN -sign({part}) ELSE sign({part}) END"
    share = f"{direction} * {ARITHMETIC_SQL['share'].format(f'abs({part})', f'abs({whole})')}"
    columns.append(f"({share})::DECIMAL(18, 1) AS change_percent")
    match = " AND ".join(f'report."{name}" IS NOT DISTINCT FROM earlier."{name}"' for name in joined) or "true"
    return f"SELECT {', '.join(columns)} FROM report FULL JOIN earlier ON {match}"


def _name_periods(name: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("report", f' AS "{name}"'), ("earlier", f' AS "{name}_before"')
