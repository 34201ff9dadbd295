"""Ends several promotions with one yes: by id or title, or all that are running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.current_state import CurrentState
from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.jobs.promotion_locks import PAGE_SIZE, RUNNING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json

OPERATION, SEARCH_OPERATION = "deactivate_activity", "search_promotion_activities"
ALL = "all"
PLANNED, ENDED = "NOT_START", "DEACTIVATED"
SKIP_REASONS = {ENDED: "it is ended already", "EXPIRED": "it is over", "DRAFT": "it is a draft that nobody sees"}
MISSING_REASON = "this shop has no such promotion"
NOTHING_RUNS = "No promotion runs at this shop now."
EXPLANATION = "At once: buyers pay the usual prices again, and what they ordered stays as it is."


class EndPromotionsJob(Job, frozen=True):
    """The tool `end_promotions`."""

    async def plan(self, values: Json, context: JobContext) -> Plan:
        """Every promotion that is meant: ended, or skipped where it is over, a draft or not there.

        Raises:
            ShopError: `invalid_arguments`: no promotion has a title that is given.

        """
        names = list(dict.fromkeys(values["promotions"]))
        is_all = [name.casefold() for name in names] == [ALL]
        named = {} if is_all else await _find_named(names, context)
        ids = (
            await _find_running(context) if is_all else list(dict.fromkeys(i for some in named.values() for i in some))
        )
        state = await context.read_state(OPERATION, {"activity_id": ids}) if ids else CurrentState()
        items = tuple(_make_item(item) for item in state.items)
        is_any = any(not item.skip_reason for item in items)
        items += tuple(
            JobItem("promotion", name, skip_reason=MISSING_REASON, is_missing=True)
            for name, some in named.items()
            if not some
        )
        found = {name: "" for name, some in named.items() if some and not name.isdigit()}
        explanation = EXPLANATION if is_any else NOTHING_RUNS if is_all else ""
        return Plan(items, state, explanations=(explanation,), found=found)

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """A promotion a write."""
        return [Step(OPERATION, {"activity_id": item.id}, (item,)) for item in items]

    def find_now(self, item: JobItem, state: Sequence[Json]) -> str | None:
        """Its status."""
        return next((thing.get("status") for thing in state if thing.get(item.noun) == item.id), None)


async def _find_running(context: JobContext) -> list[str]:
    rows = await context.read_rows(SEARCH_OPERATION, {"status": RUNNING, "page_size": PAGE_SIZE})
    return [str(row["id"]) for row in rows]


async def _find_named(names: Sequence[str], context: JobContext) -> dict[str, list[str]]:
    """The ids by what was given: an id, or the title of promotions that are not over.

    Raises:
        ShopError: `invalid_arguments`: no such promotion has one of the titles, and the call is for this shop alone.

    """
    ids: dict[str, list[str]] = {}
    for name in names:
        if name.isdigit():
            ids[name] = [name]
            continue
        rows = await context.read_rows(SEARCH_OPERATION, {"activity_title": name, "page_size": PAGE_SIZE})
        found = [
            str(row["id"])
            for row in rows
            if row.get("status") in (RUNNING, PLANNED)
            and str(row.get("title", "")).strip().casefold() == name.strip().casefold()
        ]
        if not found and not context.has_other_shops:
            message = f"no promotion of the title {name!r} runs or is planned"
            problem = Problem("promotions", message, "ids or titles of search_promotion_activities, or all")
            raise ShopError("invalid_arguments", f"{message}: nothing was sent.", problems=(problem,))
        ids[name] = found
    return ids


def _make_item(activity: Item) -> JobItem:
    """A promotion on its line, with its kind and until when it would go on."""
    data = activity.data
    status = str(data.get("status", ""))
    reason = "" if status in (RUNNING, PLANNED) else SKIP_REASONS.get(status, f"it is {status}")
    if activity.problem:
        reason = MISSING_REASON if activity.is_missing else f"can't be read: {activity.problem}"
    names = {"title": data.get("title"), "kind": data.get("activity_type")}
    return JobItem(
        activity.noun,
        activity.id,
        {name: value for name, value in names.items() if value},
        status,
        "" if reason else ENDED,
        reason,
        details={"would_end": data["end_time"]} if data.get("end_time") and not reason else {},
        is_missing=bool(activity.problem),
    )
