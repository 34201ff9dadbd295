"""Walks the pages of a list, to its end or as far as the caller wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.catalog.binding import bind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.reader import Catalog
    from mcp_server_tiktok_shop.tiktok.platform import Platform
    from mcp_server_tiktok_shop.tiktok.shops import Target


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the rows of its list as the platform sent them, and the answer that they came in."""

    rows: list[Json]
    data: Json
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Walker:
    catalog: Catalog
    platform: Platform
    zone: ZoneInfo | None

    async def walk(self, name: str, values: Json, target: Target, *, until: float | None = None) -> AsyncIterator[Page]:
        """The pages of an operation's list; `values` are checked ones, as `catalog.reading.read` gives them.

        Each page is asked for by `until`, a moment of the monotonic clock, or else within a deadline of its own.
        """
        operation = self.catalog.operations[name]
        values = dict(values)
        while True:
            answer = await self.platform.call(bind(operation, values, target.zone(self.zone)), target, until=until)
            rows = next((v for v in answer.data.values() if isinstance(v, list)), [])
            yield Page(rows, answer.data, answer.request_id)
            token = answer.data.get("next_page_token")
            if not token or token == values.get("page_token") or not rows:
                return
            values["page_token"] = token
