"""Makes a normalized result of an answer, in full or for a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.redaction.redactor import redact_text
from mcp_server_tiktok_shop.calls.results.answer_reading import AnswerReader
from mcp_server_tiktok_shop.calls.results.normalization import ERRORS_FIELD, extract_failures
from mcp_server_tiktok_shop.json_values import SkippedValues

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.calls.results.answer_plans import AnswerPlans
    from mcp_server_tiktok_shop.calls.results.answer_reading import FieldPlan
    from mcp_server_tiktok_shop.calls.results.projection import ProjectedView
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse

NEXT_PAGE_FIELD = "next_page_token"
NOTHING_FOUND = "Nothing found"
NOTHING_FOUND_NOTE = f"{NOTHING_FOUND}: the answer is empty."
DONE_NOTE = "Done."
EMPTY_DATA: tuple[Json, ...] = ({}, {"total_count": 0})


class AnswerNormalizer(Struct, frozen=True):
    """Normalizes and redacts answers."""

    plans: AnswerPlans
    buyer_data: BuyerDataPolicy

    def normalize(self, operation: Operation, values: Json, response: ApiResponse, zone: ZoneInfo) -> Json:
        """As `ResultBuilder.normalize`.

        Raises:
            ShopError: `platform`, where every item of a batch failed.

        """
        plan = self.plans.get_plan(operation, is_whole=True)
        result = self._read(operation, values, response, plan, AnswerReader(zone, self.buyer_data))
        if result is None:
            reader = AnswerReader(zone, self.buyer_data)
            result = self._read(operation, values, response, plan, reader, is_plain=True) or {}
        return result

    def read_view(
        self, operation: Operation, values: Json, response: ApiResponse, zone: ZoneInfo
    ) -> tuple[Json, ProjectedView] | None:
        """The result, and the default view of its data, without more than a glance at the rest.

        None where that does not do: nothing would be shown, or the answer can only be read plainly.

        Raises:
            ShopError: As `normalize`.

        """
        reader = AnswerReader(zone, self.buyer_data)
        result = self._read(operation, values, response, self.plans.get_plan(operation, is_whole=False), reader)
        if result is None:
            return None
        view = self.plans.get_default_view(operation).project_part(result["data"], has_hidden=reader.has_hidden)
        return None if view is None else (result, view)

    def _read(
        self,
        operation: Operation,
        values: Json,
        response: ApiResponse,
        plan: FieldPlan,
        reader: AnswerReader,
        *,
        is_plain: bool = False,
    ) -> Json | None:
        """The result with the data that the plan shows; None where it can only be read plainly, and was not."""
        outer_names = [name for name in (NEXT_PAGE_FIELD, ERRORS_FIELD) if name in response.data]
        outer = {name: reader.normalize_field(name, response.data, plan) for name in outer_names}
        data = {name: value for name, value in response.data.items() if name not in outer} if outer else response.data
        result: Json = {"data": {ERRORS_FIELD: outer[ERRORS_FIELD]} if ERRORS_FIELD in outer else {}}
        if token := outer.get(NEXT_PAGE_FIELD):
            result[NEXT_PAGE_FIELD] = token
        if response.request_id:
            result["request_id"] = response.request_id
        result = extract_failures(result, operation, values, self.plans.catalog, self._redact_text)
        if missing := _find_missing_ids(operation, values, data):
            result["not_found"] = missing
        read = reader.read_plainly(data, plan) if is_plain else reader.read(data, plan)
        if read is None:
            return None
        reader.skipped.add("data", int(response.is_unread))
        result |= {"data": read, "untrusted": sorted(reader.untrusted)}
        if reader.skipped:
            result["skipped"] = reader.skipped
        if operation.effect != "read":
            return result if read else result | {"note": DONE_NOTE}
        is_empty = read in EMPTY_DATA and not reader.has_hidden and not reader.skipped and "failed" not in result
        return result | {"note": NOTHING_FOUND_NOTE} if is_empty else result

    def _redact_text(self, text: str) -> str:
        return redact_text(text, self.buyer_data)


def _find_missing_ids(operation: Operation, values: Json, data: Json) -> list[str]:
    """The ids that were requested and are not in the response, where the record says which those are."""
    rule = operation.record.get("answers_each")
    if rule is None:
        return []
    # As they came: an id that was sent as a number is the same in text.
    returned_ids = {str(row.get("id")) for row in SkippedValues().select_objects(data.get(rule["list"]), "")}
    return [requested_id for requested_id in values[rule["argument"]] if requested_id not in returned_ids]
