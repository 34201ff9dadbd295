"""Finds and describes operations that a client does not list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.catalog.descriptions import describe_operation, summarize_operation
from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT_TOOLS
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.search import OperationIndex


@dataclass(frozen=True)
class DiscoveryTools:
    """`offers` says which operations this server does at all; `named` finds one by its name, or says what is near."""

    catalog: Catalog
    is_available: Callable[[Operation], bool]
    get_operation: Callable[[str], Operation]

    @cached_property
    def _index(self) -> OperationIndex:
        from mcp_server_tiktok_shop.catalog.search import OperationIndex  # noqa: PLC0415 - built at the first search

        available = (o for o in self.catalog.operations.values() if o.delegates_to is None and self.is_available(o))
        return OperationIndex(available, DEFAULT_TOOLS)

    async def find_operations(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """The operations that the words of a question lead to, best first."""
        matches = await asyncio.to_thread(lambda: self._index.search(values["query"]))
        area, effect = values.get("area"), values.get("effect")
        self._check_area(area)
        filtered = [o for o in matches if area in (None, o.area) and effect in (None, o.effect)]
        selected = filtered[: values.get("limit", 5)]
        result: Json = {"operations": [summarize_operation(operation) for operation in selected]}
        if not selected:
            result["note"] = "Nothing found: use other words, in English, or leave area and effect away."
        return result

    def _check_area(self, area: str | None) -> None:
        areas = list(dict.fromkeys(operation.area for operation in self.catalog.operations.values()))
        if area is None or area in areas:
            return
        suggestions = get_close_matches(area, areas, n=1)
        did_you_mean = f"; did you mean {suggestions[0]}?" if suggestions else ""
        problem = Problem("area", f"is no area{did_you_mean}", ", ".join(areas))
        hint = "Leave it away to search everywhere."
        raise ShopError(
            "invalid_arguments", f"area {area!r} does not exist{did_you_mean}", hint=hint, problems=(problem,)
        )

    async def describe_operation(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """All that is known of one operation."""
        operation = self.get_operation(values["name"])
        if not self.is_available(operation):
            message = f"{operation.name} is not done by this server."
            raise ShopError("not_permitted", message, hint="Only the person who runs the server can change that.")
        return describe_operation(operation, self.catalog.get_response_shape(operation))
