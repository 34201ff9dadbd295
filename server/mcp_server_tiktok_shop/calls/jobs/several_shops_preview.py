"""Previews a job at several shops as one: each item with its shop, each sentence with the shops that it is said of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.jobs.preview import (
    MAX_QUESTION_WARNINGS,
    JobPreview,
    join_ways_back,
    make_plan_state,
)
from mcp_server_tiktok_shop.calls.jobs.several_shops import (
    describe_each,
    describe_errors,
    join_explanations,
    join_texts,
)
from mcp_server_tiktok_shop.calls.preview import MAX_SHOP_CHARS
from mcp_server_tiktok_shop.calls.value_texts import quote, to_single_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.calls.jobs.job_run import JobRun
    from mcp_server_tiktok_shop.catalog.operation import Json


class SeveralShopsPreview(JobPreview, frozen=True):
    """The previews of a job at several shops as one: `shops` tell how much is to be done at each, `place` in words."""

    shops: tuple[Json, ...] = ()
    place: str = ""

    def describe_shop(self) -> Json:
        return {"shops": list(self.shops)}

    def describe_place(self) -> str:
        return self.place


def join_previews(runs: Sequence[JobRun], previews: Sequence[JobPreview]) -> SeveralShopsPreview:
    """One preview of all; a yes to it is held to all of it, and to which shops could not be planned, and why."""
    first = previews[0]
    items = tuple(item for preview in previews for item in preview.items)
    steps = tuple(step for preview in previews for step in preview.steps)
    named = [(run.shop_name, preview) for run, preview in zip(runs, previews, strict=True) if run.error is None]
    warnings = describe_errors(runs)
    warnings += join_texts({name: p.warnings for name, p in named}, MAX_QUESTION_WARNINGS - len(warnings))
    ways = [preview.way_back for preview in previews if preview.way_back]
    left_out = ", ".join(sorted(f"{run.shop_name} ({run.error.kind})" for run in runs if run.error))
    # A yes holds for these shops in whichever order they are named.
    pairs = sorted(zip(runs, previews, strict=True), key=lambda pair: pair[0].key)
    held_steps = [step for _, preview in pairs for step in preview.steps]
    held_items = sorted(items, key=lambda item: (item.shop, item.key))
    counts = {run.shop_name: {"to_do": len(run.open_items), "skipped": _count_skipped(run)} for run in runs}
    return SeveralShopsPreview(
        first.operation,
        None,
        first.values,
        None,
        make_plan_state(first.operation, held_items, held_steps, left_out),
        warnings=tuple(warnings),
        way_back=join_ways_back(ways) if ways else None,
        items=items,
        steps=steps,
        explanation=join_explanations(runs),
        shops=tuple(describe_each(runs, counts)),
        place=f"at {'; '.join(map(_describe_place, runs))}",
    )


def _count_skipped(run: JobRun) -> int:
    """How many things of this shop nothing is done with; what is in none of them is not its own."""
    return sum(bool(item.skip_reason) and not item.is_missing for item in run.items)


def _describe_place(run: JobRun) -> str:
    """A shop, and for how many things of it somebody is asked."""
    shop = run.context.target.shop
    market = ", ".join(filter(None, (to_single_line(shop.region), shop.currency))) if shop else ""
    number = "not now" if run.error else str(len(run.open_items) or "nothing")
    return f"{quote(run.label, MAX_SHOP_CHARS)} ({market}): {number}"
