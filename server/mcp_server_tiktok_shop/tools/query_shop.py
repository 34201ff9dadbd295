"""Answers a question in SQL from the shops' local copies, which are brought up to date before."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct

from mcp_server_tiktok_shop.calls.shared_progress import SharedProgress
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.query import DEFAULT_LIMITS, DamagedCopyError
from mcp_server_tiktok_shop.platform.shop_choice import choose_targets
from mcp_server_tiktok_shop.tools.asked_since import find_earliest_moment
from mcp_server_tiktok_shop.tools.charts.chart import ChartSource
from mcp_server_tiktok_shop.tools.charts.requests import read_output
from mcp_server_tiktok_shop.tools.copy_gaps import TableGap
from mcp_server_tiktok_shop.tools.query_tables import make_result_table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.mirror import Mirror
    from mcp_server_tiktok_shop.mirror.query import QueryLimits, QueryResult, QueryRunner, ResultColumn
    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot, TableState
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
    from mcp_server_tiktok_shop.tools.charts.maker import ChartMaker
    from mcp_server_tiktok_shop.tools.masked_columns import ColumnSensitivities

QUESTION_RESERVE_S = 12.0  # seconds before the deadline of a call that are kept for the question itself
SAMPLE_ROWS = 3  # that are shown where all are in a file
RESULT = "result"  # where the table of rows stands in the data
TEXT_TYPE, AMOUNT_TYPE = "VARCHAR", "DECIMAL"
DEADLINE_COLUMNS = ("rts_sla_time", "tts_sla_time")  # whose names do not say by when what must have happened
NOTHING = (None, 0, "", "0", "0.00")  # cells of a sum over no rows
DECIMAL_WIDTH = re.compile(r"(?<=DECIMAL)\(\d+,\d+\)")


class QueryShopTool(Struct, frozen=True):
    """The tool `query_shop`; `zone` is set for all shops, if one is, `limits` are what a question may take."""

    mirror: Mirror
    query_runner: QueryRunner
    platform: PlatformClient
    sensitivities: ColumnSensitivities
    export_folder: ExportFolder
    chart_maker: ChartMaker
    zone: ZoneInfo | None
    limits: QueryLimits = DEFAULT_LIMITS

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json:
        """The rows of `sql` over the chosen shops, no older than `max_age` seconds as far as the deadline allows.

        `result` is the table; beside it the types of its columns, the moment of which it is, how far the history of
        each table reaches, and the columns with text by others. A note says what is missing. With `save_as` all rows go
        to a file, and the first of them are shown. A `chart` of them is drawn where one is asked for.

        Raises:
            ShopError: `invalid_arguments` of a statement that is no single SELECT over the tables, or takes too much;
                `shop_required`; what kept a copy from being made.

        """
        name, chart_request = read_output(values)
        tables = await asyncio.to_thread(self.query_runner.find_tables, values["sql"])
        targets = await choose_targets(self.platform.shops, shop, must_be_named=True)
        self.query_runner.prepare()
        self.chart_maker.prepare(chart_request)
        max_age_s = values.get("max_age")
        snapshots = await self._refresh(targets, tables, max_age_s, caller) if tables else []
        zone = self._choose_zone(targets)
        try:
            result = await self.query_runner.run(values["sql"], snapshots, zone=zone, limits=self.limits)
        except DamagedCopyError as error:
            await self.mirror.discard(targets[error.place], snapshots[error.place])
            raise
        history = _list_history(snapshots, tables, zone)
        gaps = _describe_gaps(snapshots, tables, values["sql"])
        reach = "" if gaps else ", ".join(f"{table} since {moment[:10]}" for table, moment in history.items())
        is_nothing = not any(cell not in NOTHING for row in result.cells for cell in row)
        masks = self.sensitivities.describe_masks(values["sql"], tables)
        unfound = self.sensitivities.describe_unfound(values["sql"], tables) if is_nothing and not masks else ""
        notes = [
            masks,
            *gaps,
            "" if masks and is_nothing else _describe_rows(result, reach, is_nothing=is_nothing),
            unfound,
            _describe_days(result, snapshots),
            _describe_currencies(result, snapshots, is_saved=name is not None),
            _describe_groups(result),
            *self._describe_columns(result),
            *(self.mirror.table_catalog.tables[table].note for table in sorted(tables)),
        ]
        data: Json = {"note": " ".join(filter(None, notes)), "as_of": _find_oldest_moment(snapshots, tables, zone)}
        data |= {"history_from": history}
        data |= {
            "types": {
                column.name: _shorten_type(column.sql_type) for column in result.columns if column.sql_type != TEXT_TYPE
            },
            "row_count": len(result.cells),
        }
        data |= {RESULT: result.to_table()}
        if name is not None:
            saved = await self.export_folder.save_table(name, make_result_table(result, name.stem))
            data |= {RESULT: {"columns": data[RESULT]["columns"], "rows": result.cells[:SAMPLE_ROWS]}}
            data["saved"] = {key: value for key, value in saved.to_json().items() if key != "columns"}
            if len(targets) > 1 and (counts := _count_rows_by_shop(result)):
                data["saved"]["rows_by_shop"] = counts
        if untrusted := [column.name for column in result.columns if self._is_untrusted(column)]:
            data["untrusted"] = [f"{RESULT}.{name}" for name in untrusted]
        currencies = {target.shop.currency for target in targets if target.shop is not None}
        source = ChartSource(make_result_table(result, RESULT), currencies=currencies)
        return await self.chart_maker.add(data, chart_request, source, caller)

    async def _refresh(
        self, targets: Sequence[Target], tables: Collection[str], max_age_s: float | None, caller: Caller
    ) -> list[ShopSnapshot]:
        """The copies of all shops, brought up to date side by side."""
        deadline = self.platform.new_deadline() - QUESTION_RESERVE_S
        progress = SharedProgress(caller, len(targets))

        async def refresh(place: int, target: Target) -> ShopSnapshot:
            reporter = progress.create_reporter(place)
            try:
                return await self.mirror.refresh(
                    target, tables, max_age_s=max_age_s, deadline=deadline, report_progress=reporter
                )
            except ShopError as error:
                if len(targets) > 1 and target.shop is not None:
                    error.message = f"{target.shop.label}: {error.message}"
                raise

        try:
            # No TaskGroup: it cancels the task it stands in, and the scopes around a call lose count of that.
            return await asyncio.gather(*(refresh(place, target) for place, target in enumerate(targets)))
        finally:
            progress.is_over = True

    def _choose_zone(self, targets: Sequence[Target]) -> ZoneInfo:
        """The zone of days and times: that set for all, or that of the shops; UTC where they have several."""
        zones = {target.resolve_zone(self.zone).key for target in targets}
        return ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")

    def _describe_columns(self, result: QueryResult) -> list[str]:
        """What deadlines mean, of those that are shown."""
        shown = {origin for column in result.columns for origin in column.origins if origin[1] in DEADLINE_COLUMNS}
        tables = self.mirror.table_catalog.tables
        meanings = {name: tables[table].columns[name].meaning for table, name in sorted(shown)}
        return [f"{name}: {meaning}." for name, meaning in meanings.items()]

    def _is_untrusted(self, column: ResultColumn) -> bool:
        """Whether others may have written the text in a column: one that it is made of holds such text."""
        if TEXT_TYPE not in column.sql_type and "STRUCT" not in column.sql_type and "JSON" not in column.sql_type:
            return False
        return any(self._is_written_by_others(*origin) for origin in column.origins)

    def _is_written_by_others(self, table_name: str, column_name: str) -> bool:
        sensitivity = self.sensitivities.find(table_name, column_name)
        return sensitivity is not None and (sensitivity.is_untrusted or sensitivity.kind == "name")


def _iter_states(
    snapshots: Sequence[ShopSnapshot], tables: Collection[str]
) -> list[tuple[ShopSnapshot, str, TableState]]:
    return [(snapshot, table, snapshot.tables[table]) for snapshot in snapshots for table in sorted(tables)]


def _describe_gaps(snapshots: Sequence[ShopSnapshot], tables: Collection[str], sql: str) -> list[str]:
    """What is not there, or not up to date: said before anything else, since a sum can't show it."""
    notes: dict[str, list[str]] = {}
    for snapshot, table, state in _iter_states(snapshots, tables):
        place = table if len(snapshots) == 1 else f"{table} of {snapshot.shop.label}"
        start = find_earliest_moment(sql, state.as_of, snapshot.zone)
        gap = TableGap.find(state, snapshot.zone, start, is_recent=state.is_complete and start is None)
        if gap.lacking:
            rest = "nothing before that was looked at" if state.is_complete else "ask again later, it is being read on"
            notes.setdefault(f"PART ONLY: %s {gap.lacking}; {rest}.", []).append(place)
        if gap.stale:
            notes.setdefault(f"%s {gap.stale}.", []).append(place)
    return [text.replace("%s", ", ".join(places)) for text, places in notes.items()]


