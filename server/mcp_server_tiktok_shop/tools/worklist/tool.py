"""The tool `get_worklist`: brings the copies of the shops up to date, and finds in each what waits for the seller."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.shared_progress import SharedProgress
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.mirror.report_queries import find_parameters
from mcp_server_tiktok_shop.mirror.worklist_kinds import compose_worklist_sql, load_worklist_kinds
from mcp_server_tiktok_shop.platform.shop_choice import choose_targets, name_briefly
from mcp_server_tiktok_shop.tools.worklist.entries import StaleTable, Worklist, WorklistEntry
from mcp_server_tiktok_shop.tools.worklist.layout import lay_out_worklist

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.mirror import Mirror
    from mcp_server_tiktok_shop.mirror.progress import ProgressReporter
    from mcp_server_tiktok_shop.mirror.query import QueryRunner
    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot
    from mcp_server_tiktok_shop.mirror.worklist_kinds import WorklistKind
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target

PARAMETERS = ("now", "authorizations")
ANY_TABLES = frozenset({"warehouses"})  # where a kind reads none: there is a copy only once something was read
DEADLINE_MARGIN_S = 12.0  # before a call's deadline, in which the list is made of what was read by then


class GetWorklistTool(Struct, frozen=True):
    """The tool `get_worklist`. `zone` is the time zone set for all shops, if one is; `clock` gives Unix seconds."""

    mirror: Mirror
    query_runner: QueryRunner
    platform: PlatformClient
    zone: ZoneInfo | None
    clock: Callable[[], float]

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json:
        """The worklist within its budget; all of the kinds that are named in `kinds`.

        Raises:
            ShopError: A kind that does not exist, or the reason why no shop at all can be answered for.

        """
        worklist = await self.collect(values.get("kinds", ()), shop, caller)
        return lay_out_worklist(worklist, is_whole="kinds" in values)

    async def collect(self, kind_names: Collection[str], shop: str | None, caller: Caller) -> Worklist:
        """All that waits in the shops, of these kinds or of all. Raises as the call of the tool."""
        chosen = _choose_kinds(kind_names)
        chosen_names = {kind.name for kind in chosen}
        kinds = [*chosen, *_find_related_kinds(chosen)]
        targets = await choose_targets(self.platform.shops, shop)
        self.query_runner.prepare()
        now = datetime.fromtimestamp(int(self.clock()), UTC)
        tables = self.query_runner.find_tables(compose_worklist_sql(kinds), dict.fromkeys(PARAMETERS)) or ANY_TABLES
        deadline = self.platform.new_deadline() - DEADLINE_MARGIN_S
        progress = SharedProgress(caller, len(targets))
        answers = await asyncio.gather(
            *(
                self._collect_shop(target, kinds, tables, now, deadline, progress.create_reporter(place))
                for place, target in enumerate(targets)
            )
        )
        entries: list[WorklistEntry] = []
        stale_tables: list[StaleTable] = []
        moments: list[int] = []
        unanswered: dict[str, str] = {}
        for target, answer in zip(targets, answers, strict=True):
            if isinstance(answer, ShopError):
                unanswered[_get_label(target)] = answer.message
                continue
            snapshot, found = answer
            entries += found
            stale_tables += _list_stale_tables(snapshot, tables)
            moments += [snapshot.tables[table].as_of for table in tables]
        errors = [answer for answer in answers if isinstance(answer, ShopError)]
        if errors and len(errors) == len(targets):
            raise errors[0]
        zone = targets[0].resolve_zone(self.zone)
        return Worklist(
            now=now.astimezone(zone),
            as_of=datetime.fromtimestamp(oldest, zone) if (oldest := min(moments, default=0)) else None,
            shops=tuple(label for label in map(_get_label, targets) if label not in unanswered),
            entries=_sort(entry for entry in entries if entry.kind.name in chosen_names),
            related_entries=_sort(entry for entry in entries if entry.kind.name not in chosen_names),
            stale_tables=tuple(stale_tables),
            unanswered=unanswered,
            brief_labels=dict(zip(map(_get_label, targets), _name_briefly(targets), strict=True)),
        )

    async def _collect_shop(
        self,
        target: Target,
        kinds: Sequence[WorklistKind],
        tables: frozenset[str],
        now: datetime,
        deadline: float,
        report_progress: ProgressReporter,
    ) -> tuple[ShopSnapshot, list[WorklistEntry]] | ShopError:
        """What waits in a shop, or why that can't be said."""
        sql = compose_worklist_sql(kinds)
        known = {"now": now, "authorizations": _describe_authorization(target)}
        parameters = {name: known[name] for name in find_parameters(sql)}
        try:
            snapshot = await self.mirror.refresh(target, tables, deadline=deadline, report_progress=report_progress)
            result = await self.query_runner.run(sql, [snapshot], zone=snapshot.zone, parameters=parameters)
        except ShopError as error:
            return error
        columns = [column.name for column in result.columns]
        found = [dict(zip(columns, row, strict=True)) for row in result.rows]
        by_name = {kind.name: kind for kind in kinds}
        label, zone = snapshot.shop.label, snapshot.zone
        return snapshot, [WorklistEntry.from_cells(by_name[cells["kind"]], label, zone, cells) for cells in found]


