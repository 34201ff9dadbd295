"""Remembers what came of a job's items, so that one that was cut off goes on, and does nothing twice."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.jobs.job import Outcome
from mcp_server_tiktok_shop.calls.pending_writes import CONFIRM_TTL_S
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.write_outcomes import DEDUPE_TTL_S, JUST_DONE_TTL_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mcp_server_tiktok_shop.calls.jobs.job import JobItem, OutcomeState
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.stores import ExpiringRecords, Record
    from mcp_server_tiktok_shop.state.write_outcomes import ProcessLookup

UNFINISHED_TTL_S = 24 * 3600.0  # for which a job that is not finished goes on where it ended
RUNNING_WINDOW_S = 120.0  # in which a job ends that nobody cut off: the deadline of a call, and a question's
JOB_ID_BYTES = 6  # of randomness
SENT = "sent"
EARLIER_REASON = "it was done by this job before"
UNKNOWN_REASON = "whether it was done is unknown: look first, and call again in ten minutes"


class JobRecord(Struct):
    """What is remembered of one job: `entries` by the key of each item, what was agreed to, when, and by which policy.

    `begun_at` is when a call last began its writes; `running_at` when its process (`process`) began the last of them,
    0 where it is over. `job_id` is what all its writes have in the audit log, over all calls that it took.
    """

    entries: dict[str, Json] = field(default_factory=dict)
    agreed: dict[str, list[str]] = field(default_factory=dict)
    agreed_at: float = 0.0
    policy: str = ""
    begun_at: float = 0.0
    running_at: float = 0.0
    process: str = ""
    is_finished: bool = False
    job_id: str = ""

    @classmethod
    def from_record(cls, record: Record) -> JobRecord:
        return cls(**{name: record[name] for name in cls.__struct_fields__ if name in record})

    def to_record(self) -> Record:
        return {name: getattr(self, name) for name in self.__struct_fields__}

    def start_anew(self) -> None:
        """Forget what an earlier call did and what was agreed to then, but not what is unknown of it."""
        self.entries = {key: entry for key, entry in self.entries.items() if entry["state"] in (SENT, "unknown")}
        self.agreed_at, self.is_finished, self.job_id = 0.0, False, ""

    def is_agreed(self, items: Iterable[JobItem], now: float, policy: str) -> bool:
        """Whether exactly this was agreed to for each of the items, not long ago, and where as much was asked."""
        is_fresh = 0 <= now - self.agreed_at < CONFIRM_TTL_S and self.policy == policy
        return is_fresh and all(self.agreed.get(item.key) == _keep_values(item) for item in items)

    def mark_agreed(self, items: Iterable[JobItem], now: float, policy: str) -> None:
        self.agreed = {item.key: _keep_values(item) for item in items}
        self.agreed_at, self.policy = now, policy

    def enter(self, items: Iterable[JobItem], state: OutcomeState | str, now: float) -> None:
        """What is known of these items from now on."""
        for item in items:
            was, will_be = _keep_values(item)
            self.entries[item.key] = {"state": state, "was": was, "will_be": will_be, "at": now}

    def find_outcome(self, item: JobItem, now: float) -> Outcome | None:
        """What came of an item in an earlier call, where that decides; None where it is to be done, or skipped, now."""
        entry = self.entries.get(item.key)
        if entry is None:
            return None
        state, is_recent = entry["state"], now - entry["at"] < DEDUPE_TTL_S
        earlier = replace(item, now="" if item.has_words else entry["was"])
        if state == "done":
            is_final = item.is_relative  # what is set to a fixed value shows by itself whether it is so
            return Outcome(earlier, "done", EARLIER_REASON, item.now) if is_final else None
        if state not in (SENT, "unknown"):
            return None
        if item.now and _keep_values(item)[0] == entry["will_be"]:  # it took
            return Outcome(earlier, "done", EARLIER_REASON, item.now)
        return Outcome(item, "unknown", UNKNOWN_REASON) if is_recent and not item.skip_reason else None


def _keep_values(item: JobItem) -> list[str]:
    """What an item is and becomes, as it may lie on the disk: of words a digest, which tells them again."""
    values = [item.now, item.will_be]
    return [hashlib.sha256(value.encode()).hexdigest() for value in values] if item.has_words else values


class JobRecords(Struct, frozen=True):
    """The records of jobs by the fingerprint of their call. `clock` gives Unix seconds."""

    records: ExpiringRecords
    clock: Callable[[], float]
    processes: ProcessLookup

    async def load(self, key: str) -> JobRecord:
        """What is remembered of a job; empty where that is nothing. Raises ShopError as `ExpiringRecords`."""
        record = await self.records.get(key)
        return JobRecord.from_record(record) if record is not None else JobRecord()

    def ensure_idle(self, record: JobRecord, job_name: str) -> None:
        """Go on only where no other call does the same job now, or has just done it.

        Raises:
            ShopError: `unknown_outcome` while it runs, `already_done`.

        """
        if record.is_finished:
            message = f"{job_name} with the same arguments was done just now: it was not done again."
            hint = "list_changes tells what was sent. To do it once more, call again with repeat: true."
            raise ShopError("already_done", message, hint=hint)
        is_recent = self.clock() - record.running_at < RUNNING_WINDOW_S
        if record.running_at and is_recent and not self.processes.is_dead(record.process):
            message = f"{job_name} with the same arguments is under way: nothing was sent by this call."
            raise ShopError("unknown_outcome", message, hint="Call it again in two minutes: it does what is left then.")

    async def start(self, key: str, record: JobRecord, known: JobRecord, job_name: str) -> None:
        """Enter that the job runs; of two calls at once one does, and none that was planned before another's writes.

        `known` is what its plan knew of. Raises as `ensure_idle`; `declined` where there is more to know.
        """
        record.begun_at = record.running_at = self.clock()
        record.process, record.is_finished = self.processes.own_name, False
        record.job_id = record.job_id or secrets.token_hex(JOB_ID_BYTES)
        own = record.to_record()

        def ensure_startable(existing: Record) -> None:
            earlier = JobRecord.from_record(existing)
            is_known = (earlier.begun_at, earlier.entries) == (known.begun_at, known.entries)
            earlier.is_finished = earlier.is_finished and not is_known
            self.ensure_idle(earlier, job_name)
            if not is_known:
                message = (
                    f"{job_name} with the same arguments was done in part just now: nothing was sent by this call."
                )
                raise ShopError("declined", message, hint="Call it again: it does what is left.")

        def replace_idle(existing: Record) -> Record | None:
            try:
                ensure_startable(existing)
            except ShopError:
                return None
            return own

        existing = await self.records.claim(key, own, UNFINISHED_TTL_S, replace_idle)
        if existing is not None:
            ensure_startable(existing)

    async def save(self, key: str, record: JobRecord) -> None:
        await self.records.put(key, record.to_record(), UNFINISHED_TTL_S)

    async def stop(self, key: str, record: JobRecord) -> None:
        """Enter that the call is over; the job is remembered where something of it is left."""
        record.running_at = 0.0
        await self.records.put(key, record.to_record(), UNFINISHED_TTL_S)

    async def finish(self, key: str, record: JobRecord) -> None:
        """Enter that all is done: until that was told, an equal call may be the same once more."""
        record.running_at, record.is_finished = 0.0, True
        await self.records.put(key, record.to_record(), DEDUPE_TTL_S)

    async def settle(self, key: str, record: JobRecord) -> None:
        """Who called knows that it is done: only one by another who asked for the same is held back."""

        def keep(existing: Record) -> Record | None:
            return existing if JobRecord.from_record(existing).is_finished else None

        after_telling = JobRecord(begun_at=record.begun_at, is_finished=True)
        await self.records.claim(key, after_telling.to_record(), JUST_DONE_TTL_S, keep)

    async def forget(self, key: str) -> None:
        await self.records.take(key)
