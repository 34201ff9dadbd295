"""Finds and describes operations that a client does not list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.catalog.descriptions import description, summary
from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.search import Index


@dataclass(frozen=True)
class Reach:
    """`offers` says which operations this server does at all; `named` finds one by its name, or says what is near."""

    catalog: Catalog
    offers: Callable[[Operation], bool]
    named: Callable[[str], Operation]

    @cached_property
    def _index(self) -> Index:
        from mcp_server_tiktok_shop.catalog.search import Index  # noqa: PLC0415 - built at the first search

        reached = (o for o in self.catalog.operations.values() if o.runs is None and self.offers(o))
        return Index(reached, DEFAULT)

    async def find(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """The operations that the words of a question lead to, best first."""
        found = await asyncio.to_thread(lambda: self._index.find(values["query"]))
        area, effect = values.get("area"), values.get("effect")
        self._check_area(area)
        kept = [o for o in found if area in (None, o.area) and effect in (None, o.effect)]
        shown = kept[: values.get("limit", 5)]
        told: Json = {"operations": [summary(operation) for operation in shown]}
        if not shown:
            told["note"] = "Nothing found: use other words, in English, or leave area and effect away."
        return told

    def _check_area(self, area: str | None) -> None:
        areas = list(dict.fromkeys(operation.area for operation in self.catalog.operations.values()))
        if area is None or area in areas:
            return
        near = get_close_matches(area, areas, n=1)
        did_you_mean = f"; did you mean {near[0]}?" if near else ""
        problem = Problem("area", f"is no area{did_you_mean}", ", ".join(areas))
        hint = "Leave it away to search everywhere."
        raise ShopError(
            "invalid_arguments", f"area {area!r} does not exist{did_you_mean}", hint=hint, problems=(problem,)
        )

    async def describe(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """All that is known of one operation."""
        operation = self.named(values["name"])
        if not self.offers(operation):
            told = f"{operation.name} is not done by this server."
            raise ShopError("not_permitted", told, hint="Only the person who runs the server can change that.")
        return description(operation, self.catalog.shape(operation))