def _choose_kinds(names: Collection[str]) -> list[WorklistKind]:
    """The kinds of these names, or all.

    Raises:
        ShopError: One of them is none.

    """
    kinds = load_worklist_kinds()
    for name in names:
        if name not in kinds:
            suggestions = get_close_matches(name, kinds, n=1)
            message = f"{name!r} is no kind of work" + (f"; did you mean {suggestions[0]}?" if suggestions else "")
            problem = Problem("kinds", message, ", ".join(kinds))
            raise ShopError("invalid_arguments", f"kinds: {message}", problems=(problem,))
    return [kind for kind in kinds.values() if not names or kind.name in names]


def _find_related_kinds(kinds: Collection[WorklistKind]) -> list[WorklistKind]:
    """The kinds that these ones see also, but for those that are among them."""
    known = load_worklist_kinds()
    names = {kind.see_also for kind in kinds if kind.see_also} - {kind.name for kind in kinds}
    return [known[name] for name in sorted(names)]


def _describe_authorization(target: Target) -> str:
    """By which account a shop is reached, and when that ends, as JSON; nothing where the end is not known."""
    account = target.account
    if not account.sign_in_end:
        return "[]"
    deadline = datetime.fromtimestamp(account.sign_in_end, UTC).isoformat()
    return json.dumps([{"account": account.name or account.id, "deadline": deadline}])


def _list_stale_tables(snapshot: ShopSnapshot, tables: Collection[str]) -> list[StaleTable]:
    stale: list[StaleTable] = []
    for name in sorted(tables):
        state = snapshot.tables[name]
        if state.is_complete and not state.problem and not state.unreadable_count:
            continue
        as_of = datetime.fromtimestamp(state.as_of, snapshot.zone).isoformat(timespec="minutes") if state.as_of else ""
        odd = f"{state.unreadable_count} values or rows can't be read" if state.unreadable_count else ""
        problem = state.problem or odd or "its history is still being read"
        stale.append(StaleTable(snapshot.shop.label, name, as_of, problem))
    return stale


def _sort(entries: Iterable[WorklistEntry]) -> tuple[WorklistEntry, ...]:
    """By deadline, each thing to do once: an authorization opens several shops."""
    unique: dict[tuple[Any, ...], WorklistEntry] = {}
    for entry in entries:
        unique.setdefault((entry.kind.name, entry.id, entry.order_id), entry)
    return tuple(sorted(unique.values(), key=lambda entry: entry.sort_key))


def _name_briefly(targets: Sequence[Target]) -> list[str]:
    shops = [target.shop for target in targets if target.shop is not None]
    return name_briefly(shops) if len(shops) == len(targets) else [_get_label(target) for target in targets]


def _get_label(target: Target) -> str:
    return target.shop.label if target.shop is not None else ""