def _describe_rows(result: QueryResult, reach: str, *, is_nothing: bool) -> str:
    """That not all rows are there; or none, or a sum over none, and how far the copy that was searched reaches."""
    if not is_nothing:
        return f"PART ONLY: the first {len(result.cells):,} rows; more are not kept." if result.is_truncated else ""
    if result.cells and not reach:
        return ""
    nothing = "Nothing was counted" if result.cells else "No row matches"
    return f"{nothing} in what the copy holds: {reach}." if reach else f"{nothing}."


def _describe_days(result: QueryResult, snapshots: Sequence[ShopSnapshot]) -> str:
    if not result.has_foreign_days:
        return ""
    zones = ", ".join(sorted({snapshot.zone.key for snapshot in snapshots}))
    return (
        f"Days, hours and dates in the SQL are UTC's, since the shops' zones differ ({zones}). Each shop's own: "
        "timezone(zone, create_time)::DATE, hour(timezone(zone, create_time)), "
        "timezone(zone, create_time) >= '2026-10-01', timezone(zone, now())::DATE for today."
    )


def _count_rows_by_shop(result: QueryResult) -> dict[str, int]:
    """How many rows are of each shop; empty where no column tells."""
    for place, column in enumerate(result.columns):
        if column.origins and {name for _, name in column.origins} == {"shop"}:
            return dict(Counter(str(row[place]) for row in result.cells))
    return {}


