"""Finds and describes operations that a client does not list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.assistant.toolsets import DEFAULT
from mcp_server_tiktok_shop.catalog.describing import description, summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.reader import Catalog
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

    async def find(self, values: Json, _shop: str | None) -> Json:
        """The operations that the words of a question lead to, best first."""
        found = await asyncio.to_thread(lambda: self._index.find(values["query"]))
        area, effect = values.get("area"), values.get("effect")
        kept = [o for o in found if area in (None, o.area) and effect in (None, o.effect)]
        shown = kept[: values.get("limit", 5)]
        told: Json = {"operations": [summary(operation) for operation in shown]}
        if len(kept) > len(shown):
            told["more"] = len(kept) - len(shown)
        return told

    async def describe(self, values: Json, _shop: str | None) -> Json:
        """All that is known of one operation."""
        operation = self.named(values["name"])
        return description(operation, self.catalog.shape(operation))
