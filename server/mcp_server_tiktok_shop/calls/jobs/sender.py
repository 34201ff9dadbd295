"""Sends the writes of a job one by one, and remembers before and after each what is known of its items."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.jobs.answers import find_step_failures, find_step_outcomes
from mcp_server_tiktok_shop.calls.jobs.job import Outcome
from mcp_server_tiktok_shop.calls.jobs.records import SENT, make_job_id
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.calls.jobs.job import Step
    from mcp_server_tiktok_shop.calls.jobs.job_run import JobRun
    from mcp_server_tiktok_shop.calls.jobs.planner import JobPlanner
    from mcp_server_tiktok_shop.calls.jobs.records import JobRecords
    from mcp_server_tiktok_shop.calls.write import Write
    from mcp_server_tiktok_shop.calls.writes import WriteExecutor

STEP_TIME_S = 8.0  # seconds before the deadline in which no further write is begun
# What shuts the way to the platform for every write, and surely kept this one from being done.
SHUT_KINDS = frozenset({"signed_out", "network", "rate_limited", "not_configured", "not_permitted"})


class JobSender(Struct, frozen=True):
    """Sends what was agreed to; each write goes through `WriteExecutor` as one that a model calls."""

    planner: JobPlanner
    write_executor: WriteExecutor
    job_records: JobRecords

    async def send(self, runs: Sequence[JobRun], *, is_part: bool) -> None:
        """Send step after step, shop after shop, as far as the time of one call goes.

        Where the caller is cut off, or the process is to end, the write under way comes to its end and is entered, and
        none is begun after it. A repeat that `is_part`, since a shop was left out, is not over: called again for that,
        it would do the others twice.
        """
        caller_left = asyncio.Event()
        under_way = self.write_executor.writes_under_way
        try:
            held_runs = await under_way.run(self._send_each(runs, caller_left, is_part=is_part))
        except asyncio.CancelledError:
            caller_left.set()
            raise
        if held_runs:
            await runs[0].context.caller.run_after_delivery(partial(self._settle, held_runs))

    async def _send_each(
        self, runs: Sequence[JobRun], caller_left: asyncio.Event, *, is_part: bool
    ) -> Sequence[JobRun]:
        """Send, and enter how it ended; answers the runs that an equal call is held back for until that was told.

        All is over or cut together: until then no shop's record says that the job came to its end there.
        """
        records = self.job_records
        is_cut, is_held = True, False
        started: list[JobRun] = []
        job_id = next((run.record.job_id for run in runs if run.record.job_id), "") or make_job_id()
        try:
            for run in runs:
                run.record.job_id = run.record.job_id or job_id
                await records.start(run.key, run.record, run.known_record, run.operation.name)
                started.append(run)
            await self._send_steps(runs, caller_left)
            is_cut = any(run.stop_reason for run in runs) or (is_part and any(run.record.is_repeat for run in runs))
            is_held = not is_cut and all(run.is_done for run in runs)
        finally:
            ends = [self._end(run, is_cut=is_cut, is_held=is_held and run.is_relative) for run in started]
            await asyncio.gather(*ends)
        return [run for run in runs if is_held and run.is_relative]

    async def _send_steps(self, runs: Sequence[JobRun], caller_left: asyncio.Event) -> None:
        caller = runs[0].context.caller
        total, done = sum(len(run.open_items) for run in runs), 0
        for run in runs:
            for step in run.steps:
                run.stop_reason = self._find_stop_reason(run, caller_left)
                if run.stop_reason:
                    break
                await self._enter_and_send(run, step)
                if run.stop_reason:
                    break
                done += len(step.items)
                if not caller_left.is_set():
                    await caller.report_progress(done, total, f"{done} of {total} done")
            if run is not runs[-1]:  # what its last write did is known also where the next shop's is cut off
                await self.job_records.save(run.key, run.record)

    def _find_stop_reason(self, run: JobRun, caller_left: asyncio.Event) -> str:
        """Why no further write is begun; empty where one is."""
        if caller_left.is_set():
            return "the call was cancelled"
        if self.write_executor.writes_under_way.is_ending:
            return "the server is ending"
        if run.context.platform.time_remaining(run.context.deadline) < STEP_TIME_S:
            return "the time for one call was up"
        return ""

    async def _settle(self, runs: Sequence[JobRun]) -> None:
        for run in runs:
            await self.job_records.settle(run.key, run.record)

    async def _end(self, run: JobRun, *, is_cut: bool, is_held: bool) -> None:
        """Remember what is left, or what a job did that is over, where another like it must not do it again."""
        if is_cut:
            await self.job_records.stop(run.key, run.record)
        elif run.is_done and not run.is_relative:
            await self.job_records.forget(run.key)
        else:
            await self.job_records.finish(run.key, run.record, is_held=is_held)

    async def _enter_and_send(self, run: JobRun, step: Step) -> None:
        """Send one write; before it its items are entered as sent, and after it with what came of them."""
        records = self.job_records
        run.record.enter(step.items, SENT, records.clock())
        run.record.running_at = records.clock()
        await records.save(run.key, run.record)
        for outcome in await self._send_step(run, step):
            run.record.enter([outcome.item], outcome.state, records.clock())
            if outcome.state != "not yet":
                run.outcomes[outcome.item.key] = outcome

    async def _send_step(self, run: JobRun, step: Step) -> list[Outcome]:
        """What came of the items of one write."""
        try:
            step = run.job.complete_step(step, run.outcomes)
            write = self.planner.build_write(run, step)
            if step.undo_of:
                write = replace(write, known_state=None)
            repeat = {"repeat": True} if run.record.is_repeat and await self._is_done_before(write) else {}
            result = await self.write_executor.execute(write, repeat, run.context.caller)
        except ShopError as error:
            if error.kind in SHUT_KINDS:
                run.stop_reason = error.message
                return [Outcome(item, "not yet", error.message) for item in step.items]
            return find_step_failures(step, error)
        return find_step_outcomes(run.job, step, result)

    async def _is_done_before(self, write: Write) -> bool:
        """Whether an equal write was done: that alone is repeated, and none whose outcome is unknown."""
        earlier = await self.write_executor.write_outcomes.find(write.fingerprint)
        return earlier is not None and earlier.is_done
