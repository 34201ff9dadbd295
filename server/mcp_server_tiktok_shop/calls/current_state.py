"""Reads how things stand at the shop that a write is about, so that a person sees them before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.json_paths import find_values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.catalog.related_reads import RelatedRead
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target


@dataclass(frozen=True, slots=True)
class CurrentStateReader:
    """Runs the reads that `catalog.related_reads` names; `zone` is the time zone set for all shops, if one is."""

    operations: OperationDirectory
    platform: PlatformClient
    result_builder: ResultBuilder
    zone: ZoneInfo | None

    async def read(self, related_read: RelatedRead, target: Target) -> list[tuple[str, Any]]:
        """Pairs of a path in the answer and its value, such as `("products[0].status", "ACTIVATE")`.

        An id that the platform does not know is a pair of its own, `("not found", id)`. Empty where this server does
        not do the read.

        Raises:
            ShopError: The read was refused, or could not be sent.

        """
        operation = self.operations.get(related_read.operation)
        if not self.operations.policy.is_available(operation):
            return []
        values, problems = coerce_arguments(operation, related_read.values)
        validate(operation, values, problems)  # an id that a body takes need not be one that a path does
        zone = target.resolve_zone(self.zone)
        response = await self.platform.call(bind(operation, values, zone), target)
        normalized = self.result_builder.normalize(operation, values, response, zone)
        missing_rows = [("not found", missing_id) for missing_id in normalized.get("not_found", ())]
        return [*_iter_state(normalized["data"], related_read), *missing_rows]


def _iter_state(data: Json, related_read: RelatedRead) -> Iterator[tuple[str, str]]:
    """The values by path; of a list item by item, and where the write names some of them, those alone."""
    lists: dict[str, list[str]] = {}
    for path in related_read.response_paths:
        name, _, inner_path = path.partition(".")
        if isinstance(data.get(name), list) and inner_path:
            lists.setdefault(name, []).append(inner_path)
        elif value := _join_values(find_values(data, path.split("."))):
            yield path, value
    for name, fields in lists.items():
        rows = [row for row in data[name] if isinstance(row, dict)]
        named_rows = [row for row in rows if related_read.subject_ids & {str(row.get("id")), str(row.get("order_id"))}]
        for index, row in enumerate(named_rows or rows):
            for field in fields:
                if value := _join_values(find_values(row, field.split("."))):
                    yield f"{name}[{index}].{field}" if len(rows) > 1 else f"{name}.{field}", value


def _join_values(values: list[Any]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))
