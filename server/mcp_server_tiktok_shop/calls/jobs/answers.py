"""Tells what came of a job, item by item: of each write first, and then of all in one answer."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.jobs.item_tables import ITEMS, lay_out_items
from mcp_server_tiktok_shop.calls.jobs.job import Outcome
from mcp_server_tiktok_shop.calls.jobs.records import EARLIER_REASON, REPEAT_ADVICE
from mcp_server_tiktok_shop.calls.ready_calls import UNDO_JOB, make_write_call
from mcp_server_tiktok_shop.catalog.looks import describe_delay
from mcp_server_tiktok_shop.errors import ShopError, contain_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mcp_server_tiktok_shop.calls.jobs.job import Job, OutcomeState, Step
    from mcp_server_tiktok_shop.calls.jobs.job_run import JobRun
    from mcp_server_tiktok_shop.calls.way_back import WayBack
    from mcp_server_tiktok_shop.catalog.operation import Json

STATES: tuple[OutcomeState, ...] = ("unknown", "failed", "not yet", "done", "skipped")  # as they stand in an answer
MAX_LISTED_AS_AGREED = 5
GO_ON_NOTE = "Call {name} again with the same arguments: it does what is left, and nothing twice."
FAILED_AGAIN_NOTE = "Called again with the same arguments, {name} previews those that failed, and does nothing twice."
UNKNOWN_NOTE = "Of {count} nobody knows whether they were done: they are not sent again for ten minutes. Look first."
FAILED_NOTE = "{count} failed: reason tells why."
EARLIER_NOTE = (
    "{count} were done by the same call before, which is remembered for a day, and not again; repeat: true starts anew."
)
NOTHING_NOTE = "Nothing was sent: there is nothing to do."
UNMATCHED_REASON = "the platform names a failure, and not what of"

log = logging.getLogger(__name__)


def find_step_outcomes(job: Job, step: Step, result: Json) -> list[Outcome]:
    """What came of each item of a write that was answered: what the platform names as failed is not done."""
    failures = result.get("failed", [])
    state = result.get("now", [])
    outcomes = _match_failures(step, failures)
    return [outcomes.get(item.key) or Outcome(item, "done", now=job.find_now(item, state)) for item in step.items]


def find_step_failures(step: Step, error: ShopError) -> list[Outcome]:
    """What came of each item of a write that failed as a whole."""
    outcomes = _match_failures(step, error.details.get("failed", []))
    state: OutcomeState = "unknown" if error.kind == "unknown_outcome" else "failed"
    reason = " ".join(filter(None, (error.message, error.hint)))
    return [outcomes.get(item.key) or Outcome(item, state, reason) for item in step.items]


def _match_failures(step: Step, failures: Sequence[Json]) -> dict[str, Outcome]:
    """The outcomes of the items that failures name; of all the rest, where one names none of them, nobody knows."""
    outcomes: dict[str, Outcome] = {}
    is_unmatched = False
    for failure in failures:
        state: OutcomeState = "unknown" if "outcome" in failure else "failed"
        reason = " ".join(filter(None, (failure.get("message"), failure.get("hint"))))
        named = [item for item in step.items if failure.get("id") in {item.id, *_iter_texts(item.parameters)}]
        is_unmatched = is_unmatched or not named
        outcomes |= {
            item.key: Outcome(item, state, reason) for item in named or step.items[:1] * (len(step.items) == 1)
        }
    if is_unmatched:
        rest = [item for item in step.items if item.key not in outcomes]
        outcomes |= {item.key: Outcome(item, "unknown", UNMATCHED_REASON) for item in rest}
    return outcomes


def _iter_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _iter_texts(inner)


async def build_answer(run: JobRun, note: str, warnings: Iterable[str], way_back: WayBack | None) -> Json:
    """The result of a job: how many of each outcome, and every item with its own, what needs a look first.

    `way_back` is that of the writes that were done, which the answer gives as a call. Many that were done just as a
    preview showed them are counted alone.
    """
    outcomes = run.list_outcomes()
    counts = Counter(outcome.state for outcome in outcomes)
    extras = await _finish(run, outcomes)
    item_values: dict[str, Json] = extras.pop("item_values", {})
    finish_note, is_settled = extras.pop("note", ""), extras.pop("is_settled", False)
    untrusted = [*extras.pop("untrusted", []), *(["warnings"] if warnings else []), ITEMS]
    data: Json = {state.replace(" ", "_"): counts[state] for state in STATES if counts[state]} | extras
    data |= await _make_undo(run, way_back)
    data |= {"warnings": list(warnings)} if warnings else {}
    ordered = sorted(outcomes, key=lambda outcome: STATES.index(outcome.state))
    others = [o for o in ordered if not o.is_as_agreed or o.item.key in item_values]
    if run.is_previewed and len(ordered) - len(others) > MAX_LISTED_AS_AGREED:
        data["done_as_agreed"], ordered = len(ordered) - len(others), others
    data[ITEMS] = [o.to_json(is_brief=run.is_previewed) | item_values.get(o.item.key, {}) for o in ordered]
    data["untrusted"] = untrusted
    data = run.context.result_builder.redact_local_data(run.operation, data)
    items: list[Json] = data.pop(ITEMS)
    data["untrusted"] = [p for p in data["untrusted"] if not p.startswith(f"{ITEMS}.") and (p != ITEMS or items)]
    data |= lay_out_items(items)
    writes = dict.fromkeys(step.operation for step in run.steps if counts["done"] and not is_settled)
    delays = [describe_delay(run.context.operations.get(name)) for name in writes]
    notes = [note, *_describe(run, counts), finish_note, *(f"{each}: that takes a moment." for each in delays if each)]
    result = await run.context.result_builder.to_local_result(
        data, " ".join(filter(None, notes)), run.context.target.shop
    )
    is_unfinished = any(counts[state] for state in ("unknown", "failed", "not yet"))
    return result | ({"status": "unfinished"} if is_unfinished else {})


async def _make_undo(run: JobRun, way_back: WayBack | None) -> Json:
    """The call that takes back what was done, where there is one; what takes back another job has none of its own."""
    operations = run.context.operations
    if way_back is None or not way_back.steps or any(step.undo_of for step in run.steps):
        return {}
    if not operations.are_available([UNDO_JOB, *dict.fromkeys(step["tool"] for step in way_back.steps)]):
        return {}
    shop = run.context.target.shop
    has_several = len(await run.context.platform.shops.list_targets()) > 1
    arguments = {"id": run.record.job_id} | ({"shop": shop.id} if shop and has_several else {})
    return {"undo": make_write_call(operations, UNDO_JOB, arguments)}


async def _finish(run: JobRun, outcomes: Sequence[Outcome]) -> Json:
    """What the job makes when all writes are done; they are told even where that fails."""
    note = "What belongs to it could not be made; the server's log says why."
    with contain_faults(log, "what %s makes of all can't be made", run.operation.name):
        try:
            return await run.job.finish(outcomes, run.context)
        except ShopError as error:
            note = " ".join(filter(None, (error.message, error.hint)))
    return {"note": note}


def _describe(run: JobRun, counts: Counter[OutcomeState]) -> Iterator[str]:
    if not run.steps and not counts["unknown"]:
        yield NOTHING_NOTE
        yield run.plan.explanation if run.plan else ""
    if run.stop_reason:
        yield f"It ended before all was done: {run.stop_reason}."
    if counts["failed"]:
        yield FAILED_NOTE.format(count=counts["failed"])
    if counts["unknown"]:
        yield UNKNOWN_NOTE.format(count=counts["unknown"])
    earlier = [o for o in run.outcomes.values() if o.reason == EARLIER_REASON or o.reason.endswith(REPEAT_ADVICE)]
    if count := sum(outcome.item.is_relative for outcome in earlier):
        yield EARLIER_NOTE.format(count=count)
    if run.stop_reason and (counts["not yet"] or counts["failed"]):
        yield GO_ON_NOTE.format(name=run.operation.name)
    elif counts["failed"]:
        yield FAILED_AGAIN_NOTE.format(name=run.operation.name)
