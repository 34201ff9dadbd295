"""One call of a job at one shop, under way: its plan, the writes that are left of it, and what came of each item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.calls.jobs.job import Outcome

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, OutcomeState, Plan, Step
    from mcp_server_tiktok_shop.calls.jobs.records import JobRecord
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.errors import ShopError


class JobRun(Struct):
    """One call of a job at one shop. `outcomes` are known already, of items done before and of those that are skipped.

    `known_record` is what was remembered when it was planned; the caller of one that `is_previewed` was shown its
    items. Where the call is for several shops, `shop_name` is what this one is called
    in a table, and `error` says why nothing can be done there; `busy_error` does where that is known beforehand.
    """

    job: Job
    operation: Operation
    values: Json
    context: JobContext
    key: str
    record: JobRecord
    known_record: JobRecord
    is_previewed: bool = False
    shop_name: str = ""
    busy_error: ShopError | None = None
    error: ShopError | None = None
    plan: Plan | None = None
    steps: tuple[Step, ...] = ()
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stop_reason: str = ""

    @property
    def label(self) -> str:
        """The shop's whole name."""
        return self.context.target.shop.label if self.context.target.shop else self.shop_name

    @property
    def items(self) -> tuple[JobItem, ...]:
        return self.plan.items if self.plan else ()

    @property
    def is_unfinished(self) -> bool:
        """Whether an earlier call began it, and none came to its end."""
        return self.error is None and bool(self.record.begun_at) and not self.record.is_over

    @property
    def open_items(self) -> list[JobItem]:
        return [item for step in self.steps for item in step.items]

    def get_state(self, item: JobItem) -> OutcomeState:
        return self.outcomes[item.key].state if item.key in self.outcomes else "not yet"

    @property
    def is_relative(self) -> bool:
        """Whether it would do something else if it were done once more."""
        return any(item.is_relative for item in self.items)

    @property
    def is_done(self) -> bool:
        return all(outcome.state in ("done", "skipped") for outcome in self.list_outcomes())

    def list_outcomes(self) -> list[Outcome]:
        return [self.outcomes.get(item.key) or Outcome(item, "not yet") for item in self.items]
