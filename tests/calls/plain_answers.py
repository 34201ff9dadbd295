"""Makes results by the server's own steps, each over the whole of an answer: what the quick way is held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.redaction.redactor import redact, redact_text, strip_invisible_values
from mcp_server_tiktok_shop.calls.results.field_notes import FieldNotes, find_empty_paths
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.results.normalization import Normalizer, compile_shape, extract_failures
from mcp_server_tiktok_shop.calls.results.projection import DefaultView, project_view, resolve_selection
from mcp_server_tiktok_shop.calls.results.tabular import to_table
from mcp_server_tiktok_shop.calls.results.truncation import (
    TRUNCATION_NOTICE_BYTES,
    build_truncation_notice,
    truncate,
)
from mcp_server_tiktok_shop.calls.results.untrusted_paths import make_untrusted_entry
from mcp_server_tiktok_shop.calls.results.zero_values import drop_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.state.accounts import Shop

RESULT_OVERHEAD_BYTES = 400
EMPTY_DATA: tuple[Json, ...] = ({}, {"total_count": 0})
NOTHING_FOUND_NOTE = "Nothing found: the answer is empty."
DONE_NOTE = "Done."
QUANTITY_NOTE = "`quantity` counts equal items."
PARTIAL_VIEW_NOTE = 'A part of each item; fields ["*"] gives all.'
SHORTENED_TEXTS_NOTE = "Texts that end in … are beginnings."


@dataclass(frozen=True)
class PlainResult:
    """What a client is given, and the JSON that is kept where that is not all."""

    text: str
    kept: str | None


@dataclass(frozen=True)
class PlainBuilder:
    """Makes results as the server does, a step after the other."""

    catalog: Catalog
    sensitive_fields: SensitiveFields
    max_bytes: int
    buyer_data: BuyerDataPolicy
    result_id: str
    hide_secrets: Callable[[str], str]

    def normalize(self, operation: Operation, values: Json, response: ApiResponse, zone: ZoneInfo) -> Json:
        normalizer = Normalizer(zone)
        data = normalizer.normalize_object(response.data, compile_shape(self.catalog.get_response_shape(operation)))
        token = data.pop("next_page_token", None)
        beside = {"skipped": normalizer.skipped, "next_page_token": token, "request_id": response.request_id}
        result = extract_failures(
            {"data": data} | {name: value for name, value in beside.items() if value},
            operation,
            values,
            self.catalog,
            lambda text: redact_text(text, self.buyer_data),
        )
        if (rule := operation.record.get("answers_each")) is not None:
            rows = result["data"].get(rule["list"])
            ids = {str(row.get("id")) for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
            if missing := [requested for requested in values[rule["argument"]] if requested not in ids]:
                result["not_found"] = missing
        root = self.sensitive_fields.get_root(operation.name)
        result["data"], result["untrusted"] = redact(result["data"], root, self.buyer_data)
        result["data"] = drop_empty(result["data"])
        if operation.effect != "read":
            return result if result["data"] else result | {"note": DONE_NOTE}
        is_empty = result["data"] in EMPTY_DATA and not {"skipped", "failed"} & result.keys()
        return result | {"note": NOTHING_FOUND_NOTE} if is_empty else result

    def make_result(
        self,
        operation: Operation,
        values: Json,
        response: ApiResponse,
        zone: ZoneInfo,
        fields: list[str] | None,
        shop: Shop | None,
    ) -> PlainResult:
        result = self.normalize(operation, values, response, zone)
        shown, untrusted, notes = self._project(operation, result, fields)
        if (skipped := result.get("skipped")) is not None:
            notes.append(skipped.describe())
        field_notes = self._make_field_notes(operation, shown, result, fields)
        notes += field_notes.to_texts(is_anything_found=result.get("note") != NOTHING_FOUND_NOTE)
        extras = {name: value for name, value in result.items() if name not in ("data", "untrusted", "skipped")}
        made = {"data": shown} | extras | ({"shop": shop.label} if shop else {})
        made |= make_untrusted_entry(untrusted, made)
        notes[:0] = [made.pop("note")] if "note" in made else []
        overhead = RESULT_OVERHEAD_BYTES + sum(len(to_json_text(note).encode()) for note in notes)
        truncated = truncate(made, self.max_bytes - overhead, TRUNCATION_NOTICE_BYTES)
        if truncated.is_complete:
            return PlainResult(self._guard(_add_note(truncated.result, notes)), None)
        kept = to_json_text({**made, "data": shown if fields else result["data"]})
        notice = build_truncation_notice(truncated, self.result_id)
        notes.insert(0, notice.pop("note", ""))
        return PlainResult(self._guard(_add_note(truncated.result | notice, notes)), kept)

    def _project(
        self, operation: Operation, result: Json, fields: list[str] | None
    ) -> tuple[Json, list[str], list[str]]:
        data, view_spec = result["data"], operation.record.get("shows")
        if fields:
            quantities = {f"{path}.quantity": path for path in operation.record.get("shows", {}).get("merges", ())}
            shape = self.catalog.get_response_shape(operation)
            selection = resolve_selection(fields, shape, data, added_fields=quantities)
            projected = selection.project(data)
            list_paths = [list_path for path, list_path in quantities.items() if path in fields]
            if list_paths:
                projected = project_view(projected, {"fields": ["*"], "merges": list_paths}).data
            present = _select_present(result["untrusted"], projected)
            return to_table(projected, selection.fields) or projected, present, [QUANTITY_NOTE] * bool(list_paths)
        if view_spec is None or fields is not None:
            return data, result["untrusted"], []
        view = DefaultView.from_spec(view_spec).project(data)
        notes = [PARTIAL_VIEW_NOTE] * view.left_out
        notes += [SHORTENED_TEXTS_NOTE] * view.shortened + [QUANTITY_NOTE] * view.merged
        return view.data, _select_present(result["untrusted"], view.data), notes

    def _make_field_notes(
        self, operation: Operation, shown: Json, result: Json, fields: list[str] | None
    ) -> FieldNotes:
        if not fields:
            return FieldNotes(deadlines=self._select_deadlines(operation, shown))
        quantities = [f"{path}.quantity" for path in operation.record.get("shows", {}).get("merges", ())]
        shape = self.catalog.get_response_shape(operation)
        selection = resolve_selection(fields, shape, result["data"], added_fields=quantities)
        projected = selection.project(result["data"])
        if list_paths := [path.removesuffix(".quantity") for path in quantities if path in fields]:
            projected = project_view(projected, {"fields": ["*"], "merges": list_paths}).data
        root = self.sensitive_fields.get_root(operation.name)
        empty, omitted = find_empty_paths(
            selection.paths, result["data"], root, omits_personal=self.buyer_data == "none"
        )
        return FieldNotes(selection.unknown, empty, omitted, self._select_deadlines(operation, projected))

    def _select_deadlines(self, operation: Operation, shown: Json) -> Json:
        deadlines = self.catalog.get_deadlines(operation)
        return {path.rpartition(".")[2]: text for path, text in deadlines.items() if _has(shown, path.split("."))}

    def _guard(self, result: Json) -> str:
        return self.hide_secrets(to_json_text(strip_invisible_values(result)))


def _add_note(result: Json, notes: Iterable[str]) -> Json:
    note = " ".join(filter(None, notes))
    return result | ({"note": note} if note else {})


def _select_present(paths: list[str], data: Any) -> list[str]:
    return [path for path in paths if _has(data, path.split("."))]


def _has(data: Any, path: Sequence[str]) -> bool:
    if isinstance(data, list):
        return any(_has(item, path) for item in data)
    if not path:
        return data is not None
    return isinstance(data, dict) and _has(data.get(path[0]), path[1:])
