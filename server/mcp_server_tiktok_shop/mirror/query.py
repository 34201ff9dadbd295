"""Answers SQL questions to the copies of shops: checked, limited, run in another process, exact."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.sql.bare_times import has_bare_times
from mcp_server_tiktok_shop.mirror.sql.cells import ZONED_TYPE, from_json_cell
from mcp_server_tiktok_shop.mirror.sql.exactness import make_exact
from mcp_server_tiktok_shop.mirror.sql.execution import AMOUNT_TYPES, MACROS, list_parameters
from mcp_server_tiktok_shop.mirror.sql.failures import FEWER_HINT, build_failure
from mcp_server_tiktok_shop.mirror.sql.lineage import ColumnTracer, Trace
from mcp_server_tiktok_shop.mirror.sql.rules import find_named_tables
from mcp_server_tiktok_shop.mirror.sql.statements import (
    SelectStatement,
    build_sql_error,
    format_statement,
    parse_statement,
    walk,
)
from mcp_server_tiktok_shop.mirror.table_words import SHOP_COLUMNS
from mcp_server_tiktok_shop.workers.pool import WorkerEndedError, WorkerPool, WorkersBusyError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot
    from mcp_server_tiktok_shop.mirror.sql.lineage import TracedColumn
    from mcp_server_tiktok_shop.mirror.sql.statements import Tree
    from mcp_server_tiktok_shop.mirror.tables import TableCatalog

WORKER_MODULE = "mcp_server_tiktok_shop.mirror.sql.worker"
QUERY_TIMEOUT_S = 7.0
START_TIMEOUT_S = 2.0  # more, for a process that must be started, and what DuckDB does not stop in the midst of
MAX_ROWS = 50_000
MAX_BYTES = 8 * 2**20
TIME_TYPE = "TIMESTAMPTZ"  # as the records of tables name it
MONEY_COLUMN_NAMES = frozenset({"currency", "settlement_currency", "before_exchange_currency", "shop", "region"})
COMPARISONS = frozenset({"COMPARE_EQUAL", "COMPARE_IN"})

log = logging.getLogger(__name__)


class DamagedCopyError(ShopError):
    """The file of the snapshot at this place can't be read: its copy is to be made anew."""

    def __init__(self, place: int) -> None:
        message, hint = "The local copy can't be opened.", "Ask again: if it is damaged, it is made again."
        super().__init__("platform", message, hint=hint, retryable=True)
        self.place = place


class ResultColumn(Struct, frozen=True):
    """A column of a result: `origins` are the columns of tables that it is made of, as far as they are known."""

    name: str
    sql_type: str
    origins: frozenset[tuple[str, str]] = frozenset()
    is_money: bool = False


class QueryResult(Struct, frozen=True, dict=True):
    """The rows of a question, `is_truncated` where there are more than may be given.

    `cells` are as JSON holds them: amounts and large numbers as text, times in ISO 8601 in the zone; where that is
    None each row's in the zone of its shop. `has_foreign_days` says that days or hours of times were asked for of shops
    in several zones, without naming one: they are those of the question's zone.
    `has_mixed_currencies` says that an amount may be the sum of several currencies. `ambiguous_groups` are names in
    GROUP BY that are a column's, and of something else that is selected: it was grouped by the column.
    """

    columns: tuple[ResultColumn, ...]
    cells: list[list[Any]]
    is_truncated: bool
    zone: ZoneInfo | None
    has_foreign_days: bool = False
    has_mixed_currencies: bool = False
    ambiguous_groups: tuple[str, ...] = ()

    @cached_property
    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as Python has them: Decimal, date, datetime in the zone."""
        types = [column.sql_type for column in self.columns]
        return [
            tuple(from_json_cell(cell, kind, self.zone) for cell, kind in zip(row, types, strict=True))
            for row in self.cells
        ]

    def to_table(self) -> dict[str, Any]:
        """The result as a table of an answer's data."""
        return {"columns": [column.name for column in self.columns], "rows": self.cells}


class QueryLimits(Struct, frozen=True):
    """What a question may take."""

    timeout_s: float = QUERY_TIMEOUT_S
    max_rows: int = MAX_ROWS
    max_bytes: int = MAX_BYTES


