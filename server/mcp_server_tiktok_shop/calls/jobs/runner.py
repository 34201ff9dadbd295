"""Runs a job: plans, previews all of it as one, asks once, sends step after step, and answers item by item.

What a job is, and how one is written, stands in `calls.jobs.job`. A call of a job goes this way:

1. `Job.plan` reads how things stand. What an earlier call of the same job did, or may have done, is taken out.
2. `Job.make_steps` makes the writes for the rest. Each is checked as if a model had called it.
3. The plan is previewed, with the warnings of all its writes. A yes is held to exactly what was shown: a plan that
   differs when the yes comes is refused, with what changed. What is left of a job that was agreed to, and cut, is not
   asked about again for ten minutes; one that came to its end is over, and another like it wants a yes of its own.
4. Step after step goes through `WriteExecutor`: write outcomes, idempotency keys and the audit log hold for each.
   Before each the items are entered as sent, so that one that was cut off is known to be unknown.
5. Where the time for one call is up, or the way to the platform is shut, it ends in words; the same call goes on.
6. `Job.finish` adds what is made of all, and each item is told with its outcome.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.current_state import CurrentState
from mcp_server_tiktok_shop.calls.fingerprint import compute_fingerprint
from mcp_server_tiktok_shop.calls.jobs.answers import NOTHING_NOTE, build_answer, find_step_failures, find_step_outcomes
from mcp_server_tiktok_shop.calls.jobs.job import Outcome
from mcp_server_tiktok_shop.calls.jobs.job_run import JobRun
from mcp_server_tiktok_shop.calls.jobs.known_state import select_state
from mcp_server_tiktok_shop.calls.jobs.preview import JobPreview, join_ways_back, make_plan_state
from mcp_server_tiktok_shop.calls.jobs.records import SENT
from mcp_server_tiktok_shop.calls.pending_writes import StoredCall
from mcp_server_tiktok_shop.calls.plan_warnings import warn_of_no_way_back
from mcp_server_tiktok_shop.calls.preview_results import show_preview
from mcp_server_tiktok_shop.calls.way_back import plan_way_back
from mcp_server_tiktok_shop.calls.write import Write
from mcp_server_tiktok_shop.calls.write_requests import WriteRequest
from mcp_server_tiktok_shop.catalog.amounts import validate_amounts
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.jobs.context import JobContexts
    from mcp_server_tiktok_shop.calls.jobs.job import Job, Step
    from mcp_server_tiktok_shop.calls.jobs.records import JobRecords
    from mcp_server_tiktok_shop.calls.way_back import WayBack
    from mcp_server_tiktok_shop.calls.writes import WriteExecutor
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory

MAX_ITEMS = 1_000  # that one job is about
STEP_TIME_S = 8.0  # seconds before the deadline in which no further write is begun
DRY_RUN_NOTE = "A dry run: nothing was sent."
# What shuts the way to the platform for every write, and surely kept this one from being done.
SHUT_KINDS = frozenset({"signed_out", "network", "rate_limited", "not_configured", "not_permitted"})


class JobRunner(Struct, frozen=True):
    """The one way to every job; `jobs` by the name of their operation."""

    operations: OperationDirectory
    jobs: Mapping[str, Job]
    write_executor: WriteExecutor
    contexts: JobContexts
    job_records: JobRecords

    async def run(
        self, operation: Operation, values: Json, server_arguments: Json, caller: Caller, *, has_token_alone: bool
    ) -> Json:
        """The result of a job, or of a dry run of it.

        Raises:
            ShopError: Nothing could be planned, or nobody agreed. What fails of a job that was begun is told in it.
            ElicitationRequired, ConfirmationRequired: As `ConfirmationGate.ensure_confirmed`.

        """
        context = await self.contexts.make(server_arguments.get("shop"), caller)
        target = context.target
        key = compute_fingerprint(operation, values, target)
        record, is_repeat = await self.job_records.load(key), bool(server_arguments.get("repeat"))
        known_record = replace(record, entries=dict(record.entries))
        if is_repeat:
            record.start_anew()
        else:
            record.start_next()
        run = JobRun(self.jobs[operation.name], operation, values, context, key, record, known_record, is_repeat)
        run.is_previewed = bool(server_arguments.get("confirm"))
        if not server_arguments.get("dry_run"):
            self.job_records.ensure_idle(record, operation.name)
        await self._make_plan(run)
        if server_arguments.get("dry_run"):
            preview = await self._preview(run)
            note = DRY_RUN_NOTE if run.steps else f"{NOTHING_NOTE} It was a dry run."
            return await show_preview(context.result_builder, preview, note, is_whole=False, shop=target.shop)
        note = ""
        warnings: tuple[str, ...] = ()
        if run.steps:
            note, warnings = await self._ensure_confirmed(run, server_arguments, has_token_alone=has_token_alone)
            await self._send(run)
        done_steps = [s for s in run.steps if any(run.get_state(item) == "done" for item in s.items)]
        return await build_answer(run, note, warnings, self._plan_way_back(run, done_steps))

    async def _make_plan(self, run: JobRun) -> None:
        """Plan by how things stand now, and make the writes for what is left of it."""
        plan = await run.job.plan(run.values, run.context)
        if len(plan.items) > MAX_ITEMS:
            message = f"{run.operation.name} would be about {len(plan.items):,} things: at most {MAX_ITEMS:,} at once."
            raise ShopError("batch_limit", message, hint="Nothing was sent. Name a part of them.")
        now = self.job_records.clock()
        items, zone = [], run.context.zone
        run.outcomes = {}
        for item in plan.items:
            outcome = run.record.find_outcome(item, now, zone)
            items.append(item if outcome is None else run.record.mark_known(item, outcome, zone))
            if outcome is None and item.skip_reason:
                outcome = Outcome(item, "skipped", item.skip_reason)
            if outcome is not None:
                run.outcomes[item.key] = outcome
        run.plan = replace(plan, items=tuple(items))
        run.steps = tuple(run.job.make_steps([item for item in plan.items if item.key not in run.outcomes]))
        for step in run.steps:
            self._build_write(run, step)

    def _build_write(self, run: JobRun, step: Step) -> Write:
        """The write of a step, checked as one that a model calls.

        Raises:
            ShopError: `not_permitted`, or what is wrong with its arguments.

        """
        operation, target = self.operations.get(step.operation), run.context.target
        self.operations.policy.ensure_allowed(operation)
        values, problems = coerce_arguments(operation, step.arguments)
        validate(operation, values, problems)
        validate_amounts(operation, values, target.shop.currency if target.shop else "")
        state = select_state(operation, values, run.plan.state) if run.plan else None
        call = StoredCall(operation.name, step.arguments, self.write_executor.result_builder.buyer_data)
        return Write(
            operation,
            values,
            target,
            run.context.zone,
            {},
            call,
            undo_of=step.undo_of,
            is_confirmed=True,
            known_state=state,
            job_id=run.record.job_id,
            job_name=run.operation.name,
        )

    async def _preview(self, run: JobRun) -> JobPreview:
        shown_values = run.context.result_builder.redact_arguments(run.operation, run.values)
        items = run.plan.items if run.plan else ()
        return JobPreview(
            run.operation,
            run.context.target,
            shown_values,
            None,
            make_plan_state(run.operation, items, run.steps),
            warnings=tuple(await self._find_warnings(run)),
            way_back=self._plan_way_back(run, run.steps),
            items=items,
            steps=run.steps,
            explanation=run.plan.explanation if run.plan else "",
        )

    def _plan_way_back(self, run: JobRun, steps: Iterable[Step]) -> WayBack | None:
        """How the writes of these steps are taken back, as one; None where there are none."""
        ways = [way_back for _, way_back in self._plan_ways_back(run, steps)]
        return join_ways_back(ways) if ways else None

    def _plan_ways_back(self, run: JobRun, steps: Iterable[Step]) -> list[tuple[Write, WayBack]]:
        """The write of each step, and how it is taken back."""
        writes = [self._build_write(run, step) for step in steps]
        return [(w, plan_way_back(self.operations, w.operation, w.values, w.known_state)) for w in writes]

    async def _find_warnings(self, run: JobRun) -> list[str]:
        """The job's own warnings, and those of its writes: all of one kind are looked at as one."""
        plan, context = run.plan, run.context
        if plan is None:
            return []
        warnings = list(plan.warnings)
        for write, way_back in self._plan_ways_back(run, run.steps):
            warnings += warn_of_no_way_back(write.operation, way_back)
        # What is skipped is no matter of a warning; what stands behind an item, as an order behind a parcel, is.
        known_states = [self._build_write(run, step).known_state for step in run.steps]
        keys = {item.key for state in known_states if state for item in state.items}
        if not all(known_states):
            nouns = {item.noun for item in plan.items}
            keys |= {(item.noun, item.id) for item in run.open_items}
            keys |= {item.key for item in plan.state.items if item.noun not in nouns}
        items = tuple(item for item in plan.state.items if item.key in keys)
        for name in dict.fromkeys(step.operation for step in run.steps):
            operation = self.operations.get(name)
            values: Json = {}
            for step in run.steps:
                for argument, value in step.arguments.items() if step.operation == name else ():
                    values[argument] = [*values.get(argument, ()), *value] if isinstance(value, list) else value
            around = await context.current_state_reader.read_surroundings(operation, context.target)
            state = CurrentState(items, around)
            warnings += await self.write_executor.warning_finder.find(
                operation, values, state, context.target, context.zone
            )
        return list(dict.fromkeys(warnings))

    async def _ensure_confirmed(
        self, run: JobRun, server_arguments: Json, *, has_token_alone: bool
    ) -> tuple[str, tuple[str, ...]]:
        """Go on only where somebody agreed to just this; the note on that, and the warnings that nobody was shown."""
        gate, context = self.write_executor.confirmation_gate, run.context
        if run.record.is_agreed(run.open_items, gate.clock(), gate.policy):
            return "", ()
        more: Json = {"shop": context.target.shop.id} if context.target.shop else {}
        more |= {"repeat": True} if run.is_repeat else {}
        call = StoredCall(run.operation.name, run.values | more, context.result_builder.buyer_data)
        is_first = True

        async def make_job_preview() -> JobPreview:
            nonlocal is_first
            if not is_first:  # a person may have read for as long as a call may take
                run.context = replace(run.context, deadline=run.context.platform.new_deadline())
                await self._make_plan(run)
            is_first = False
            return await self._preview(run)

        request = WriteRequest(
            run.operation,
            run.key,
            make_job_preview,
            server_arguments.get("confirm"),
            context.caller,
            call=call,
            has_token_alone=has_token_alone,
        )
        note = await gate.ensure_confirmed(request)
        preview = await request.load_preview()
        if not gate.must_ask(preview):
            return note, preview.warnings
        run.record.mark_agreed(run.open_items, gate.clock(), gate.policy)
        return note, ()

    async def _send(self, run: JobRun) -> None:
        """Send step after step, as far as the time of one call goes."""
        context, caller, records = run.context, run.context.caller, self.job_records
        await records.start(run.key, run.record, run.known_record, run.operation.name)
        total, done, is_cut = len(run.open_items), 0, True
        try:
            for step in run.steps:
                if context.platform.time_remaining(context.deadline) < STEP_TIME_S:
                    run.stop_reason = "the time for one call was up"
                    break
                run.record.enter(step.items, SENT, records.clock())
                run.record.running_at = records.clock()
                await records.save(run.key, run.record)
                outcomes = await self._send_step(run, step)
                for outcome in outcomes:
                    run.record.enter([outcome.item], outcome.state, records.clock())
                    if outcome.state != "not yet":
                        run.outcomes[outcome.item.key] = outcome
                if run.stop_reason:
                    break
                done += len(step.items)
                await caller.report_progress(done, total, f"{done} of {total} done")
            is_cut = bool(run.stop_reason)
        finally:
            is_held = not is_cut and run.is_done and run.is_relative
            await asyncio.shield(self._end(run, is_cut=is_cut, is_held=is_held))
        if is_held:
            await caller.run_after_delivery(partial(records.settle, run.key, run.record))

    async def _end(self, run: JobRun, *, is_cut: bool, is_held: bool) -> None:
        """Remember what is left, or what a job did that is over, where another like it must not do it again."""
        if is_cut:
            await self.job_records.stop(run.key, run.record)
        elif run.is_done and not run.is_relative:
            await self.job_records.forget(run.key)
        else:
            await self.job_records.finish(run.key, run.record, is_held=is_held)

    async def _send_step(self, run: JobRun, step: Step) -> list[Outcome]:
        """What came of the items of one write."""
        try:
            step = run.job.complete_step(step, run.outcomes)
            write = self._build_write(run, step)
            if step.undo_of:
                write = replace(write, known_state=None)
            repeat = {"repeat": True} if run.is_repeat and await self._is_done_before(write) else {}
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
