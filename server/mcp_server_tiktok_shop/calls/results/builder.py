"""From the platform's answer to what an assistant reads: guarded, cut to what was asked for, within the budget."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.redaction.redactor import guarded, guarded_text
from mcp_server_tiktok_shop.calls.results.json_paths import stands_at
from mcp_server_tiktok_shop.calls.results.normalization import Form, form, shaped, with_failures
from mcp_server_tiktok_shop.calls.results.projection import EVERYTHING, Viewing, selection, viewed, without_empty
from mcp_server_tiktok_shop.calls.results.tabular import as_table
from mcp_server_tiktok_shop.calls.results.truncation import SPARE, fitted, rest, written
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.redaction.redactor import Mode
    from mcp_server_tiktok_shop.calls.results.projection import Selection
    from mcp_server_tiktok_shop.calls.results.scoped_results import Keeping
    from mcp_server_tiktok_shop.calls.results.truncation import Fitted
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.sensitive_fields import Personal
    from mcp_server_tiktok_shop.platform.envelope import Answer
    from mcp_server_tiktok_shop.state.accounts import Shop

BESIDE = 400  # bytes for what is told beside an answer later: zone, simulation
MOST_PATHS, MOST_PATH_BYTES = 40, 1_000  # in `untrusted`
NOTHING = "Nothing found: the answer is empty."
DONE = "Done."
COUNTED = "`quantity` counts equal items."
EMPTY_LISTS: tuple[Json, ...] = ({}, {"total_count": 0})
PART = 'A part of each item; fields ["*"] gives all.'

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """What is told of an answer: the data asked for, where text by others stands in it, and what has to be said."""

    data: Json
    untrusted: list[str]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Answers:
    """How answers are told here: `budget` in bytes, `buyer_data` as it may be shown."""

    catalog: Catalog
    personal: Personal
    kept: Keeping
    budget: int
    buyer_data: Mode
    forms: dict[str, Form] = field(default_factory=dict)
    views: dict[str, Viewing] = field(default_factory=dict)

    def opened(self, operation: Operation, values: Json, answer: Answer, zone: ZoneInfo) -> Json:
        """The whole answer, made safe to read: times, ids, failures in sight, buyers guarded, nothing empty.

        Raises:
            ShopError: `platform`, where every item of a batch failed.

        """
        told = shaped(answer, self._form(operation), zone)
        told = with_failures(told, operation, values, self.catalog.error, self.said)
        if missing := _not_found(operation, values, told["data"]):
            told["not_found"] = missing
        told["data"], told["untrusted"] = guarded(told["data"], self.personal.of(operation.name), self.buyer_data)
        told["data"] = without_empty(told["data"])
        if operation.effect != "read":
            return told if told["data"] else told | {"note": DONE}
        return told if told["data"] not in EMPTY_LISTS else told | {"note": NOTHING}

    def said(self, text: str) -> str:
        """A text of the platform's beside its data, which may repeat what others wrote."""
        return guarded_text(text, self.buyer_data)

    def refused(self, error: ShopError) -> Json:
        """An error as an assistant may read it, within the budget."""
        told = error.told()
        if error.code is not None:
            told["message"] = self.said(told["message"])
        fitting = fitted(told, self.budget - BESIDE, SPARE)
        return fitting.told | rest(fitting, None)

    def shown(self, operation: Operation, values: Json) -> Json:
        """Arguments as they may be shown, in a preview or an error."""
        return guarded(values, self.personal.of(operation.name), self.buyer_data)[0]

    def selection(self, operation: Operation, told: Json, fields: list[str]) -> Selection:
        """The fields asked for, to be taken from this answer and from others like it.

        Raises:
            ShopError: `invalid_arguments` where neither the answer nor its known shape has a field.

        """
        plain = [path for path in fields if path not in _counts(operation)]
        return selection(plain, self.catalog.shape(operation), told["data"])

    def part(self, operation: Operation, told: Json, fields: list[str] | None, chosen: Selection | None = None) -> Part:
        """The fields asked for, or those shown by default; `chosen` are the fields if they were judged before.

        Raises:
            ShopError: As `selection`.

        """
        data, shows = told["data"], operation.record.get("shows")
        if fields:
            chosen = chosen or self.selection(operation, told, fields)
            taken: Json = chosen.of(data)
            notes: list[str] = []
            if merges := [merged for path, merged in _counts(operation).items() if path in fields]:
                taken = viewed(taken, {"fields": [EVERYTHING], "merges": merges}).data
                notes = [COUNTED]
            return Part(as_table(taken, fields) or taken, _standing(told["untrusted"], taken), notes)
        if shows is None or fields is not None:
            return Part(data, told["untrusted"], [])
        view = self._viewing(operation).of(data)
        notes = [PART] if view.left_out else []
        if view.shortened:
            notes.append("Texts that end in … are beginnings.")
        if view.merged:
            notes.append(COUNTED)
        return Part(view.data, _standing(told["untrusted"], view.data), notes)

    async def told(self, operation: Operation, told: Json, fields: list[str] | None, shop: Shop | None) -> Json:
        """The result: as much of what was asked for as the budget holds, and how to read the rest."""
        part = self.part(operation, told, fields)
        # What was asked for by name is kept as it was asked for; of a view the whole behind it.
        whole = part.data if fields else told["data"]
        shown = {name: value for name, value in told.items() if name not in ("data", "untrusted")}
        return await self.fit({"data": part.data} | shown, part, whole, shop)

    async def fit(self, told: Json, part: Part, whole: Any, shop: Shop | None = None) -> Json:
        """The result within its budget; where it is not whole, `whole` is kept to be read on."""
        told |= {"shop": shop.label} if shop else {}
        told |= {"untrusted": brief(part.untrusted)} if part.untrusted else {}
        part.notes[:0] = [told.pop("note")] if "note" in told else []
        fitting = fitted(told, self.budget - beside(part.notes), SPARE)
        if fitting.whole:
            return _noted(fitting.told, part.notes)
        return await self.rest(fitting, part, written({**told, "data": whole}).encode(), shop)

    async def plain(self, data: Json, note: str = "", shop: Shop | None = None) -> Json:
        """Data of our own, such as a preview, as a result within its budget."""
        part = Part(data, data.pop("untrusted", []), [note] if note else [])
        return await self.fit({"data": data}, part, data, shop)

    async def rest(self, fitting: Fitted, part: Part, content: bytes, shop: Shop | None) -> Json:
        """A result that is not whole, with its content kept, and what to say of it."""
        try:
            result_id = await self.kept.put(content, shop.id if shop else None)
        except ShopError as error:
            log.warning("a result could not be kept: %s", error.message)
            result_id = None
        more = rest(fitting, result_id)
        note = more.pop("note", "")
        return _noted(fitting.told | more, [note, *part.notes])

    def _viewing(self, operation: Operation) -> Viewing:
        if operation.name not in self.views:
            self.views[operation.name] = Viewing.made(operation.record["shows"])
        return self.views[operation.name]

    def _form(self, operation: Operation) -> Form:
        if operation.name not in self.forms:
            self.forms[operation.name] = form(self.catalog.shape(operation))
        return self.forms[operation.name]