DEFAULT_LIMITS = QueryLimits()


class QueryRunner(Struct, frozen=True):
    """Runs questions over the copies of shops, each in a process that ends where it takes too much."""

    table_catalog: TableCatalog
    pool: WorkerPool = field(default_factory=lambda: WorkerPool(WORKER_MODULE, "query"))

    def prepare(self) -> None:
        """Make ready for a question to come."""
        self.pool.prepare()

    def find_tables(self, sql: str, parameters: Mapping[str, Any] | None = None) -> frozenset[str]:
        """The tables that a statement reads.

        Raises:
            ShopError: `invalid_arguments`: it is no single SELECT over our tables; with the line and what is near.

        """
        return find_named_tables(parse_statement(sql), self.table_catalog.tables, parameters or ())

    async def run(
        self,
        sql: str,
        snapshots: Sequence[ShopSnapshot],
        *,
        zone: ZoneInfo,
        parameters: Mapping[str, Any] | None = None,
        limits: QueryLimits = DEFAULT_LIMITS,
    ) -> QueryResult:
        """The result of one SELECT over the tables of the snapshots, each with `SHOP_COLUMNS` before its columns.

        `parameters` are what `$name` stands for: text, numbers, Decimal, datetime with a zone. Days and times without a
        zone are those of `zone`.

        Raises:
            ShopError: `invalid_arguments`: what is wrong with the statement, or that it takes too much.
            DamagedCopyError: The file of a snapshot can't be read.

        """
        statement = parse_statement(sql)
        names = find_named_tables(statement, self.table_catalog.tables, parameters or ())
        tracer = ColumnTracer(self.table_catalog.tables)
        traced = tracer.trace(statement)
        has_mixed_currencies = _is_mixing_currencies(statement, traced, snapshots)
        exact_sql = format_statement(statement.tree) if make_exact(statement.tree, tracer.middles_of_money) else sql
        job = {
            "sql": sql,
            "exact_sql": exact_sql,
            "zone": zone.key,
            "parameters": list_parameters(parameters or {}),
            "tables": {name: list(self.table_catalog.tables[name].columns) for name in sorted(names)},
            "shops": [_describe_shop(snapshot) for snapshot in snapshots],
            "macros": _list_macros(statement),
            "money": [column.trace.is_money for column in traced],
            "money_names": [column.name.lower() for column in traced if column.trace.is_money],
            "timeout_s": limits.timeout_s,
            "max_rows": limits.max_rows,
            "max_bytes": limits.max_bytes,
        }
        reply = await self._run_job(job, limits.timeout_s)
        if "damaged" in reply:
            log.warning("a local copy can't be opened: %s", reply["message"])
            raise DamagedCopyError(reply["damaged"])
        if "failure" in reply:
            tables = {name: self.table_catalog.tables[name] for name in names} or self.table_catalog.tables
            is_described = exact_sql != sql
            raise build_failure(
                reply["failure"], reply["message"], sql, tables, limits.timeout_s, line_offset=1 if is_described else 0
            )
        columns = _build_columns(reply, traced)
        has_several_zones = len({snapshot.zone.key for snapshot in snapshots}) > 1
        is_own = has_several_zones and _put_times_in_own_zones(reply["rows"], columns, snapshots)
        return QueryResult(
            columns,
            reply["rows"],
            reply["is_truncated"],
            None if is_own else zone,
            has_several_zones and self._is_reading_bare_times(statement, names),
            has_mixed_currencies,
            tuple(sorted(tracer.ambiguous_groups)),
        )

    def _is_reading_bare_times(self, statement: SelectStatement, names: Collection[str]) -> bool:
        """Whether a statement asks for days or hours of times, or compares them with written ones, without a zone."""
        columns = [column for name in names for column in self.table_catalog.tables[name].columns.values()]
        times = {column.name for column in columns if column.sql_type == TIME_TYPE}
        return has_bare_times(statement.node, times)

    async def _run_job(self, job: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        try:
            reply, _ = await self.pool.run(job, [], timeout_s + START_TIMEOUT_S)
        except TimeoutError:
            raise build_sql_error(f"took longer than {timeout_s:g} s and was stopped", FEWER_HINT) from None
        except WorkerEndedError:
            raise build_sql_error("needs more memory than a question may take", FEWER_HINT) from None
        except WorkersBusyError:
            message = "Too many questions are under way at once."
            raise ShopError("rate_limited", message, hint="Try again in a minute.", retryable=True) from None
        return reply

    def close(self) -> None:
        """End what is under way."""
        self.pool.close()


def _list_macros(statement: SelectStatement) -> list[str]:
    """The functions of the statement that this server bounds or makes exact."""
    return sorted(
        {part["function_name"].lower() for part in walk(statement.node) if "function_name" in part} & set(MACROS)
    )


def _describe_shop(snapshot: ShopSnapshot) -> dict[str, Any]:
    texts = (snapshot.shop.label, snapshot.shop.region, snapshot.zone.key)
    return {"path": str(snapshot.path), "columns": dict(zip(SHOP_COLUMNS, texts, strict=True))}


def _put_times_in_own_zones(
    rows: list[list[Any]], columns: Sequence[ResultColumn], snapshots: Sequence[ShopSnapshot]
) -> bool:
    """Give the times of each row the offset of its shop, where columns of every row tell one; whether they do."""
    zones = {text: snapshot.zone for snapshot in snapshots for text in (snapshot.shop.label, snapshot.zone.key)}
    tellers = [
        place
        for place, column in enumerate(columns)
        if column.origins and {name for _, name in column.origins} <= {"shop", "zone"}
    ]
    own = [{zones[text].key for place in tellers for text in _list_texts(row[place]) if text in zones} for row in rows]
    if any(len(keys) != 1 for keys in own):
        return False
    times = [place for place, column in enumerate(columns) if column.sql_type == ZONED_TYPE]
    for row, (key,) in zip(rows, own, strict=True):
        for place in times:
            moment = from_json_cell(row[place], ZONED_TYPE, zones[key])
            row[place] = moment.isoformat() if moment is not None else None
    return bool(times)


def _list_texts(cell: Any) -> Iterator[str]:
    """The texts in a cell: itself, or those in its list or object, whose keys may be texts of columns, too."""
    if isinstance(cell, str):
        yield cell
    elif isinstance(cell, list | dict):
        for part in cell if isinstance(cell, list) else (*cell, *cell.values()):
            yield from _list_texts(part)


def _build_columns(reply: dict[str, Any], traced: Sequence[TracedColumn]) -> tuple[ResultColumn, ...]:
    """The columns of a reply, each with its trace: by its place, or by its name where the text does not tell all."""
    names, types = reply["names"], reply["types"]
    traces = {column.name.lower(): column.trace for column in traced}
    if len(traced) == len(names):
        found = [column.trace for column in traced]
    else:
        found = [traces.get(name.lower(), Trace()) for name in names]
    return tuple(
        ResultColumn(name, kind, trace.origins, trace.is_money and kind.startswith(AMOUNT_TYPES))
        for name, kind, trace in zip(names, types, found, strict=True)
    )


def _is_mixing_currencies(
    statement: SelectStatement, traced: Sequence[TracedColumn], snapshots: Sequence[ShopSnapshot]
) -> bool:
    """Whether an amount may be made of several currencies: shops have several, and nothing tells or parts them."""
    if len({snapshot.shop.currency for snapshot in snapshots}) < 2 or not any(c.trace.is_money for c in traced):  # noqa: PLR2004
        return False
    if any(origin[1] in MONEY_COLUMN_NAMES for column in traced for origin in column.trace.origins):
        return False
    for part in walk(statement.node):
        named = list(part.get("group_expressions") or ())
        if part.get("type") in COMPARISONS:
            compared = [*part.get("children", ()), part.get("left"), part.get("right")]
            named += compared if any(each and each["class"] == "CONSTANT" for each in compared) else ()
        if any(each and each["class"] == "COLUMN_REF" and _names_currency(each) for each in named):
            return False
    return True


def _names_currency(column: Tree) -> bool:
    return column["column_names"][-1].lower() in MONEY_COLUMN_NAMES
