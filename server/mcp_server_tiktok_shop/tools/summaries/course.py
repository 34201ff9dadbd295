"""Takes a summary as far as the deadline allows, and keeps it so that the next call goes on where it stopped."""

from __future__ import annotations

import json
import logging
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.catalog.access import OPERATOR_HINT
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.periods import PERIOD_FORMS, parse_period

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.local_tool import LocalTool
    from mcp_server_tiktok_shop.catalog.access import AccessPolicy
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.paging import Page, Paginator
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import ResultStore

# No page is asked for in the last seconds: the answer has to be made, and a client must not give up on it.
UNFINISHED_PERIOD_SUFFIX = ", so far: it is not over"
DEADLINE_MARGIN_S = 3.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """What was asked, made definite: the same for every call that goes on with it. Times are Unix seconds.

    Without a period, `start` and `end` are 0 and `told` is empty. A period that is not over ends when it was asked.
    """

    values: Json
    zone: ZoneInfo
    start: int
    end: int
    period_description: str

    def format_time(self, time: int) -> str:
        return datetime.fromtimestamp(time, self.zone).isoformat()

    def to_json(self) -> Json:
        if not self.period_description:
            return {}
        result = {
            "period": self.period_description,
            "from": self.format_time(self.start),
            "to": self.format_time(self.end),
        }
        return result | {"time_zone": self.zone.key}


@dataclass(frozen=True, slots=True)
class ShopPaginator:
    """The lists of one shop, walked within one call."""

    paginator: Paginator
    target: Target
    deadline: float

    def __call__(self, name: str, values: Json, seen: set[str]) -> AsyncGenerator[Page, None]:
        return self.paginator.iter_pages(name, values, self.target, deadline=self.deadline, previous_keys=seen)


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """How far a summary is, in words a person may read."""

    done: int
    total: int | None
    message: str


class Summary(Protocol):
    """A summary under way. After each step, what is summed so far can be told and kept."""

    @property
    def has_rows(self) -> bool:
        """Whether anything is summed."""
        ...

    def iter_steps(self, walk: ShopPaginator) -> AsyncGenerator[ProgressStep, None]:
        """Go on to the end, a page at a time."""
        ...

    def to_result(self, *, complete: bool) -> Json:
        """The sums, with a `note` of what they mean."""
        ...

    def to_state(self) -> Json:
        """All that is needed to go on, as JSON can hold it."""
        ...


@dataclass(frozen=True, slots=True)
class SummaryDefinition:
    """One of the summaries: how it is begun or gone on with, and what it reads."""

    name: str
    begin: Callable[[SummaryRequest, Json | None], Summary]
    operations: tuple[str, ...]
    needs_period: bool = True


