"""Joins what a job is at several shops: whose each id is, what holds at which of them, and what can't be done there."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.jobs.job import Outcome
from mcp_server_tiktok_shop.catalog.amounts import find_amounts
from mcp_server_tiktok_shop.errors import GIVEN_KINDS, Problem, ShopError
from mcp_server_tiktok_shop.platform.shop_choice import have_one_currency, name_briefly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_server_tiktok_shop.calls.jobs.job import JobItem
    from mcp_server_tiktok_shop.calls.jobs.job_run import JobRun
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.accounts import Shop

MISSING_REASON = "none of these shops has it"
UNREAD_MISSING_REASON = "none of the shops that could be read has it: {shops} could not"
MAX_NAMES = 10  # that one sentence tells
SINGLE_HINT = "Nothing was sent. Call it shop by shop."


def name_shops(targets: Sequence[Target]) -> list[str]:
    """What each of several shops is called in a table; of a single one nothing, since nothing has to tell it apart."""
    if len(targets) == 1:
        return [""]
    return name_briefly([target.shop for target in targets if target.shop is not None])


def find_only_shop(runs: Sequence[JobRun]) -> Shop | None:
    """The shop of a call that is for one alone."""
    return runs[0].context.target.shop if len(runs) == 1 else None


def join_keys(runs: Sequence[JobRun]) -> str:
    """The fingerprint of a call, equal for the same job at the same shops alone, in whichever order."""
    if len(runs) == 1:
        return runs[0].key
    return hashlib.sha256(" ".join(sorted(run.key for run in runs)).encode()).hexdigest()


def ensure_one_currency(runs: Sequence[JobRun]) -> None:
    """Go on only where an amount of money that is given means the same at each shop that has something it is for.

    A shop that could not be looked at may have it; and what an amount chose by, each shop may have had.

    Raises:
        ShopError: `invalid_arguments`: these shops have several currencies, or one that is not known.

    """
    first = runs[0]
    bare_amounts = [place for run in runs if run.plan for place in run.plan.bare_amounts]
    amounts = find_amounts(first.operation.arguments, first.values) or list(dict.fromkeys(bare_amounts))
    targets = [run.context.target for run in runs if _may_need_amounts(run)]
    if not amounts or not targets or not any(run.plan for run in runs) or have_one_currency(targets):
        return
    named = ", ".join(f"{target.shop.label} ({target.shop.currency or '?'})" for target in targets if target.shop)
    message = f"is an amount, and these shops have several currencies: {named}"
    problems = tuple(Problem(path, message, "shops of one currency") for path in amounts[:MAX_NAMES])
    text = f"{', '.join(amounts[:MAX_NAMES])} {message}."
    raise ShopError("invalid_arguments", text, hint=SINGLE_HINT, problems=problems)


def _may_need_amounts(run: JobRun) -> bool:
    return run.plan is None or run.plan.is_chosen_by_amount or any(not item.is_missing for item in run.items)


def join_plans(runs: Sequence[JobRun]) -> None:
    """Leave out of each plan what was found in another shop, and tell once what is in none.

    Raises:
        ShopError: No shop could be planned; what is given can't be meant at one; or it may mean one shop alone, and is
            in several.

    """
    errors = [(run, run.error) for run in runs if run.error is not None]
    given = [(run, error) for run, error in errors if error.kind in GIVEN_KINDS]
    if given or len(errors) == len(runs):
        raise _join_errors(given or errors, len(runs))
    planned = [run for run in runs if run.error is None]
    _ensure_found_once(planned, [run for run, _ in errors])
    missing = [{item.key: item.skip_reason for item in run.items if item.is_missing} for run in planned]
    nowhere = set.intersection(*map(set, missing))
    for index, run in enumerate(planned):
        items: list[JobItem] = []
        for item in run.items:
            if not item.is_missing:
                items.append(item)
            elif index == 0 and item.key in nowhere:
                reasons = {run.shop_name: [some[item.key]] for run, some in zip(planned, missing, strict=True)}
                told = replace(item, shop="", skip_reason=_explain_missing(reasons, [run for run, _ in errors]))
                items.append(told)
                run.outcomes[item.key] = Outcome(told, "skipped", told.skip_reason)
        if run.plan:
            run.plan = replace(run.plan, items=tuple(items))


def _explain_missing(reasons: Mapping[str, Sequence[str]], unread_runs: Sequence[JobRun]) -> str:
    """Why something is found nowhere; where the shops have several reasons, all of them."""
    if len({*map(tuple, reasons.values())}) > 1:
        return "; ".join(join_texts(reasons))
    if unread_runs:
        return UNREAD_MISSING_REASON.format(shops=" and ".join(run.shop_name for run in unread_runs))
    return MISSING_REASON


def join_explanations(runs: Sequence[JobRun]) -> str:
    """What a person should know of all of it; of several shops with the shops that each sentence is said of."""
    explanations = {run.shop_name: run.plan.explanations for run in runs if run.plan}
    if len(runs) == 1:
        return " ".join(filter(None, explanations.get("", ())))
    sentences = [_describe_shared_names(runs), *join_texts(explanations)]
    return " ".join(f"{sentence.rstrip('.')}." for sentence in sentences if sentence)


def _describe_shared_names(runs: Sequence[JobRun]) -> str:
    """Which of the names that were given mean something in several shops, and so in each of them."""
    names = [f"{name} ({', '.join(shops)})" for name, shops in _find_shared_names(runs).items()]
    if not names:
        return ""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"Found in several shops, and meant in each: {', '.join(names[:MAX_NAMES])}{more}."


def join_texts(texts: Mapping[str, Sequence[str]], max_grouped: int = sys.maxsize) -> list[str]:
    """The sentences on several shops, each once, with the brief names of the shops that it is said of.

    They stand shop by shop; more than `max_grouped` in turn, so that where some are cut away each shop has its first.
    """
    shops: dict[str, list[str]] = {}
    ranks: dict[str, int] = {}
    for shop, sentences in texts.items():
        for rank, sentence in enumerate(dict.fromkeys(filter(None, sentences))):
            shops.setdefault(sentence, []).append(shop)
            ranks.setdefault(sentence, rank)
    ordered = sorted(shops, key=lambda sentence: ranks[sentence]) if len(shops) > max_grouped else list(shops)
    return [
        f"{'Each shop' if len(shops[sentence]) == len(texts) > 1 else ', '.join(shops[sentence])}: {sentence}"
        for sentence in ordered
    ]


def describe_errors(runs: Sequence[JobRun]) -> list[str]:
    """What is not done, since a shop could not be planned."""
    return [
        f"Nothing is done at {run.label}: {' '.join(filter(None, (run.error.message, run.error.hint)))}"
        for run in runs
        if run.error is not None
    ]


def describe_each(runs: Sequence[JobRun], counts: Mapping[str, Mapping[str, int]]) -> list[Json]:
    """The shops, each with its brief name where the items have that, and how many things of which kind it has."""
    rows: list[Json] = []
    for run in runs:
        shop = run.context.target.shop
        values: Json = {"shop": run.label, "region": shop.region if shop else ""}
        values |= counts.get(run.shop_name, {})
        values |= {"error": run.error.kind} if run.error else {}
        rows.append({name: value for name, value in values.items() if value != ""})
    return rows


def _join_errors(errors: Sequence[tuple[JobRun, ShopError]], shop_count: int) -> ShopError:
    """The first of the errors, which says of which shops it and the others are, unless all are the same."""
    first = errors[0][1]
    if len(errors) < shop_count or len({error.message for _, error in errors}) > 1:
        first.message = " ".join(f"{run.label}: {error.message}" for run, error in errors)
    return first


def _find_shared_names(runs: Sequence[JobRun]) -> dict[str, list[str]]:
    shops: dict[str, list[str]] = {}
    for run in runs:
        for name in run.plan.found if run.plan else ():
            shops.setdefault(name, []).append(run.shop_name)
    return {name: some for name, some in shops.items() if len(some) > 1}


def _ensure_found_once(runs: Sequence[JobRun], unread_runs: Sequence[JobRun]) -> None:
    """Go on only where what can mean one shop alone is found in one of them, and every other could be looked at."""
    places: Json = {name: place for run in runs if run.plan for name, place in run.plan.found.items() if place}
    if places and unread_runs:
        raise _join_errors([(run, run.error) for run in unread_runs if run.error], len(runs) + len(unread_runs))
    faults = [
        Problem(places[name], f"{name!r} is found at several shops: {', '.join(shops)}", "one of them as shop")
        for name, shops in _find_shared_names(runs).items()
        if name in places
    ]
    if faults:
        more = f"; and {len(faults) - MAX_NAMES} more" if len(faults) > MAX_NAMES else ""
        text = "; ".join(f"{problem.argument}: {problem.message}" for problem in faults[:MAX_NAMES])
        raise ShopError("invalid_arguments", f"{text}{more}.", hint=SINGLE_HINT, problems=tuple(faults[:MAX_NAMES]))
