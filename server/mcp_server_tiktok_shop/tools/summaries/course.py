"""Takes a summary as far as the deadline allows, and keeps it so that the next call goes on where it stopped."""

from __future__ import annotations

import json
import logging
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.periods import FORMS, period

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.dispatch import LocalTool
    from mcp_server_tiktok_shop.calls.paging import Page, Walker
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import Platform
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.result_store import Kept

# No page is asked for in the last seconds: the answer has to be made, and a client must not give up on it.
SO_FAR = ", so far: it is not over"
MARGIN = 3.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked, made definite: the same for every call that goes on with it. Times are Unix seconds.

    Without a period, `start` and `end` are 0 and `told` is empty. A period that is not over ends when it was asked.
    """

    asked: Json
    zone: ZoneInfo
    start: int
    end: int
    told: str

    def moment(self, time: int) -> str:
        return datetime.fromtimestamp(time, self.zone).isoformat()

    def shown(self) -> Json:
        if not self.told:
            return {}
        named = {"period": self.told, "from": self.moment(self.start), "to": self.moment(self.end)}
        return named | {"time_zone": self.zone.key}


@dataclass(frozen=True, slots=True)
class Walk:
    """The lists of one shop, walked within one call."""

    walker: Walker
    target: Target
    until: float

    def __call__(self, name: str, values: Json, seen: set[str]) -> AsyncGenerator[Page, None]:
        return self.walker.walk(name, values, self.target, until=self.until, seen=seen)


@dataclass(frozen=True, slots=True)
class Step:
    """How far a summary is, in words a person may read."""

    done: int
    total: int | None
    message: str


class Work(Protocol):
    """A summary under way. After each step, what is summed so far can be told and kept."""

    @property
    def begun(self) -> bool:
        """Whether anything is summed."""
        ...

    def steps(self, walk: Walk) -> AsyncGenerator[Step, None]:
        """Go on to the end, a page at a time."""
        ...

    def shown(self, *, complete: bool) -> Json:
        """The sums, with a `note` of what they mean."""
        ...

    def state(self) -> Json:
        """All that is needed to go on, as JSON can hold it."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the summaries: how it is begun or gone on with, and what it reads."""

    name: str
    begin: Callable[[Terms, Json | None], Work]
    operations: tuple[str, ...]
    needs_period: bool = True