def _counts(operation: Operation) -> dict[str, str]:
    """The paths of our own `quantity`, each with the list whose equal items it counts."""
    return {f"{path}.quantity": path for path in operation.record.get("shows", {}).get("merges", ())}


def brief(paths: list[str]) -> list[str]:
    """The paths, or where ids used as names make too many of them, few that stand for all: `prices.*`."""
    depth = max((path.count(".") for path in paths), default=0)
    told = paths
    while len(told) > MOST_PATHS or len(written(told)) > MOST_PATH_BYTES:
        if depth <= 0:
            return ["*"]
        told = sorted({".".join([*names[:depth], "*"][: len(names)]) for names in (path.split(".") for path in paths)})
        depth -= 1
    return told


def beside(notes: Iterable[str]) -> int:
    """Bytes for what is told beside an answer."""
    return BESIDE + sum(len(written(note).encode()) for note in notes)


def _noted(told: Json, notes: Iterable[str]) -> Json:
    note = " ".join(filter(None, notes))
    return told | ({"note": note} if note else {})


def _standing(paths: list[str], data: Json) -> list[str]:
    """Those of the paths at which something stands."""
    return [path for path in paths if stands_at(data, path.split("."))]


def _not_found(operation: Operation, values: Json, data: Json) -> list[str]:
    """The ids that were asked for and are not in the answer, where the record says how to tell."""
    rule = operation.record.get("answers_each")
    if rule is None:
        return []
    found = {str(row.get("id")) for row in data.get(rule["list"]) or () if isinstance(row, dict)}
    return [wanted for wanted in values[rule["argument"]] if wanted not in found]
