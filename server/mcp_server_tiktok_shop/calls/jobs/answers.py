"""Tells what came of a job, item by item: of each write first, and then of all in one answer."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.jobs.item_tables import ITEMS, REASONS, lay_out_items
from mcp_server_tiktok_shop.calls.jobs.job import Outcome, ShopOutcomes
from mcp_server_tiktok_shop.calls.jobs.records import EARLIER_REASON, REPEAT_ADVICE
from mcp_server_tiktok_shop.calls.jobs.several_shops import (
    describe_each,
    describe_errors,
    find_only_shop,
    join_explanations,
    join_texts,
)
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
STOP_NOTE = "It ended before all was done: {reason}."
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


async def build_answer(runs: Sequence[JobRun], note: str, warnings: Iterable[str], way_back: WayBack | None) -> Json:
    """The result of a job: how many of each outcome, and every item with its own, what needs a look first.

    `way_back` is that of the writes that were done, which the answer gives as a call. Many that were done just as a
    preview showed them are counted alone.
    """
    first, outcomes = runs[0], [outcome for run in runs for outcome in run.list_outcomes()]
    counts = Counter(outcome.state for outcome in outcomes)
    extras = await _finish(runs)
    item_values: dict[str, Json] = extras.pop("item_values", {})
    left_out = describe_errors(runs)  # the note tells it
    warnings = [warning for warning in warnings if warning not in left_out]
    finish_note, is_settled = extras.pop("note", ""), extras.pop("is_settled", False)
    untrusted = [*extras.pop("untrusted", []), *(["warnings"] if warnings else []), ITEMS]
    data: Json = {state.replace(" ", "_"): counts[state] for state in STATES if counts[state]}
    data |= _describe_shops(runs) | extras
    data |= await _make_undo(runs, way_back)
    data |= {"warnings": list(warnings)} if warnings else {}
    ordered = sorted(outcomes, key=lambda outcome: STATES.index(outcome.state))
    others = [o for o in ordered if not o.is_as_agreed or o.item.key in item_values]
    if first.is_previewed and len(ordered) - len(others) > MAX_LISTED_AS_AGREED:
        data["done_as_agreed"], ordered = len(ordered) - len(others), others
    data[ITEMS] = [o.to_json(is_brief=first.is_previewed) | item_values.get(o.item.key, {}) for o in ordered]
    data["untrusted"] = untrusted
    data = first.context.result_builder.redact_local_data(first.operation, data)
    items: list[Json] = data.pop(ITEMS)
    data["untrusted"] = [p for p in data["untrusted"] if not p.startswith(f"{ITEMS}.") and (p != ITEMS or items)]
    data |= lay_out_items(items)
    data["untrusted"] += [REASONS] * (REASONS in data)
    steps = [step for run in runs for step in run.steps]
    writes = dict.fromkeys(step.operation for step in steps if counts["done"] and not is_settled)
    delays = [describe_delay(first.context.operations.get(name)) for name in writes]
    notes = [note, *_describe(runs, counts), finish_note, *(f"{each}: that takes a moment." for each in delays if each)]
    result = await first.context.result_builder.to_local_result(
        data, " ".join(filter(None, notes)), find_only_shop(runs)
    )
    is_unfinished = any(counts[state] for state in ("unknown", "failed", "not yet")) or any(run.error for run in runs)
    return result | ({"status": "unfinished"} if is_unfinished else {})


def _describe_shops(runs: Sequence[JobRun]) -> Json:
    """How much of each outcome there is at each of several shops."""
    if len(runs) == 1:
        return {}
    counts: dict[str, dict[str, int]] = {}
    for run in runs:
        outcomes = [outcome for outcome in run.list_outcomes() if not outcome.item.is_missing]
        states = Counter(outcome.state.replace(" ", "_") for outcome in outcomes)
        counts[run.shop_name] = {**states}
    return {"shops": describe_each(runs, counts)}


async def _make_undo(runs: Sequence[JobRun], way_back: WayBack | None) -> Json:
    """The call that takes back what was done, where there is one; what takes back another job has none of its own.

    Where a shop's part of it was begun by another call, the parts are taken back by a call each. Of a shop where
    nothing could be planned, the record may be that of another assistant's call, which is under way.
    """
    operations = runs[0].context.operations
    if way_back is None or not way_back.steps or any(step.undo_of for run in runs for step in run.steps):
        return {}
    if not operations.are_available([UNDO_JOB, *dict.fromkeys(step["tool"] for step in way_back.steps)]):
        return {}
    has_several = len(await runs[0].context.platform.shops.list_targets()) > 1
    shop_ids: dict[str, list[str]] = {}
    for run in [run for run in runs if run.record.job_id and run.error is None]:
        shop = run.context.target.shop
        shop_ids.setdefault(run.record.job_id, []).extend([shop.id] if shop else [])
    calls = [
        make_write_call(operations, UNDO_JOB, {"id": job_id} | ({"shop": ",".join(ids)} if ids and has_several else {}))
        for job_id, ids in shop_ids.items()
    ]
    return {"undo": calls[0] if len(calls) == 1 else calls} if calls else {}


async def _finish(runs: Sequence[JobRun]) -> Json:
    """What the job makes when all writes are done; they are told even where that fails."""
    first = runs[0]
    note = "What belongs to it could not be made; the server's log says why."
    with contain_faults(log, "what %s makes of all can't be made", first.operation.name):
        try:
            return await first.job.finish([ShopOutcomes(run.list_outcomes(), run.context) for run in runs])
        except ShopError as error:
            note = " ".join(filter(None, (error.message, error.hint)))
    return {"note": note}


def _describe(runs: Sequence[JobRun], counts: Counter[OutcomeState]) -> Iterator[str]:
    first = runs[0]
    yield from describe_errors(runs)
    if not any(run.steps for run in runs) and not counts["unknown"]:
        yield NOTHING_NOTE
        yield join_explanations(runs)
    ends = {
        run.shop_name: [STOP_NOTE.format(reason=run.stop_reason.rstrip("."))] * bool(run.stop_reason) for run in runs
    }
    yield from (ends[""] if len(runs) == 1 else join_texts(ends))
    if counts["failed"]:
        yield FAILED_NOTE.format(count=counts["failed"])
    if counts["unknown"]:
        yield UNKNOWN_NOTE.format(count=counts["unknown"])
    known = [outcome for run in runs for outcome in run.outcomes.values()]
    earlier = [o for o in known if o.reason == EARLIER_REASON or o.reason.endswith(REPEAT_ADVICE)]
    if count := sum(outcome.item.is_relative for outcome in earlier):
        yield EARLIER_NOTE.format(count=count)
    if any(ends.values()) and (counts["not yet"] or counts["failed"]):
        yield GO_ON_NOTE.format(name=first.operation.name)
    elif counts["failed"]:
        yield FAILED_AGAIN_NOTE.format(name=first.operation.name)
