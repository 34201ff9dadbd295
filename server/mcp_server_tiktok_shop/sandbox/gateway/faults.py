"""Failures on demand: a list of what goes wrong next, and a seeded mode in which things go wrong at random."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

DataEdit = Callable[[Any], Any]  # from an answer's `data` to what is sent in its place
FaultStage = Literal["before", "after"]


class Gate:
    """Holds requests back until it is opened; `arrived` counts those that came to it, `waiting` those before it now."""

    def __init__(self) -> None:
        self.arrived = self.waiting = 0
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def enter(self) -> None:
        self.arrived += 1
        self.waiting += 1
        try:
            await self._opened.wait()
        finally:
            self.waiting -= 1


@dataclass(frozen=True)
class Fault:
    """One way to fail.

    `when` tells whether the operation still runs (`after`) or not (`before`). With nothing set but `delay`
    or `gate` the answer comes late, with `content_type` alone it is labelled wrongly; it is otherwise as it should be.
    `edit` changes the data of a right answer: a shop with odd data.
    """

    operation: str = "*"
    times: int | None = 1
    name: str = ""
    when: FaultStage = "before"
    status: int | None = None
    code: int | None = None
    message: str = ""
    retry_after: str | float | None = None
    delay: float = 0.0
    gate: Gate | None = None
    cut: FaultStage | None = None
    body: bytes | None = None
    content_type: str | None = None
    empty: bool = False
    edit: DataEdit | None = None

    @property
    def allows_operation(self) -> bool:
        """Whether the operation is carried out although the answer is not the right one."""
        return self.cut == "after" or (self.cut is None and (self.when == "after" or not self.has_own_reply))

    @property
    def has_own_reply(self) -> bool:
        """Whether the fault has an answer of its own."""
        return self.empty or any(part is not None for part in (self.status, self.code, self.body))

    @property
    def has_changed_reply(self) -> bool:
        """Whether what goes out is not the right answer as it stands."""
        return self.has_own_reply or any(part is not None for part in (self.cut, self.content_type, self.edit))

    def matches(self, operation: str, path: str) -> bool:
        if self.operation.startswith("/"):
            return path.startswith(self.operation)
        return self.operation in ("*", operation)


# The kinds that `random` draws from. A business refusal and a throttled call are never carried out;
# what is cut, slow or garbled after the operation ran is.
KINDS: dict[str, Fault] = {
    "throttled": Fault(status=429, code=36009002, message="Too many requests."),
    "throttled_for_a_second": Fault(status=429, code=36009002, message="Too many requests.", retry_after=1),
    "unavailable": Fault(status=503, code=36009003, message="The service is overloaded."),
    "internal": Fault(status=500, code=36009003, message="Internal error."),
    "internal_after": Fault(status=500, code=36009003, message="Internal error.", when="after"),
    "timeout": Fault(status=200, code=36009007, message="The upstream timed out."),
    "timeout_after": Fault(status=200, code=36009007, message="The upstream timed out.", when="after"),
    "cut_before": Fault(cut="before"),
    "cut_after": Fault(cut="after"),
    "slow": Fault(delay=0.2),
    "malformed": Fault(status=200, body=b'{"code":0,"message":"Succ'),
    "malformed_after": Fault(status=200, body=b'{"code":0,"message":"Succ', when="after"),
    "wrong_type": Fault(status=200, body=b"<html>busy</html>", content_type="text/html"),
    "wrong_type_after": Fault(status=200, body=b"<html>busy</html>", content_type="text/html", when="after"),
    "empty": Fault(status=200, empty=True),
    "empty_after": Fault(status=200, empty=True, when="after"),
    "refused": Fault(status=200, code=98001004, message="Invalid param 'sandbox': refused at random."),
}


class Faults:
    """What goes wrong next; the log tells by name what went wrong where."""

    def __init__(self) -> None:
        self.label_polls = 0
        self._planned: list[Fault] = []
        self._rates: Mapping[str, float] = {}
        self._random = random.Random()
        self._random_for = "*"
        self._polled: Counter[str] = Counter()

    def add(
        self,
        operation: str = "*",
        *,
        times: int | None = 1,
        status: int | None = None,
        code: int | None = None,
        message: str = "Refused by a planned fault.",
        retry_after: str | float | None = None,
        delay: float = 0.0,
        gate: Gate | None = None,
        cut: FaultStage | None = None,
        body: bytes | None = None,
        content_type: str | None = None,
        empty: bool = False,
        edit: DataEdit | None = None,
        when: FaultStage = "before",
        name: str = "planned",
    ) -> None:
        """Fail the next `times` requests (None: all) of an operation, of a path's beginning, or of any ('*')."""
        self._planned.append(
            Fault(
                operation,
                times,
                name,
                when,
                status,
                code,
                message,
                retry_after,
                delay,
                gate,
                cut,
                body,
                content_type,
                empty,
                edit,
            )
        )

    def hold(self, operation: str = "*", *, times: int | None = 1, **fault: Any) -> Gate:
        """Keep the next `times` requests waiting, before the operation runs, until the gate that this gives is opened.

        `fault` is what `add` takes, of what goes wrong then.
        """
        gate = Gate()
        self.add(operation, times=times, gate=gate, **fault)
        return gate

    def fail_at_random(self, seed: int | str, rates: Mapping[str, float], operation: str = "*") -> None:
        """From now on fail at random: `rates` gives each of KINDS its share of all requests."""
        unknown = set(rates) - set(KINDS)
        if unknown:
            raise ValueError(f"no such kinds of faults: {', '.join(sorted(unknown))}")
        if sum(rates.values()) > 1:
            raise ValueError("the rates add up to more than 1")
        self._random = random.Random(seed)
        self._rates = dict(rates)
        self._random_for = operation

    def delay_labels(self, polls: int) -> None:
        """Every label is still being rendered for its first `polls` requests (11034037)."""
        self.label_polls = polls
        self._polled.clear()

    def count_label_poll(self, package_id: str) -> bool:
        self._polled[package_id] += 1
        return self._polled[package_id] <= self.label_polls

    def clear(self) -> None:
        self._planned.clear()
        self._rates = {}
        self.delay_labels(0)

    def take_fault(self, operation: str, path: str) -> Fault | None:
        """The fault that meets this request, used up by it."""
        for place, fault in enumerate(self._planned):
            if fault.matches(operation, path):
                if fault.times is not None:
                    if fault.times > 1:
                        self._planned[place] = replace(fault, times=fault.times - 1)
                    else:
                        del self._planned[place]
                return fault
        return self._draw_fault(operation, path)

    def _draw_fault(self, operation: str, path: str) -> Fault | None:
        if not self._rates or not Fault(operation=self._random_for).matches(operation, path):
            return None
        share = self._random.random()
        for kind, rate in self._rates.items():
            share -= rate
            if share < 0:
                return replace(KINDS[kind], name=kind)
        return None
