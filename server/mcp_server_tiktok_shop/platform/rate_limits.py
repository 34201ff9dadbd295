"""Keeps calls to what the platform takes: how many at once, how far apart, and not before it said."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

AT_ONCE = 8
FIRST = 0.05  # seconds between sends after the first refusal
LEAST = 0.01
LONGEST = 5.0
SPARE = 0.1  # over a Retry-After: it is told in whole seconds, from another clock
LONGEST_HOLD = 3600.0  # a Retry-After in the year 9999 is no reason never to ask again
# After a refusal the distance follows a cubic curve, as TCP's window does: from WIDER times a level down to the level
# at CALM, where it stays for a while, then ever faster to 0. A platform's limit is found with few further refusals.
WIDER = 1.3
CALM = 40.0
SECOND = 2.0  # a second counts as much as two good calls: who was slowed to a crawl gets away from it


class Key(NamedTuple):
    """What the platform counts by. `shop` is an id, or empty."""

    account: str
    shop: str
    operation: str


class Late(Exception):  # noqa: N818 - what happened, not how bad it is
    """The turn would come after the deadline, so nothing was sent. `seconds` tells how long it would take."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the turn comes in {seconds:.1f} seconds")
        self.seconds = seconds


class Turn(Protocol):
    """One request's leave to go out. What became of it is told before the turn ends; a lost answer tells nothing."""

    def passed(self) -> None:
        """It was answered, and not for being one too many."""

    def throttled(self) -> None:
        """It was refused as one too many: the next ones keep more distance."""

    def held(self, seconds: float) -> None:
        """The platform wants nothing for so long."""


class Pace(Protocol):
    def turn(self, key: Key, until: float) -> AbstractAsyncContextManager[Turn]:
        """Wait for leave to send one request; `until` is a moment of the monotonic clock.

        Raises:
            Late: The turn would come after that.

        """


@dataclass(slots=True)
class Lane:
    """The requests of one key. Moments are the monotonic clock's."""

    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    waiting: int = 0
    next: float = -inf
    level: float = 0.0
    good: int = 0
    refused: float = -inf

    def distance(self, now: float) -> float:
        """Seconds between two sends."""
        left = 1 - (self.good + SECOND * (now - self.refused)) / CALM
        return self.level * max(0.0, 1 + (WIDER - 1) * left**3)

    def seconds(self, now: float, ahead: int) -> float:
        """How long a request must wait that has so many ahead of it."""
        return max(0.0, self.next - now) + ahead * self.distance(now)

    def forgets(self, now: float) -> bool:
        """Whether nothing would be lost without it."""
        return self.users == 0 and self.next <= now and self.distance(now) <= 0

    def widen(self, now: float) -> None:
        distance = self.distance(now)
        if distance <= 0:
            self.level = FIRST / WIDER
        elif self.good == 0:
            self.level = min(2 * self.level, LONGEST / WIDER)
        else:
            self.level = max(distance, LEAST)
        self.good, self.refused = 0, now


@dataclass(slots=True)
class _Leave:
    lane: Lane
    monotonic: Callable[[], float]
    sent: float

    def passed(self) -> None:
        self.lane.good += 1

    def throttled(self) -> None:
        now = self.monotonic()
        if self.sent > self.lane.refused:  # what was under way when another was refused tells nothing new
            self.lane.widen(now)
        self.lane.next = max(self.lane.next, now + self.lane.distance(now))

    def held(self, seconds: float) -> None:
        self.lane.next = max(self.lane.next, self.monotonic() + min(seconds, LONGEST_HOLD) + SPARE)


class PaceInMemory:
    """The pace of one process. A key is forgotten when it is unused and has nothing left to wait for."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._lanes: dict[Key, Lane] = {}

    @asynccontextmanager
    async def turn(self, key: Key, until: float) -> AsyncIterator[Turn]:
        lane = self._lane(key)
        lane.users += 1
        try:
            await self._allowed(lane, until)
            try:
                yield _Leave(lane, self._monotonic, self._monotonic())
            finally:
                lane.places.release()
        finally:
            lane.users -= 1
            if lane.forgets(self._monotonic()):
                self._lanes.pop(key, None)

    def _lane(self, key: Key) -> Lane:
        if key not in self._lanes:
            now = self._monotonic()
            self._lanes = {k: lane for k, lane in self._lanes.items() if not lane.forgets(now)}
            self._lanes[key] = Lane()
        return self._lanes[key]

    async def _allowed(self, lane: Lane, until: float) -> None:
        """A place, and then the moment: in the order of asking."""
        now = self._monotonic()
        if now + (seconds := lane.seconds(now, lane.waiting)) >= until:
            raise Late(seconds)
        lane.waiting += 1
        try:
            async with asyncio.timeout(until - now):
                await lane.places.acquire()
                try:
                    await self._moment(lane, until)
                except BaseException:
                    lane.places.release()
                    raise
        except TimeoutError:
            raise Late(max(1.0, lane.seconds(self._monotonic(), lane.waiting))) from None
        finally:
            lane.waiting -= 1

    async def _moment(self, lane: Lane, until: float) -> None:
        async with lane.gate:
            reached = self._monotonic()
            while lane.next > reached:  # it may move while we wait for it
                if lane.next >= until:
                    raise Late(lane.next - reached)
                goal = lane.next
                await self._sleep(goal - reached)
                reached = max(goal, self._monotonic())
            lane.next = reached + lane.distance(reached)