def _describe_currencies(result: QueryResult, snapshots: Sequence[ShopSnapshot], *, is_saved: bool) -> str:
    """That amounts may be a sum of several currencies; of a file that its amounts are not all in one."""
    currencies = ", ".join(sorted({snapshot.shop.currency for snapshot in snapshots}))
    if not result.has_mixed_currencies:
        has_amounts = any(AMOUNT_TYPE in column.sql_type for column in result.columns)
        is_told = is_saved and has_amounts and "," in currencies
        return f"The file's amounts are in {currencies}, each shop's own: none was converted." if is_told else ""
    return f"Amounts of several currencies ({currencies}) may be added up: select or group by currency."


def _describe_groups(result: QueryResult) -> str:
    names = ", ".join(result.ambiguous_groups)
    return f"Grouped by the column {names}, not by what is selected as {names}: choose another name." if names else ""


def _shorten_type(sql_type: str) -> str:
    return DECIMAL_WIDTH.sub("", sql_type).replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")


def _find_oldest_moment(snapshots: Sequence[ShopSnapshot], tables: Collection[str], zone: ZoneInfo) -> str:
    """The moment of which the oldest of what was read is."""
    oldest = min((state.as_of for _, _, state in _iter_states(snapshots, tables)), default=0)
    return _format_moment(oldest, zone) if oldest else ""


def _list_history(snapshots: Sequence[ShopSnapshot], tables: Collection[str], zone: ZoneInfo) -> dict[str, str]:
    """By table, the moment from which on all shops' history is whole; tables without a history are left out."""
    found: dict[str, int] = {}
    for _, table, state in _iter_states(snapshots, tables):
        if state.history_from is not None:
            found[table] = max(found.get(table, 0), state.history_from)
    return {table: _format_moment(moment, zone) for table, moment in found.items()}


def _format_moment(moment: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(moment, zone).isoformat()