@dataclass(frozen=True, slots=True)
class SummaryRunner:
    """`policy` says which operations may be read from; `clock` gives Unix seconds."""

    paginator: Paginator
    platform: PlatformClient
    state_store: ResultStore
    clock: Callable[[], float]
    policy: AccessPolicy

    def create_tool(self, kind: SummaryDefinition) -> LocalTool:
        async def summarize(values: Json, shop: str | None, caller: Caller) -> Json:
            return await self._run(kind, values, shop, caller)

        return summarize

    async def _run(self, kind: SummaryDefinition, values: Json, shop: str | None, caller: Caller) -> Json:
        self._check_available(kind)
        state = await self._load_state(kind, values)
        target = await self.platform.shops.choose(shop or (state["shop"] if state else None), "required")
        if state is not None and state["shop"] != _get_shop_id(target):
            raise _resume_error(f"{values['resume']} goes on with a summary of another shop", "leave `shop` away")
        terms = (
            _restore_request(state)
            if state
            else self._create_request(kind, values, target.resolve_zone(self.paginator.zone))
        )
        work = kind.begin(terms, state["work"] if state else None)
        until = self.platform.new_deadline()
        complete, stopped = False, None
        try:
            async with aclosing(work.iter_steps(ShopPaginator(self.paginator, target, until))) as steps:
                async for step in steps:
                    await caller.report_progress(step.done, step.total, step.message)
                    if self.platform.time_remaining(until) < DEADLINE_MARGIN_S:
                        break
                else:
                    complete = True
        except ShopError as error:
            if not work.has_rows:
                raise
            stopped = error
        told: Json = {"complete": complete} | terms.to_json() | work.to_result(complete=complete)
        if target.shop is not None:
            told["shop"] = target.shop.label
        if complete:
            return told
        more = await self._save_state(kind, terms, work, _get_shop_id(target), stopped)
        return told | more | {"note": " ".join(filter(None, (more["note"], told.get("note"))))}

    def _check_available(self, kind: SummaryDefinition) -> None:
        for name in kind.operations:
            if not self.policy.is_available(self.paginator.catalog.operations[name]):
                told = f"{kind.name} reads through {name}, which is switched off on this server."
                raise ShopError("not_permitted", told, hint=OPERATOR_HINT)

    def _create_request(self, kind: SummaryDefinition, values: Json, zone: ZoneInfo) -> SummaryRequest:
        if "period" not in values:
            if kind.needs_period:
                told = "period: is missing"
                problem = Problem("period", "is missing", PERIOD_FORMS)
                raise ShopError("invalid_arguments", told, hint=f"Give one of: {PERIOD_FORMS}.", problems=(problem,))
            return SummaryRequest(values, zone, 0, 0, "")
        now = self.clock()
        found = parse_period(values["period"], zone, now)
        end = min(found.end, int(now) + 1)
        if found.start >= end:
            told = f"{found.description} has not begun yet"
            problem = Problem("period", told, "a period that has begun")
            raise ShopError("invalid_arguments", f"period: {told}", hint="Give an earlier one.", problems=(problem,))
        return SummaryRequest(
            values, zone, found.start, end, found.description + (UNFINISHED_PERIOD_SUFFIX if end < found.end else "")
        )

    async def _load_state(self, kind: SummaryDefinition, values: Json) -> Json | None:
        """What an earlier call left to go on with, or None where this call begins."""
        handle = values.get("resume")
        if handle is None:
            return None
        state = _parse_state(await self.state_store.get(handle))
        begin = "give `period` to begin again" if kind.needs_period else "leave `resume` away to begin again"
        if state is None:
            raise _resume_error("there is nothing to go on with, or no longer: it is kept for a day", begin)
        if state["summary"] != kind.name:
            raise _resume_error(f"{handle} is a handle of {state['summary']}", f"{state['summary']} takes it")
        others = {name: value for name, value in values.items() if name != "resume"}
        if different := [n for n, value in others.items() if state["asked"].get(n) != value]:
            raise _resume_error(
                f"goes on with what was asked before, which had another {different[0]}", "`resume` alone"
            )
        return state

    async def _save_state(
        self, kind: SummaryDefinition, terms: SummaryRequest, work: Summary, shop: str, stopped: ShopError | None
    ) -> Json:
        state: Json = {"summary": kind.name, "shop": shop, "work": work.to_state()}
        state |= {"asked": terms.values, "zone": terms.zone.key, "start": terms.start, "end": terms.end}
        told: Json = {} if stopped is None else {"stopped_by": stopped.to_json()}
        try:
            handle = await self.state_store.put(json.dumps(state | {"told": terms.period_description}).encode())
        except ShopError as error:
            log.warning("what is summed so far could not be kept: %s", error.message)
            return told | {"note": "A PART ONLY, and it could not be kept to go on: ask for shorter periods."}
        when = "call" if stopped is None else "an error came first, see stopped_by; then call"
        note = f"A PART ONLY: {when} {kind.name} with resume alone until complete is true."
        return told | {"resume": handle, "note": note}


def _restore_request(state: Json) -> SummaryRequest:
    return SummaryRequest(state["asked"], ZoneInfo(state["zone"]), state["start"], state["end"], state["told"])


def _parse_state(content: bytes | None) -> Json | None:
    """What was kept, if it is a summary under way: other things are kept under such handles, too."""
    try:
        state = json.loads(content or b"null")
    except ValueError:
        return None
    return state if isinstance(state, dict) and "summary" in state and "work" in state else None


def _get_shop_id(target: Target) -> str:
    return target.shop.id if target.shop is not None else ""


def _resume_error(message: str, allowed: str) -> ShopError:
    problem = Problem("resume", message, allowed)
    hint = f"{allowed[0].upper()}{allowed[1:]}." if allowed[0] != "`" else f"Give {allowed}."
    return ShopError("invalid_arguments", f"resume: {message}", hint=hint, problems=(problem,))
