"""Plans a job at each shop that it is for, and makes one preview of all: items, writes, warnings and ways back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.current_state import CurrentState
from mcp_server_tiktok_shop.calls.jobs.context import STEPS_TIME_S
from mcp_server_tiktok_shop.calls.jobs.job import Outcome
from mcp_server_tiktok_shop.calls.jobs.known_state import select_state
from mcp_server_tiktok_shop.calls.jobs.preview import JobPreview, join_ways_back, make_plan_state
from mcp_server_tiktok_shop.calls.jobs.several_shops import ensure_one_currency, join_explanations, join_plans
from mcp_server_tiktok_shop.calls.jobs.several_shops_preview import join_previews
from mcp_server_tiktok_shop.calls.pending_writes import StoredCall
from mcp_server_tiktok_shop.calls.plan_warnings import warn_of_no_way_back
from mcp_server_tiktok_shop.calls.way_back import plan_way_back
from mcp_server_tiktok_shop.calls.write import Write
from mcp_server_tiktok_shop.catalog.amounts import validate_amounts
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mcp_server_tiktok_shop.calls.jobs.job import Step
    from mcp_server_tiktok_shop.calls.jobs.job_run import JobRun
    from mcp_server_tiktok_shop.calls.way_back import WayBack
    from mcp_server_tiktok_shop.calls.writes import WriteExecutor
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory

MAX_ITEMS = 1_000  # that one job is about
MIN_PLAN_PART = 0.5  # of the time of a call, also where that is short
SLOW_MESSAGE = "It could not be read in the time that leaves some for the writes at the other shops."


class JobPlanner(Struct, frozen=True):
    """Makes plans and their writes, and tells of them; `clock` gives Unix seconds."""

    operations: OperationDirectory
    write_executor: WriteExecutor
    clock: Callable[[], float]

    async def plan(self, runs: Sequence[JobRun]) -> None:
        """Plan by how things stand now, and make the writes for what is left of it.

        Of several shops one that can't be planned, or not in time, has an `error`, and the others go on.

        Raises:
            ShopError: Nothing can be planned, or what is given can't be meant at one of the shops.

        """
        if len(runs) == 1:
            await self._make_plan(runs[0])
        else:
            await asyncio.gather(*map(self._try_plan, runs))
            ensure_one_currency(runs)
            join_plans(runs)
        count = sum(len(run.items) for run in runs)
        if count > MAX_ITEMS:
            message = f"{runs[0].operation.name} would be about {count:,} things: at most {MAX_ITEMS:,} at once."
            raise ShopError("batch_limit", message, hint="Nothing was sent. Name a part of them.")

    async def _try_plan(self, run: JobRun) -> None:
        run.plan, run.steps, run.outcomes, run.error = None, (), {}, run.busy_error
        if run.error is not None:
            return
        remaining_s = run.context.platform.time_remaining(run.context.deadline)
        try:
            async with asyncio.timeout(max(remaining_s - STEPS_TIME_S, remaining_s * MIN_PLAN_PART)):
                await self._make_plan(run)
        except ShopError as error:
            run.plan, run.steps, run.error = None, (), error
        except TimeoutError:
            slow_error = ShopError("network", SLOW_MESSAGE, hint="Try again in a moment.", retryable=True)
            run.plan, run.steps, run.error = None, (), slow_error

    async def _make_plan(self, run: JobRun) -> None:
        plan = await run.job.plan(run.values, run.context)
        now = self.clock()
        items, zone = [], run.context.zone
        run.outcomes = {}
        for made in plan.items:
            item = replace(made, shop=run.shop_name) if run.shop_name else made
            outcome = run.record.find_outcome(item, now, zone)
            items.append(item if outcome is None else run.record.mark_known(item, outcome, zone))
            if outcome is None and item.skip_reason:
                outcome = Outcome(item, "skipped", item.skip_reason)
            if outcome is not None:
                run.outcomes[item.key] = outcome
        run.plan = replace(plan, items=tuple(items))
        run.steps = tuple(run.job.make_steps([item for item in items if item.key not in run.outcomes]))
        for step in run.steps:
            self.build_write(run, step)

    def build_write(self, run: JobRun, step: Step) -> Write:
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

    async def preview(self, runs: Sequence[JobRun]) -> JobPreview:
        """All of it as one: of several shops with the shop of each item."""
        previews = await asyncio.gather(*map(self._preview_shop, runs))
        return previews[0] if len(runs) == 1 else join_previews(runs, previews)

    async def _preview_shop(self, run: JobRun) -> JobPreview:
        shown_values = run.context.result_builder.redact_arguments(run.operation, run.values)
        return JobPreview(
            run.operation,
            run.context.target,
            shown_values,
            None,
            make_plan_state(run.operation, run.items, run.steps),
            warnings=tuple(await self._find_warnings(run)),
            way_back=self.plan_way_back([run]),
            items=run.items,
            steps=run.steps,
            explanation=join_explanations([run]),
        )

    def plan_way_back(self, runs: Iterable[JobRun], *, is_done: bool = False) -> WayBack | None:
        """How the writes are taken back, as one, or those of which something `is_done`; None where there are none."""
        ways = [way_back for run in runs for _, way_back in self._plan_ways_back(run, is_done=is_done)]
        return join_ways_back(ways) if ways else None

    def _plan_ways_back(self, run: JobRun, *, is_done: bool = False) -> list[tuple[Write, WayBack]]:
        """The write of each step, and how it is taken back."""
        steps = [s for s in run.steps if not is_done or any(run.get_state(item) == "done" for item in s.items)]
        writes = [self.build_write(run, step) for step in steps]
        return [(w, plan_way_back(self.operations, w.operation, w.values, w.known_state)) for w in writes]

    async def _find_warnings(self, run: JobRun) -> list[str]:
        """The job's own warnings, and those of its writes: all of one kind are looked at as one."""
        plan, context = run.plan, run.context
        if plan is None:
            return []
        warnings = list(plan.warnings)
        for write, way_back in self._plan_ways_back(run):
            warnings += warn_of_no_way_back(write.operation, way_back)
        # What is skipped is no matter of a warning; what stands behind an item, as an order behind a parcel, is.
        known_states = [self.build_write(run, step).known_state for step in run.steps]
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
