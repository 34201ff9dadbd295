"""Steady clock: the age of a stored time, for every process of the machine, even when its clock is set."""

from __future__ import annotations

import uuid
from math import isfinite
from typing import TYPE_CHECKING, Any, Self, TypeGuard

from msgspec import Struct, field

from mcp_server_tiktok_shop.state.process_identity import read_boot_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mcp_server_tiktok_shop.state.stores import Record

MAX_UNIX_SECONDS = 10.0**11
OWN_BOOT_ID = f"process {uuid.uuid4()}"  # where the machine's can't be known: then clocks of processes are not compared


class Moment(Struct, frozen=True):
    """A moment by both clocks: `unix` in Unix seconds, `uptime` in seconds of one that is never set since `boot`.

    `uptime` and `boot` are empty in what an earlier version stored.
    """

    unix: float
    uptime: float = 0.0
    boot: str = ""

    @classmethod
    def from_record(cls, record: Mapping[str, Any], name: str) -> Self | None:
        """The moment of a name in a record; None where what stands there is none."""
        unix, uptime, boot = record.get(name), record.get(f"{name}_uptime"), record.get(f"{name}_boot")
        if not _is_number(unix) or not 0 <= unix < MAX_UNIX_SECONDS:
            return None
        return cls(unix, uptime, boot) if _is_number(uptime) and isinstance(boot, str) else cls(unix)

    def to_record(self, name: str) -> Record:
        return {name: self.unix, f"{name}_uptime": self.uptime, f"{name}_boot": self.boot}


class SteadyClock(Struct, frozen=True):
    """Tells how far off moments are. `clock` gives Unix seconds, `monotonic` seconds of a clock that is never set.

    Where a moment is of this start of the machine, the clock that is never set decides, and setting the other one
    changes nothing. It may stand still while the machine sleeps: then a time seems shorter than it was, never longer.
    """

    clock: Callable[[], float]
    monotonic: Callable[[], float]
    boot: str = field(default_factory=lambda: read_boot_id() or OWN_BOOT_ID)

    def compute_moment(self, seconds_ahead: float = 0.0) -> Moment:
        """The moment that many seconds from now."""
        return Moment(self.clock() + seconds_ahead, self.monotonic() + seconds_ahead, self.boot)

    def is_measurable(self, moment: Moment) -> bool:
        """Whether the clock that is never set decides about it."""
        return moment.boot == self.boot

    def compute_remaining_seconds(self, moment: Moment) -> float:
        """Seconds from now to a moment; negative where it is past."""
        if self.is_measurable(moment):
            return moment.uptime - self.monotonic()
        return moment.unix - self.clock()


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
