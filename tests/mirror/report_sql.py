"""Runs a report's SQL on tables that a test fills by hand, without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from mcp_server_tiktok_shop.mirror.report_files import load_reports
from mcp_server_tiktok_shop.mirror.report_queries import ROWS_IN_ALL, ReportOrder, compose_rows, find_parameters
from mcp_server_tiktok_shop.mirror.tables import TableCatalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json

TABLES = TableCatalog().tables


class HandmadeCopy:
    """Empty tables as the records say, which a test fills with rows; a column that a row leaves out is null."""

    def __init__(self, zone: str = "UTC", region: str = "GB") -> None:
        self.connection = duckdb.connect(":memory:")
        self.connection.execute(f"SET TimeZone='{zone}'")
        for table in TABLES.values():
            columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns.values())
            self.connection.execute(f'CREATE TABLE "rows_{table.name}" ({columns})')
            view = f"SELECT 'Shop' AS shop, '{region}' AS region, * FROM rows_{table.name}"
            self.connection.execute(f"CREATE VIEW {table.name} AS {view}")

    def fill(self, table: str, rows: Iterable[Json]) -> None:
        """Put these rows in the place of those before. Times are Unix seconds."""
        self.connection.execute(f'DELETE FROM "rows_{table}"')
        for row in rows:
            names = ", ".join(f'"{name}"' for name in row)
            values = [self._convert(table, name, value) for name, value in row.items()]
            places = ", ".join("?" * len(values))
            self.connection.execute(f'INSERT INTO "rows_{table}" ({names}) VALUES ({places})', values)

    def ask(self, name: str, group: str | None, parameters: Mapping[str, Any]) -> list[Json]:
        """The rows of a report, every one of them; moments among the parameters are Unix seconds."""
        report = load_reports()[name]
        grouping = None if group is None else report.group_by[group]
        sql = compose_rows(report, grouping, ReportOrder("1", is_descending=False))
        return self.run(sql.replace('"1" ASC NULLS LAST', "1"), parameters)

    def run(self, sql: str, parameters: Mapping[str, Any]) -> list[Json]:
        known = {
            "limit": 10_000,
            "below": None,
            "within_days": None,
            "statement_id": None,
            "history_from": None,
            "lacking_tables": [],
            **parameters,
        }
        named = {each: known[each] for each in find_parameters(sql)}
        moments = {each: _to_moment(each, value) for each, value in named.items()}
        cursor = self.connection.execute(sql, moments)
        columns = [column[0] for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        return [{each: value for each, value in row.items() if each != ROWS_IN_ALL} for row in rows]

    def _convert(self, table: str, name: str, value: Any) -> Any:
        is_time = TABLES[table].columns[name].type.startswith("TIME")
        return datetime.fromtimestamp(value, UTC) if is_time and isinstance(value, int) else value


def _to_moment(name: str, value: Any) -> Any:
    return (
        datetime.fromtimestamp(value, UTC)
        if isinstance(value, int) and name not in ("limit", "below", "within_days")
        else value
    )
