"""Finds operations that a client does not list: search by words, description by name."""

from __future__ import annotations

import asyncio
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.catalog.access import OPERATOR_HINT
from mcp_server_tiktok_shop.catalog.descriptions import describe_operation, summarize_operation
from mcp_server_tiktok_shop.catalog.gaps import load_gaps
from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT_TOOLS
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.catalog.search import OperationIndex


class DiscoveryTools(Struct, frozen=True, dict=True):
    """The tools `find_operations` and `describe_operation`, for all operations that this server does."""

    operations: OperationDirectory

    @cached_property
    def _index(self) -> OperationIndex:
        from mcp_server_tiktok_shop.catalog.search import OperationIndex  # noqa: PLC0415 - built at the first search

        available = (o for o in self.operations.list_available() if o.delegates_to is None)
        return OperationIndex(available, DEFAULT_TOOLS, load_gaps())

    async def find_operations(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """The operations that fit the words of `query`, best first, in one line each.

        Where nothing does what is asked, `no_operation` says so before them, and what to do instead.
        """
        area, effect = values.get("area"), values.get("effect")
        self._check_area(area)
        found = await asyncio.to_thread(lambda: self._index.find(values["query"], area, effect))
        selected = found.operations[: values.get("limit", 5)]
        result: Json = {"no_operation": found.gap.explanation} if found.gap is not None else {}
        result["operations"] = [summarize_operation(operation) for operation in selected]
        if not selected and found.gap is None:
            result["note"] = "Nothing found: use other words, in English, or leave area and effect away."
        return result

    def _check_area(self, area: str | None) -> None:
        areas = list(dict.fromkeys(operation.area for operation in self.operations.catalog.operations.values()))
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
        """All that is known of the operation `name`: words, arguments, answer.

        Raises:
            ShopError: `not_found` with the nearest names, or `not_permitted`.

        """
        operation = self.operations.get(values["name"])
        if not self.operations.policy.is_available(operation):
            message = f"{operation.name} is not done by this server."
            raise ShopError("not_permitted", message, hint=OPERATOR_HINT)
        return describe_operation(operation, self.operations.catalog.get_response_shape(operation))
