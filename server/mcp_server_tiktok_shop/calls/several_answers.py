"""Joins the answers of several shops to a read: a block of data for each, and beside them what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.page_collector import RESUME_FILTER
from mcp_server_tiktok_shop.calls.page_tokens import PAGE_TOKEN, join_page_tokens
from mcp_server_tiktok_shop.calls.results.answer_tables import SHOP_COLUMN
from mcp_server_tiktok_shop.calls.results.normalized_answers import NEXT_PAGE_FIELD, NOTHING_FOUND
from mcp_server_tiktok_shop.errors import GIVEN_KINDS
from mcp_server_tiktok_shop.platform.shop_choice import group_by_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcp_server_tiktok_shop.calls.targets import ShopTarget
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.errors import ShopError
    from mcp_server_tiktok_shop.state.accounts import Shop

NOT_ANSWERED = "not_answered"
NOWHERE_HINT = "Check the id. A shop that is not among them is connected by get_authorization_url."
LIMITS_NOTE = "page_size and pages count for each shop."


class ReadAnswer(Struct, frozen=True):
    """What a shop answered to a read: a result as if it had been asked alone, or the error in its place."""

    shop: ShopTarget
    result: Json | None = None
    error: ShopError | None = None

    @property
    def label(self) -> str:
        return self.shop.label

    @property
    def request_id(self) -> str | None:
        """The platform's, of its answer or its refusal; None where nothing came."""
        found = self.error.request_id if self.error is not None else (self.result or {}).get("request_id")
        return str(found) if found else None

    @property
    def note(self) -> str:
        return str((self.result or {}).get("note", ""))

    @property
    def has_data(self) -> bool:
        is_end = self.note.startswith(NOTHING_FOUND) and NEXT_PAGE_FIELD not in (self.result or {})
        return self.result is not None and not is_end

    @property
    def has_nothing(self) -> bool:
        """Whether the shop has nothing of what was asked for, which is an answer."""
        return not self.has_data and (self.error is None or self.error.is_not_here)


class JoinedAnswer(Struct, frozen=True):
    """The parts of a result before it is fitted: `shop` is the one that it is of, where no other has anything."""

    result: Json
    untrusted: list[str]
    notes: list[str]
    shop: Shop | None = None


def join_answers(answers: Sequence[ReadAnswer], redact_text: Callable[[str], str], *, is_search: bool) -> JoinedAnswer:
    """The answers as one.

    Where ids alone told which shop is meant (`is_search`) and one has them, it is as if that one had been named.

    Raises:
        ShopError: No shop answered, or none has what was named.

    """
    _ensure_answered(answers, redact_text)
    found = [answer for answer in answers if answer.has_data]
    failed = [answer for answer in answers if answer.error is not None and not answer.error.is_not_here]
    beside = _join_extras(answers) | _describe_failures(failed, redact_text)
    untrusted = [NOT_ANSWERED] if any(answer.error and answer.error.code is not None for answer in failed) else []
    part_note = f"PART ONLY: {', '.join(answer.label for answer in failed)} did not answer." if failed else ""
    if is_search and len(found) == 1:
        (only,) = found
        result = dict(only.result or {})
        untrusted += result.pop("untrusted", [])
        note = result.pop("note", "")
        for name in ("not_found", SHOP_COLUMN):
            result.pop(name, None)
        return JoinedAnswer(result | beside, untrusted, [part_note, note], only.shop.target.shop)
    data = {answer.label: answer.result["data"] for answer in found if answer.result}
    paths = {path for answer in found if answer.result for path in answer.result.get("untrusted", ())}
    untrusted += sorted(f"*.{path}" for path in paths)
    pages = {
        answer.label: _take_page(answer.result)
        for answer in found
        if answer.result and NEXT_PAGE_FIELD in answer.result
    }
    token = {NEXT_PAGE_FIELD: join_page_tokens(pages)} if pages else {}
    nothing = [answer.label for answer in answers if answer.has_nothing]
    notes = [
        part_note,
        f"{NOTHING_FOUND} in {', '.join(nothing)}." if nothing else "",
        *_join_notes(found),
        LIMITS_NOTE if len(found) > 1 and pages else "",
    ]
    names = {answer.label: answer.shop.name for answer in found}
    request_ids = {answer.label: answer.request_id for answer in answers if answer.request_id}
    extras = {name: value for name, value in (("request_ids", request_ids), ("shops", names)) if value}
    return JoinedAnswer({"data": data} | beside | token | extras, untrusted, notes)


def _ensure_answered(answers: Sequence[ReadAnswer], redact_text: Callable[[str], str]) -> None:
    """Go on where a shop answered, if only that it has nothing of a list.

    Raises:
        ShopError: The first error that says more than that something is not here, with what the others say.

    """
    errors = [(answer.label, answer.error) for answer in answers if answer.error is not None]
    if given := [error for _, error in errors if error.kind in GIVEN_KINDS and not any(a.has_data for a in answers)]:
        raise given[0]
    if len(errors) < len(answers):
        return
    first = next((error for _, error in errors if not error.is_not_here), errors[0][1])
    if first.is_not_here:
        first.message = f"{first.message} None of these shops has it: {', '.join(label for label, _ in errors)}."
        first.hint = NOWHERE_HINT
    elif len({error.message for _, error in errors}) > 1:
        first.message = " ".join(f"{label}: {_redact_message(error, redact_text)}" for label, error in errors)
        if any(error.code is not None for _, error in errors):
            first.details["untrusted"] = ["message"]
    raise first


def _join_extras(answers: Sequence[ReadAnswer]) -> Json:
    """What stands beside the data: items that failed, by shop, and ids that no shop has."""
    results = [(answer.label, answer.result) for answer in answers if answer.result is not None]
    failed = [{SHOP_COLUMN: label} | entry for label, result in results for entry in result.get("failed", ())]
    lists = [result.get("not_found", []) for _, result in results]
    missing = [each for each in lists[0] if all(each in some for some in lists)] if lists else []
    return ({"failed": failed} if failed else {}) | ({"not_found": missing} if missing else {})


def _describe_failures(failed: Sequence[ReadAnswer], redact_text: Callable[[str], str]) -> Json:
    """Why shops could not be asked, those of one reason together."""
    texts = [
        (answer.label, _describe_error(answer.error, redact_text)) for answer in failed if answer.error is not None
    ]
    return {NOT_ANSWERED: group_by_value(texts)} if texts else {}


def _describe_error(error: ShopError, redact_text: Callable[[str], str]) -> str:
    return " ".join(filter(None, (f"{error.kind}: {_redact_message(error, redact_text)}", error.hint)))


def _redact_message(error: ShopError, redact_text: Callable[[str], str]) -> str:
    """What an error says, in which the platform may repeat what others wrote."""
    return redact_text(error.message) if error.code is not None else error.message


def _join_notes(found: Sequence[ReadAnswer]) -> list[str]:
    """The notes of the shops, each once: with those that it is said of, unless that is all of them."""
    by_shops = group_by_value((answer.label, answer.note) for answer in found)
    return [note if len(by_shops) == 1 else f"{shops}: {note}" for shops, note in by_shops.items() if note]


def _take_page(result: Json) -> Json:
    """The arguments that go on in a list."""
    filters: Json = result.get(RESUME_FILTER, {})
    return {PAGE_TOKEN: result[NEXT_PAGE_FIELD]} | filters
