"""Remembers what came of a job's items, so that one that was cut off goes on, and does nothing twice."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.jobs.job import Outcome
from mcp_server_tiktok_shop.calls.pending_writes import CONFIRM_TTL_S
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.write_outcomes import DEDUPE_TTL_S, JUST_DONE_TTL_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.jobs.job import JobItem, OutcomeState
    from mcp_server_tiktok_shop.calls.undone_things import UndoneThing
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.stores import ExpiringRecords, Record
    from mcp_server_tiktok_shop.state.write_outcomes import ProcessLookup

MEMORY_TTL_S = 24 * 3600.0  # for which it is known what a job did: one that was cut goes on, none does a thing twice
RUNNING_WINDOW_S = 120.0  # in which a job ends that nobody cut off: the deadline of a call, and a question's
JOB_ID_BYTES = 6  # of randomness
SENT = "sent"
EARLIER_REASON = "it was done by this job before"
DONE_REASON = "done already at {time}"
UNDONE_REASON = " and taken back at {time}"
REPEAT_ADVICE = "repeat: true does it once more"
UNKNOWN_REASON = "whether it was done is unknown: look first, and call again in ten minutes"


class JobRecord(Struct):
    """What is remembered of one job: `entries` by the key of each item, what was agreed to, when, by which policy.

    `user` agreed to it, as `Caller` names them: nobody else's call goes on by that. `begun_at` is when a call last
    began its writes; `running_at` when its process (`process`) began the last of them, 0 where that call ended.
    `job_id` is what all its writes have in the audit log, over all calls that it took. A job `is_over` that came to its
    end, whatever failed of it; one that was cut is not. One that `is_repeat` did once more what another had done. Until
    `held_until` an equal call may be the same once more, and is refused. `undone_at` is when items were taken back,
    which the audit log knows.
    """

    entries: dict[str, Json] = field(default_factory=dict)
    agreed: dict[str, list[str]] = field(default_factory=dict)
    agreed_at: float = 0.0
    policy: str = ""
    user: str = ""
    begun_at: float = 0.0
    running_at: float = 0.0
    process: str = ""
    is_over: bool = False
    is_repeat: bool = False
    held_until: float = 0.0
    job_id: str = ""
    undone_at: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_record(cls, record: Record) -> JobRecord:
        return cls(**{name: record[name] for name in cls.__struct_fields__ if name in record})

    def to_record(self) -> Record:
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "undone_at"}

    def start_anew(self, now: float) -> None:
        """Forget what an earlier call did and what was agreed to then, but not what is unknown of it.

        Of a repeat that was just cut nothing is forgotten: another one does what is left of it. Later it is another
        wish, also where a shop that was signed out in between kept it from its end.
        """
        if self.is_repeat and not self.is_over and 0 <= now - self.begun_at < CONFIRM_TTL_S:
            return
        self.is_repeat = True
        self.entries = {key: entry for key, entry in self.entries.items() if entry["state"] in (SENT, "unknown")}
        self.agreed_at, self.held_until, self.job_id = 0.0, 0.0, ""

    def start_next(self) -> None:
        """Begin another job like one that is over: by a yes and an id of its own, which does nothing twice."""
        if self.is_over:
            self.agreed_at, self.job_id, self.is_repeat = 0.0, "", False

    def list_job_ids(self) -> frozenset[str]:
        """The jobs whose writes did what is known of the items, and the one that goes on."""
        return frozenset(filter(None, (self.job_id, *(entry.get("job") for entry in self.entries.values()))))

    def mark_undone(self, undone_things: Iterable[UndoneThing], shop_id: str) -> None:
        """Enter what was taken back since; that ends the job that did it, at all its shops, also one that was cut."""
        things = list(undone_things)
        moments = {(thing.job_id, thing.id): thing.undone_at for thing in things if thing.shop_id == shop_id}
        self.undone_at = {
            key: moment
            for key, entry in self.entries.items()
            if (moment := moments.get((entry.get("job", ""), key.partition(" ")[2])))
        }
        self.is_over = self.is_over or any(thing.job_id == self.job_id for thing in things)

    def is_agreed(self, items: Iterable[JobItem], now: float, policy: str, user: str) -> bool:
        """Whether this person agreed to exactly this for each item, not long ago, and where as much was asked."""
        is_fresh = 0 <= now - self.agreed_at < CONFIRM_TTL_S and (self.policy, self.user) == (policy, user)
        return is_fresh and all(self.agreed.get(item.key) == _keep_values(item) for item in items)

    def mark_agreed(self, items: Iterable[JobItem], now: float, policy: str, user: str) -> None:
        self.agreed = {item.key: _keep_values(item) for item in items}
        self.agreed_at, self.policy, self.user = now, policy, user

    def enter(self, items: Iterable[JobItem], state: OutcomeState | str, now: float) -> None:
        """What is known of these items from now on; with what was done the yes to it is used up."""
        for item in items:
            was, will_be = _keep_values(item)
            self.entries[item.key] = {"state": state, "was": was, "will_be": will_be, "at": now, "job": self.job_id}
            if state == "done":
                self.agreed.pop(item.key, None)

    def find_outcome(self, item: JobItem, now: float, zone: ZoneInfo) -> Outcome | None:
        """What came of an item in an earlier call, where that decides; None where it is to be done, or skipped, now.

        Of a job that is over what it did is skipped; of one that goes on, and where nobody was told, it is done.
        """
        entry = self.entries.get(item.key)
        if entry is None:
            return None
        state, age_s = entry["state"], now - entry["at"]
        is_taken = state in (SENT, "unknown") and bool(item.now) and _keep_values(item)[0] == entry["will_be"]
        if is_taken or (state == "done" and self._is_final(item, age_s)):
            if self.is_over and not is_taken:
                return Outcome(item, "skipped", self._describe_earlier(item, zone))
            earlier = replace(item, now="" if item.has_words else entry["was"])
            return Outcome(earlier, "done", EARLIER_REASON, item.now)
        if state not in (SENT, "unknown"):
            return None
        return Outcome(item, "unknown", UNKNOWN_REASON) if age_s < DEDUPE_TTL_S and not item.skip_reason else None

    def mark_known(self, item: JobItem, outcome: Outcome, zone: ZoneInfo) -> JobItem:
        """An item whose outcome is known from an earlier call, as a preview shows it: it becomes nothing now."""
        reason = outcome.reason if outcome.state == "unknown" else self._describe_earlier(item, zone)
        return replace(item, will_be="", details={}, skip_reason=reason)

    def _is_final(self, item: JobItem, age_s: float) -> bool:
        """Whether an item that was done is not to be done again by itself.

        What is set to a fixed value shows by itself whether it is so.
        """
        return item.is_relative and (age_s < MEMORY_TTL_S or not self.is_over)

    def _describe_earlier(self, item: JobItem, zone: ZoneInfo) -> str:
        """When it was done, and taken back if it was; what is as it is to be needs no advice."""
        done_at = datetime.fromtimestamp(self.entries[item.key]["at"], zone)
        reason = DONE_REASON.format(time=done_at.isoformat(timespec="minutes"))
        if item.key in self.undone_at:
            undone_at = datetime.fromisoformat(self.undone_at[item.key]).astimezone(zone)
            reason += UNDONE_REASON.format(time=undone_at.isoformat(timespec="minutes"))
        return f"{reason}; {REPEAT_ADVICE}" if item.is_relative else reason


def make_job_id() -> str:
    return secrets.token_hex(JOB_ID_BYTES)


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
        if self.clock() < record.held_until:
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
        record.process, record.is_over, record.held_until = self.processes.own_name, False, 0.0
        own = record.to_record()

        def ensure_startable(existing: Record) -> None:
            earlier = JobRecord.from_record(existing)
            is_known = (earlier.begun_at, earlier.entries) == (known.begun_at, known.entries)
            earlier.held_until = 0.0 if is_known else earlier.held_until
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

        existing = await self.records.claim(key, own, MEMORY_TTL_S, replace_idle)
        if existing is not None:
            ensure_startable(existing)

    async def withdraw(self, key: str, record: JobRecord) -> None:
        """Enter that nobody agrees to what is left of a job any more, since somebody said no to it."""
        if not record.agreed_at:
            return
        record.agreed_at = 0.0

        def withdraw_yes(existing: Record) -> Record:
            return replace(JobRecord.from_record(existing), agreed_at=0.0).to_record()

        await self.records.claim(key, record.to_record(), MEMORY_TTL_S, withdraw_yes)

    async def save(self, key: str, record: JobRecord) -> None:
        await self.records.put(key, record.to_record(), MEMORY_TTL_S)

    async def stop(self, key: str, record: JobRecord) -> None:
        """Enter that the call was cut: what is left of the job is done by the next one."""
        record.running_at = 0.0
        await self.records.put(key, record.to_record(), MEMORY_TTL_S)

    async def finish(self, key: str, record: JobRecord, *, is_held: bool) -> None:
        """Enter that the job is over; where it `is_held`, an equal call may be the same one until that was told."""
        record.running_at, record.is_over = 0.0, True
        record.held_until = self.clock() + DEDUPE_TTL_S if is_held else 0.0
        await self.records.put(key, record.to_record(), MEMORY_TTL_S)

    async def settle(self, key: str, record: JobRecord) -> None:
        """Who called knows that it is done: only one by another who asked for the same is held back."""
        held_until = self.clock() + JUST_DONE_TTL_S

        def keep(existing: Record) -> Record | None:
            earlier = JobRecord.from_record(existing)
            is_same = earlier.is_over and earlier.begun_at == record.begun_at
            return replace(earlier, held_until=held_until).to_record() if is_same else None

        own = replace(record, held_until=held_until).to_record()
        await self.records.claim(key, own, MEMORY_TTL_S, keep)

    async def forget(self, key: str) -> None:
        await self.records.take(key)
