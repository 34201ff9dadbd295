"""Builds a result from a response, step by step: normalize, redact, project, truncate."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.calls.redaction.redactor import redact, redact_text
from mcp_server_tiktok_shop.calls.results.field_notes import (
    FieldNotes,
    find_empty_paths,
    select_deadlines,
)
from mcp_server_tiktok_shop.calls.results.field_paths import ALL_FIELDS, map_quantity_paths, select_present_paths
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.results.normalized_answers import NOTHING_FOUND_NOTE
from mcp_server_tiktok_shop.calls.results.projection import (
    project_view,
    resolve_selection,
)
from mcp_server_tiktok_shop.calls.results.tabular import to_table
from mcp_server_tiktok_shop.calls.results.truncation import TRUNCATION_NOTICE_BYTES, build_truncation_notice, truncate
from mcp_server_tiktok_shop.calls.results.untrusted_paths import find_untrusted_words, make_untrusted_entry
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.large_answers import run_by_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.calls.results.normalized_answers import AnswerNormalizer
    from mcp_server_tiktok_shop.calls.results.projection import ProjectedView, Selection
    from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
    from mcp_server_tiktok_shop.calls.results.truncation import TruncatedResult
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.state.accounts import Shop

RESULT_OVERHEAD_BYTES = 400  # for what a result gets later: its shop, the mark of the simulated shop
QUANTITY_NOTE = "`quantity` counts equal items."
PARTIAL_VIEW_NOTE = 'A part of each item; fields ["*"] gives all.'
SHORTENED_TEXTS_NOTE = "Texts that end in … are beginnings."

log = logging.getLogger(__name__)


class Projection(Struct, frozen=True):
    """The fields of a response that a result shows, the dotted paths of text by others in them, and notes on both.

    Of several pages `field_notes` say what holds of all of them once they are merged.
    """

    data: Json
    untrusted: list[str]
    notes: list[str]
    field_notes: FieldNotes = field(default_factory=FieldNotes)


class _CutResult(Struct, frozen=True):
    """A result that fits, and as JSON all that is to be stored of it: None where nothing is."""

    truncated: TruncatedResult
    projection: Projection
    content: bytes | None


class ResultBuilder(Struct, frozen=True):
    """Builds the results of this server: at most `max_bytes` each, with buyers' data as its policy allows."""

    catalog: Catalog
    sensitive_fields: SensitiveFields
    answers: AnswerNormalizer
    result_store: ScopedResultStore
    max_bytes: int
    buyer_data: BuyerDataPolicy

    def normalize(self, operation: Operation, values: Json, response: ApiResponse, zone: ZoneInfo) -> Json:
        """Normalize and redact a response to the arguments `values`: all of it, and safe to read.

        The result has `data` without empty fields and `untrusted`, the dotted paths of text by others in it; where they
        apply `next_page_token`, `request_id`, `failed`, `not_found` (ids that were requested and did not come), `note`,
        and `skipped`, the counts of values that can't be read, which is said in a note.

        Raises:
            ShopError: `platform`, where every item of a batch failed.

        """
        return self.answers.normalize(operation, values, response, zone)

    def redact_data(self, operation_name: str, data: Json) -> Json:
        """Redact the data of an operation's answer, or a part of it that keeps its paths."""
        return redact(data, self.sensitive_fields.get_root(operation_name), self.buyer_data)[0]

    def redact_text(self, text: str) -> str:
        """Redact a text of the platform's beside its data, which may repeat what others wrote."""
        return redact_text(text, self.buyer_data)

    def to_error_result(self, error: ShopError) -> Json:
        """Make a result of an error: its JSON, redacted where the words are the platform's, and truncated."""
        result = error.to_json()
        if error.code is not None:
            result["message"] = self.redact_text(result["message"])
        if untrusted := find_untrusted_words(error):
            result["untrusted"] = untrusted
        truncated = truncate(result, self.max_bytes - RESULT_OVERHEAD_BYTES, TRUNCATION_NOTICE_BYTES)
        return truncated.result | build_truncation_notice(truncated, None)

    def redact_arguments(self, operation: Operation, values: Json) -> Json:
        """Redact arguments for a preview or an error."""
        return redact(values, self.sensitive_fields.get_root(operation.name), self.buyer_data)[0]

    def redact_local_data(self, operation: Operation, data: Json) -> Json:
        """Redact the data of a tool of this server's own by its rules; `untrusted` stands first in it.

        To the paths that the rules find come those that the tool itself named.
        """
        named_paths = data.pop("untrusted", [])
        redacted_data, found_paths = redact(data, self.sensitive_fields.get_root(operation.name), self.buyer_data)
        untrusted = sorted({*named_paths, *found_paths})
        return {"untrusted": untrusted} | redacted_data if untrusted else redacted_data

    def resolve_selection(self, operation: Operation, result: Json, fields: list[str]) -> Selection:
        """Resolve dotted paths against a normalized response, to project it and others of its operation.

        Raises:
            ShopError: `invalid_arguments` where neither the response nor its shape in the catalog has any field.

        """
        shape = self.catalog.get_response_shape(operation)
        return resolve_selection(fields, shape, result["data"], added_fields=map_quantity_paths(operation))

    def project(
        self, operation: Operation, result: Json, fields: list[str] | None, selection: Selection | None = None
    ) -> Projection:
        """Project a normalized response to `fields`, as a table where they are plain, or to its default view.

        `selection` are the fields where they have been resolved before.

        Raises:
            ShopError: As `resolve_selection`.

        """
        data, view_spec = result["data"], operation.record.get("shows")
        if fields:
            selection = selection or self.resolve_selection(operation, result, fields)
            projected: Json = selection.project(data)
            notes: list[str] = []
            if list_paths := [list_path for path, list_path in map_quantity_paths(operation).items() if path in fields]:
                projected = project_view(projected, {"fields": [ALL_FIELDS], "merges": list_paths}).data
                notes = [QUANTITY_NOTE]
            return Projection(
                to_table(projected, selection.fields) or projected,
                select_present_paths(result["untrusted"], projected),
                notes,
                self._build_field_notes(operation, projected, data, selection),
            )
        if view_spec is None or fields is not None:
            return Projection(data, result["untrusted"], [], self._build_field_notes(operation, data))
        return self._to_projection(operation, result, self.answers.plans.get_default_view(operation).project(data))

    def _to_projection(self, operation: Operation, result: Json, view: ProjectedView) -> Projection:
        notes = [PARTIAL_VIEW_NOTE] if view.left_out else []
        if view.shortened:
            notes.append(SHORTENED_TEXTS_NOTE)
        if view.merged:
            notes.append(QUANTITY_NOTE)
        return Projection(
            view.data,
            select_present_paths(result["untrusted"], view.data),
            notes,
            self._build_field_notes(operation, view.data),
        )

    def _build_field_notes(
        self, operation: Operation, shown_data: Json, data: Json | None = None, selection: Selection | None = None
    ) -> FieldNotes:
        """The notes on what is shown of a response's `data`, and on the fields asked for, if any were."""
        deadlines = select_deadlines(self.catalog.get_deadlines(operation), shown_data)
        if data is None or selection is None:
            return FieldNotes(deadlines=deadlines)
        root = self.sensitive_fields.get_root(operation.name)
        empty, omitted = find_empty_paths(selection.paths, data, root, omits_personal=self.buyer_data == "none")
        return FieldNotes(selection.unknown, empty, omitted, deadlines)

    async def to_result(
        self, operation: Operation, result: Json, fields: list[str] | None, shop: Shop | None, size_bytes: int = 0
    ) -> Json:
        """Make the result of a normalized response: projected, truncated, and stored where it doesn't fit.

        `size_bytes` is that of the answer: a large one is worked on in a thread.

        Raises:
            ShopError: As `resolve_selection`.

        """
        return await self._store_cut(await run_by_size(size_bytes, self._cut, operation, result, fields, shop), shop)

    async def read(
        self,
        operation: Operation,
        values: Json,
        response: ApiResponse,
        zone: ZoneInfo,
        fields: list[str] | None,
        shop: Shop | None,
    ) -> Json:
        """Make the result of a read's response to the arguments `values`, from normalizing to storing what doesn't fit.

        Raises:
            ShopError: As `normalize` and `resolve_selection`.

        """

        def read() -> _CutResult:
            if fields is None and "shows" in operation.record:
                read_view = self.answers.read_view(operation, values, response, zone)
                if read_view is not None:
                    result, view = read_view
                    projection = self._to_projection(operation, result, view)
                    return self._cut_projection(
                        result,
                        projection,
                        lambda: self.normalize(operation, values, response, zone)["data"],
                        shop,
                    )
            return self._cut(operation, self.normalize(operation, values, response, zone), fields, shop)

        return await self._store_cut(await run_by_size(response.size_bytes, read), shop)

    def _cut(self, operation: Operation, result: Json, fields: list[str] | None, shop: Shop | None) -> _CutResult:
        """Project and truncate a normalized response. Raises as `resolve_selection`."""
        projection = self.project(operation, result, fields)
        # Fields that were named are stored as they were named; of a view the whole behind it.
        full_data = projection.data if fields else result["data"]
        return self._cut_projection(result, projection, lambda: full_data, shop)

    def _cut_projection(
        self, result: Json, projection: Projection, make_full_data: Callable[[], Any], shop: Shop | None
    ) -> _CutResult:
        extras = {name: value for name, value in result.items() if name not in ("data", "untrusted", "skipped")}
        if (skipped := result.get("skipped")) is not None:
            projection.notes.append(skipped.describe())
        is_anything_found = NOTHING_FOUND_NOTE not in result.get("note", "")  # which may stand behind the copy's
        projection.notes.extend(projection.field_notes.to_texts(is_anything_found=is_anything_found))
        return self._cut_whole({"data": projection.data} | extras, projection, make_full_data, shop)

    def _cut_whole(
        self,
        result: Json,
        projection: Projection,
        make_full_data: Callable[[], Any],
        shop: Shop | None,
        *,
        is_kept: bool = False,
    ) -> _CutResult:
        """Truncate a result to `max_bytes`; where it doesn't fit, or `is_kept`, with its full data as JSON."""
        result |= {"shop": shop.label} if shop else {}
        result |= make_untrusted_entry(projection.untrusted, result)
        projection.notes[:0] = [result.pop("note")] if "note" in result else []
        truncated = truncate(result, self.max_bytes - measure_overhead(projection.notes), TRUNCATION_NOTICE_BYTES)
        if truncated.is_complete and not is_kept:
            return _CutResult(truncated, projection, None)
        return _CutResult(truncated, projection, to_json_text({**result, "data": make_full_data()}).encode())

    async def truncate(
        self,
        result: Json,
        projection: Projection,
        make_full_data: Callable[[], Any],
        shop: Shop | None = None,
        *,
        is_kept: bool = False,
    ) -> Json:
        """Truncate a result to `max_bytes`; where it doesn't fit, store it with its full data, to read on."""
        return await self._store_cut(self._cut_whole(result, projection, make_full_data, shop, is_kept=is_kept), shop)

    async def _store_cut(self, cut: _CutResult, shop: Shop | None) -> Json:
        if cut.content is None:
            return _add_note(cut.truncated.result, cut.projection.notes)
        return await self.store_truncated(cut.truncated, cut.projection, cut.content, shop)

    async def to_local_result(
        self, data: Json, note: str = "", shop: Shop | None = None, *, is_kept: bool = False
    ) -> Json:
        """Make a result of data from this server itself, such as a preview; `untrusted` in it is taken out.

        What `is_kept` is stored even where it fits, to be saved as a file.
        """
        projection = Projection(data, data.pop("untrusted", []), [note] if note else [])
        return await self.truncate({"data": data}, projection, lambda: data, shop, is_kept=is_kept)

    async def to_saved_result(self, result: Json, notes: Iterable[str], shop: Shop | None) -> Json:
        """Make a result that tells of a file; where its columns are too many, the first of them are told."""
        projection = Projection(result["data"], [], [note for note in notes if note])
        return await self.truncate(result, projection, lambda: result["data"], shop)

    async def store_truncated(
        self, truncated: TruncatedResult, projection: Projection, content: bytes, shop: Shop | None
    ) -> Json:
        """Store the whole result (`content` is its JSON), and add the notice to what was truncated.

        A store that fails costs the `result_id` alone.
        """
        try:
            result_id = await self.result_store.put(content, shop.id if shop else None, shop.region if shop else "")
        except ShopError as error:
            log.warning("a result could not be kept: %s", error.message)
            result_id = None
        notice = build_truncation_notice(truncated, result_id)
        note = notice.pop("note", "")
        return _add_note(truncated.result | notice, [note, *projection.notes])


def measure_overhead(notes: Iterable[str]) -> int:
    """The bytes to reserve for what stands beside the data: the notes, and what a result gets later."""
    return RESULT_OVERHEAD_BYTES + sum(len(to_json_text(note).encode()) for note in notes)


def _add_note(result: Json, notes: Iterable[str]) -> Json:
    note = " ".join(filter(None, notes))
    return result | ({"note": note} if note else {})