@dataclass(frozen=True, slots=True)
class Course:
    """`offers` says which operations this server does at all; `clock` gives Unix seconds."""

    walker: Walker
    platform: Platform
    kept: Kept
    clock: Callable[[], float]
    offers: Callable[[Operation], bool]

    def tool(self, kind: Kind) -> LocalTool:
        async def summarize(values: Json, shop: str | None, caller: Caller) -> Json:
            return await self._run(kind, values, shop, caller)

        return summarize

    async def _run(self, kind: Kind, values: Json, shop: str | None, caller: Caller) -> Json:
        self._check_offered(kind)
        state = await self._kept(kind, values)
        target = await self.platform.shops.choose(shop or (state["shop"] if state else None), "required")
        if state is not None and state["shop"] != _id(target):
            raise _refused(f"{values['continue']} goes on with a summary of another shop", "leave `shop` away")
        terms = _resumed(state) if state else self._terms(kind, values, target.zone(self.walker.zone))
        work = kind.begin(terms, state["work"] if state else None)
        until = self.platform.until()
        complete, stopped = False, None
        try:
            async with aclosing(work.steps(Walk(self.walker, target, until))) as steps:
                async for step in steps:
                    await caller.progress(step.done, step.total, step.message)
                    if self.platform.left(until) < MARGIN:
                        break
                else:
                    complete = True
        except ShopError as error:
            if not work.begun:
                raise
            stopped = error
        told: Json = {"complete": complete} | terms.shown() | work.shown(complete=complete)
        if target.shop is not None:
            told["shop"] = target.shop.label
        if complete:
            return told
        more = await self._to_go_on(kind, terms, work, _id(target), stopped)
        return told | more | {"note": " ".join(filter(None, (more["note"], told.get("note"))))}

    def _check_offered(self, kind: Kind) -> None:
        for name in kind.operations:
            if not self.offers(self.walker.catalog.operations[name]):
                told = f"{kind.name} reads through {name}, which is switched off on this server."
                raise ShopError("not_permitted", told, hint="Only the person who runs the server can change that.")

    def _terms(self, kind: Kind, values: Json, zone: ZoneInfo) -> Terms:
        if "period" not in values:
            if kind.needs_period:
                told = "period: is missing"
                problem = Problem("period", "is missing", FORMS)
                raise ShopError("invalid_arguments", told, hint=f"Give one of: {FORMS}.", problems=(problem,))
            return Terms(values, zone, 0, 0, "")
        now = self.clock()
        found = period(values["period"], zone, now)
        end = min(found.end, int(now) + 1)
        if found.start >= end:
            told = f"{found.told} has not begun yet"
            problem = Problem("period", told, "a period that has begun")
            raise ShopError("invalid_arguments", f"period: {told}", hint="Give an earlier one.", problems=(problem,))
        return Terms(values, zone, found.start, end, found.told + (SO_FAR if end < found.end else ""))

    async def _kept(self, kind: Kind, values: Json) -> Json | None:
        """What an earlier call left to go on with, or None where this call begins."""
        handle = values.get("continue")
        if handle is None:
            return None
        state = _opened(await self.kept.get(handle))
        begin = "give `period` to begin again" if kind.needs_period else "leave `continue` away to begin again"
        if state is None:
            raise _refused("there is nothing to go on with, or no longer: it is kept for a day", begin)
        if state["summary"] != kind.name:
            raise _refused(f"{handle} is a handle of {state['summary']}", f"{state['summary']} takes it")
        others = {name: value for name, value in values.items() if name != "continue"}
        if different := [n for n, value in others.items() if state["asked"].get(n) != value]:
            raise _refused(f"goes on with what was asked before, which had another {different[0]}", "`continue` alone")
        return state

    async def _to_go_on(self, kind: Kind, terms: Terms, work: Work, shop: str, stopped: ShopError | None) -> Json:
        state: Json = {"summary": kind.name, "shop": shop, "work": work.state()}
        state |= {"asked": terms.asked, "zone": terms.zone.key, "start": terms.start, "end": terms.end}
        told: Json = {} if stopped is None else {"stopped_by": stopped.told()}
        try:
            handle = await self.kept.put(json.dumps(state | {"told": terms.told}).encode())
        except OSError as error:
            log.warning("what is summed so far could not be kept: %s", type(error).__name__)
            return told | {"note": "A PART ONLY, and it could not be kept to go on: ask for shorter periods."}
        when = "call" if stopped is None else "an error came first, see stopped_by; then call"
        note = f"A PART ONLY: {when} {kind.name} with continue alone until complete is true."
        return told | {"continue": handle, "note": note}


def _resumed(state: Json) -> Terms:
    return Terms(state["asked"], ZoneInfo(state["zone"]), state["start"], state["end"], state["told"])


def _opened(content: bytes | None) -> Json | None:
    """What was kept, if it is a summary under way: other things are kept under such handles, too."""
    try:
        state = json.loads(content or b"null")
    except ValueError:
        return None
    return state if isinstance(state, dict) and "summary" in state and "work" in state else None


def _id(target: Target) -> str:
    return target.shop.id if target.shop is not None else ""


def _refused(message: str, allowed: str) -> ShopError:
    problem = Problem("continue", message, allowed)
    hint = f"{allowed[0].upper()}{allowed[1:]}." if allowed[0] != "`" else f"Give {allowed}."
    return ShopError("invalid_arguments", f"continue: {message}", hint=hint, problems=(problem,))
