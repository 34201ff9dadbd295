"""Runs a job: plans, previews all of it as one, asks once, sends step after step, and answers item by item.

What a job is, and how one is written, stands in `calls.jobs.job`. A call of a job goes this way:

1. `Job.plan` reads how things stand. What an earlier call of the same job did, or may have done, is taken out.
2. `Job.make_steps` makes the writes for the rest. Each is checked as if a model had called it.
3. The plan is previewed, with the warnings of all its writes. A yes is held to exactly what was shown: a plan that
   differs when the yes comes is refused, with what changed. What is left of a job that was agreed to, and cut, is not
   asked about again for ten minutes; one that came to its end is over, and another like it wants a yes of its own.
4. Step after step goes through `WriteExecutor`: write outcomes, idempotency keys and the audit log hold for each.
   Before each the items are entered as sent, so that one that was cut off is known to be unknown.
5. Where the time for one call is up, or the way to the platform is shut, it ends in words; where its caller is gone,
   with the write that is under way. The same call goes on (`calls.jobs.sender`).
6. `Job.finish` adds what is made of all, and each item is told with its outcome.

A call for several shops goes this way at each of them, with a plan and a record for each; what is shown, asked, sent
and told is all of it (`calls.jobs.several_shops`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.fingerprint import compute_fingerprint
from mcp_server_tiktok_shop.calls.jobs.answers import NOTHING_NOTE, build_answer
from mcp_server_tiktok_shop.calls.jobs.job_run import JobRun
from mcp_server_tiktok_shop.calls.jobs.planner import JobPlanner
from mcp_server_tiktok_shop.calls.jobs.sender import JobSender
from mcp_server_tiktok_shop.calls.jobs.several_shops import find_only_shop, join_keys, name_shops
from mcp_server_tiktok_shop.calls.pending_writes import StoredCall
from mcp_server_tiktok_shop.calls.preview_results import show_preview
from mcp_server_tiktok_shop.calls.undone_things import list_undone
from mcp_server_tiktok_shop.calls.write_requests import WriteRequest
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext, JobContexts
    from mcp_server_tiktok_shop.calls.jobs.job import Job
    from mcp_server_tiktok_shop.calls.jobs.preview import JobPreview
    from mcp_server_tiktok_shop.calls.jobs.records import JobRecords
    from mcp_server_tiktok_shop.calls.writes import WriteExecutor
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory

DRY_RUN_NOTE = "A dry run: nothing was sent."


class JobRunner(Struct, frozen=True):
    """The one way to every job; `jobs` by the name of their operation."""

    operations: OperationDirectory
    jobs: Mapping[str, Job]
    write_executor: WriteExecutor
    contexts: JobContexts
    job_records: JobRecords

    @property
    def planner(self) -> JobPlanner:
        return JobPlanner(self.operations, self.write_executor, self.job_records.clock)

    async def run(
        self, operation: Operation, values: Json, server_arguments: Json, caller: Caller, *, has_token_alone: bool
    ) -> Json:
        """The result of a job, or of a dry run of it.

        Raises:
            ShopError: Nothing could be planned, or nobody agreed. What fails of a job that was begun is told in it.
            ElicitationRequired, ConfirmationRequired: As `ConfirmationGate.ensure_confirmed`.

        """
        contexts = await self.contexts.make_each(server_arguments.get("shop"), caller)
        names = name_shops([context.target for context in contexts])
        runs = [
            await self._begin(operation, values, server_arguments, context, name)
            for context, name in zip(contexts, names, strict=True)
        ]
        await self.planner.plan(runs)
        has_steps = any(run.steps for run in runs)
        if server_arguments.get("dry_run"):
            preview = await self.planner.preview(runs)
            note = DRY_RUN_NOTE if has_steps else f"{NOTHING_NOTE} It was a dry run."
            return await show_preview(
                contexts[0].result_builder, preview, note, is_whole=False, shop=find_only_shop(runs)
            )
        note = ""
        warnings: tuple[str, ...] = ()
        if has_steps:
            note, warnings = await self._ensure_confirmed(runs, server_arguments, has_token_alone=has_token_alone)
        # Where nothing is left at a shop of a job that was cut, the job comes to its end there, with the others if any.
        open_runs = [run for run in runs if run.steps or run.is_unfinished]
        if open_runs:
            sender = JobSender(self.planner, self.write_executor, self.job_records)
            await sender.send(open_runs, is_part=any(run.error for run in runs))
        return await build_answer(runs, note, warnings, self.planner.plan_way_back(runs, is_done=True))

    async def _begin(
        self, operation: Operation, values: Json, server_arguments: Json, context: JobContext, shop_name: str
    ) -> JobRun:
        """The job at one shop, with what is remembered of it there.

        Raises:
            ShopError: As `JobRecords.ensure_idle`, where it is the only shop.

        """
        key = compute_fingerprint(operation, values, context.target)
        record = await self.job_records.load(key)
        known_record = replace(record, entries=dict(record.entries))
        audit_log = self.write_executor.undo_checker.audit_log
        record.mark_undone(await list_undone(audit_log, record.list_job_ids()), context.shop_id)
        if server_arguments.get("repeat"):
            record.start_anew(self.job_records.clock())
        else:
            record.start_next()
        run = JobRun(self.jobs[operation.name], operation, values, context, key, record, known_record)
        run.is_previewed, run.shop_name = bool(server_arguments.get("confirm")), shop_name
        if not server_arguments.get("dry_run"):
            try:
                self.job_records.ensure_idle(record, operation.name)
            except ShopError as error:
                if not shop_name:
                    raise
                run.busy_error = error
        return run

    async def _ensure_confirmed(
        self, runs: Sequence[JobRun], server_arguments: Json, *, has_token_alone: bool
    ) -> tuple[str, tuple[str, ...]]:
        """Go on only where somebody agreed to just this; the note on that, and the warnings that nobody was shown."""
        gate, first = self.write_executor.confirmation_gate, runs[0]
        now, user = gate.clock(), first.context.caller.user
        if all(run.record.is_agreed(run.open_items, now, gate.policy, user) for run in runs if run.steps):
            return "", ()
        shop_ids = [run.context.target.shop.id for run in runs if run.context.target.shop]
        more: Json = {"shop": ",".join(shop_ids)} if shop_ids else {}
        more |= {"repeat": True} if server_arguments.get("repeat") else {}
        call = StoredCall(first.operation.name, first.values | more, first.context.result_builder.buyer_data)
        is_first = True

        async def make_job_preview() -> JobPreview:
            nonlocal is_first
            if not is_first:  # a person may have read for as long as a call may take
                deadline = first.context.platform.new_deadline()
                for run in runs:
                    run.context = replace(run.context, deadline=deadline)
                await self.planner.plan(runs)
            is_first = False
            return await self.planner.preview(runs)

        request = WriteRequest(
            first.operation,
            join_keys(runs),
            make_job_preview,
            server_arguments.get("confirm"),
            first.context.caller,
            call=call,
            has_token_alone=has_token_alone,
        )
        try:
            note = await gate.ensure_confirmed(request)
        except ShopError:  # a no to all of it is one to what had a yes at some of the shops
            for run in runs:
                await self.job_records.withdraw(run.key, run.record)
            raise
        preview = await request.load_preview()
        if not gate.must_ask(preview):
            return note, preview.warnings
        for run in runs:
            run.record.mark_agreed(run.open_items, gate.clock(), gate.policy, user)
        return note, ()
