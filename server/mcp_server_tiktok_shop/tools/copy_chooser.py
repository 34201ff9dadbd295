"""Chooses ids by filters of ours in a shop's local copy."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.copy_choice import ChosenIds
from mcp_server_tiktok_shop.tools.reports.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.shared_progress import ReportProgress
    from mcp_server_tiktok_shop.catalog.operation import CopyChoice
    from mcp_server_tiktok_shop.mirror.mirror import Mirror
    from mcp_server_tiktok_shop.mirror.query import QueryRunner
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target

DEADLINE_MARGIN_S = 15.0  # before a call's deadline, in which the copy is asked and the platform read


class MirrorChooser(Struct, frozen=True):
    """Chooses by the mirror; `zone` is the time zone set for all shops, if one is."""

    mirror: Mirror
    query_runner: QueryRunner
    platform: PlatformClient
    zone: ZoneInfo | None

    async def choose(
        self,
        choice: CopyChoice,
        parameters: Mapping[str, Any],
        offset: int,
        limit: int,
        target: Target,
        report_progress: ReportProgress,
    ) -> ChosenIds:
        """As `CopyChooser.choose`."""
        sql = choice.compose(parameters)
        values = {**parameters, "row_offset": offset, "row_limit": limit}
        tables = self.query_runner.find_tables(sql, values)
        self.query_runner.prepare()
        deadline = self.platform.new_deadline() - DEADLINE_MARGIN_S
        snapshot = await self.mirror.refresh(target, tables, deadline=deadline, report_progress=report_progress)
        result = await self.query_runner.run(sql, [snapshot], zone=snapshot.zone, parameters=values)
        is_recent = choice.is_recent(parameters) and all(snapshot.tables[name].is_complete for name in tables)
        start = self._find_start(choice, parameters)
        coverage = Coverage.measure(snapshot, sorted(tables), start, tables if is_recent else ())
        return ChosenIds(
            ids=[row[0] for row in result.cells],
            sent_ids=[row[1] for row in result.cells],
            total_count=int(result.cells[0][2]) if result.cells else 0,
            as_of=datetime.fromtimestamp(coverage.as_of, snapshot.zone).isoformat(timespec="minutes"),
            note="".join(f"{text}. " for text in (coverage.part_only, coverage.stale) if text),
        )

    def _find_start(self, choice: CopyChoice, parameters: Mapping[str, Any]) -> int | None:
        """From when on is asked for, by the argument by which the history of the table is read."""
        catalog = self.mirror.table_catalog
        history = catalog.sources[catalog.tables[choice.table].source].history
        start = parameters.get(history.from_argument) if history is not None else None
        return None if start is None else int(start)
