"""Write outcomes: a write is remembered until its caller knows the outcome, so that none is done twice."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol, Self

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import ShopError, contain_faults
from mcp_server_tiktok_shop.state.steady_clock import Moment

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from mcp_server_tiktok_shop.state.steady_clock import SteadyClock
    from mcp_server_tiktok_shop.state.stores import ExpiringRecords, Record

WriteState = Literal["in flight", "unknown", "done", "partly done"]

DEDUPE_TTL_S = 600.0  # for which an equal write is refused where nobody knows, or was told, what came of it
# For which an equal write is refused after one that was done and told. Several servers that are given the same work are
# seconds apart; a person who means the same thing once more is seldom as quick, and is told to say so (`repeat`).
JUST_DONE_TTL_S = 10.0
IN_FLIGHT_WINDOW_S = 60.0  # in which a write ends that nobody cut off: the deadline of a call, and some

log = logging.getLogger(__name__)


class ProcessLookup(Protocol):
    """The processes that may have sent a write."""

    @property
    def own_name(self) -> str:
        """The name of this process, unique among all that share the records."""

    def is_dead(self, name: str) -> bool:
        """Whether the process of that name surely is no more; False where that can't be known."""


class SentWrite(Struct, frozen=True):
    """One write that was sent, or is about to be: when, by which process, with which idempotency `key`.

    `state` is what is known of it; `request_id` the platform's, where it was done.
    """

    operation: str
    sent: Moment
    process: str
    key: str
    state: WriteState = "in flight"
    request_id: str = ""

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """The write of a record, also of an earlier version; what is odd in it is taken for unknown."""
        texts = {name: str(record.get(name) or "") for name in ("operation", "process", "key", "request_id")}
        state: WriteState = "unknown" if record.get("lost") else "in flight"
        if record.get("done") in ("done", "partly done"):
            state = record["done"]
        return cls(sent=Moment.from_record(record, "sent") or Moment(0), state=state, **texts)

    def to_record(self) -> Record:
        """The names are those in homes of every version: they stay."""
        record = {"operation": self.operation, "process": self.process, "key": self.key}
        record |= self.sent.to_record("sent")
        if self.state == "unknown":
            return record | {"lost": True}
        return record if self.state == "in flight" else record | {"done": self.state, "request_id": self.request_id}

    @property
    def is_done(self) -> bool:
        return self.state in ("done", "partly done")

    @property
    def sent_at(self) -> str:
        """When it was sent, in ISO 8601 and UTC."""
        return format_timestamp(self.sent.unix)


class WriteOutcomes(Struct, frozen=True):
    """A record for each write, by its fingerprint, from before it is sent until a while after its outcome is known.

    While there is one, an equal write is refused: for DEDUPE_TTL_S where the outcome is unknown, or was not delivered;
    for JUST_DONE_TTL_S after it was.
    """

    records: ExpiringRecords
    clock: SteadyClock
    processes: ProcessLookup

    async def find(self, fingerprint: str) -> SentWrite | None:
        """The earlier write that stands in the way. Raises ShopError as `reserve`."""
        record = await self.records.get(fingerprint)
        return None if record is None else SentWrite.from_record(record)

    async def reserve(
        self, fingerprint: str, operation_name: str, *, repeat: bool, idempotency_key: str = ""
    ) -> tuple[SentWrite, SentWrite | None]:
        """Enter a write. Answers it, and the earlier one that stands in the way, if one does.

        A repeated write takes over the idempotency key of one with an unknown outcome, so that the platform can tell it
        is the same; else it has `idempotency_key`, the caller's own, or a new one. It is not let through while the
        earlier one may still be in flight.

        Raises:
            ShopError: `not_configured` where the records can't be read or written; nothing may be sent then.

        """
        write = SentWrite(
            operation_name,
            self.clock.compute_moment(),
            self.processes.own_name,
            idempotency_key or str(uuid.uuid4()),
        )

        def replace_earlier(existing: Record) -> Record | None:
            nonlocal write
            earlier = SentWrite.from_record(existing)
            age = -self.clock.compute_remaining_seconds(earlier.sent)
            if earlier.state == "in flight" and age < IN_FLIGHT_WINDOW_S and not self.is_cut_off(earlier):
                return None
            if not earlier.is_done and earlier.key:
                write = replace(write, key=earlier.key)
            return write.to_record()

        earlier_record = await self.records.claim(
            fingerprint, write.to_record(), DEDUPE_TTL_S, replace_earlier if repeat else None
        )
        return write, None if earlier_record is None else SentWrite.from_record(earlier_record)

    async def mark_unknown(self, fingerprint: str, write: SentWrite) -> None:
        """The outcome of the write will not be known: DEDUPE_TTL_S begin now."""
        await self._enter(self.records.put(fingerprint, replace(write, state="unknown").to_record(), DEDUPE_TTL_S))

    async def mark_done(self, fingerprint: str, write: SentWrite) -> None:
        """The write was done, and nobody was told yet: DEDUPE_TTL_S begin now."""
        await self._enter(self.records.put(fingerprint, write.to_record(), DEDUPE_TTL_S))

    async def settle(self, fingerprint: str, write: SentWrite) -> None:
        """Who asked for the write knows that it was done: only one by another who asked for the same is held back."""
        record = write.to_record()

        def replace_own(existing: Record) -> Record | None:
            return record if SentWrite.from_record(existing) == write else None  # else it was repeated meanwhile

        await self._enter(self.records.claim(fingerprint, record, JUST_DONE_TTL_S, replace_own))

    async def clear(self, fingerprint: str) -> None:
        """The write surely was not done: it may be sent again at once."""
        await self._enter(self.records.take(fingerprint))

    def is_cut_off(self, write: SentWrite) -> bool:
        """Whether the process that sent the write surely is no more, so that nobody waits for its answer."""
        return self.processes.is_dead(write.process)

    async def _enter(self, change: Awaitable[object]) -> None:
        """What came of a write is reported although it can't be entered; the record made before stands for its time."""
        with contain_faults(log, "the outcome of a write can't be entered"):
            try:
                await change
            except ShopError as error:
                log.error("the outcome of a write can't be entered: %s", error.message)  # noqa: TRY400 - no traceback


def format_timestamp(seconds: float) -> str:
    """Unix seconds in ISO 8601 and UTC, as audit log and errors say when a write was sent."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
