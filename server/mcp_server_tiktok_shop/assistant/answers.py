"""From the platform's answer to what an assistant reads: guarded, cut to what was asked for, within the budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.assistant.results import Form, form, shaped, with_failures

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.reader import Catalog
    from mcp_server_tiktok_shop.tiktok.envelope import Answer


@dataclass(frozen=True, slots=True)
class Answers:
    """How answers are told here."""

    catalog: Catalog
    forms: dict[str, Form] = field(default_factory=dict)

    def opened(self, operation: Operation, values: Json, answer: Answer, zone: ZoneInfo) -> Json:
        """The whole answer, made safe to read: times, ids, failures in sight, buyers guarded, nothing empty.

        Raises:
            ShopError: `platform`, where every item of a batch failed.

        """
        told = shaped(answer, self._form(operation), zone)
        told = with_failures(told, operation, values, self.catalog.error)
        if missing := _not_found(operation, values, told["data"]):
            told["not_found"] = missing
        return told

    async def told(self, operation: Operation, told: Json, ours: Json) -> Json:
        return told

    def _form(self, operation: Operation) -> Form:
        if operation.name not in self.forms:
            self.forms[operation.name] = form(self.catalog.shape(operation))
        return self.forms[operation.name]


def _not_found(operation: Operation, values: Json, data: Json) -> list[str]:
    """The ids that were asked for and are not in the answer, where the record says how to tell."""
    rule = operation.record.get("answers_each")
    if rule is None:
        return []
    found = {str(row.get("id")) for row in data.get(rule["list"]) or () if isinstance(row, dict)}
    return [wanted for wanted in values[rule["argument"]] if wanted not in found]
