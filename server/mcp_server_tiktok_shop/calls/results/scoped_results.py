"""Scopes stored results: readable only by a server for the same shop that may show as much buyers' data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.time_zones import get_region_zone

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.stores import ResultStore

SIZE_FIELD = "bytes"  # of the content, in the header: after a power cut it may not be whole
POLICIES_BY_STRICTNESS: tuple[BuyerDataPolicy, ...] = ("full", "masked", "none")


class ShopPin(Protocol):
    """Knows the one shop that this server is for, if it is for one."""

    async def resolve_pinned_id(self) -> str | None:
        """The shop's id; None where the server is for all shops."""
        ...


class StoredResult(Struct, frozen=True):
    """A result that was stored: its JSON, and the time zone of the times in it, where they have one."""

    content: bytes
    zone: ZoneInfo | None


class ScopedResultStore(Struct, frozen=True):
    """Stored results of this server, and of others that share its folder, each behind a header line with its scope.

    `pin` knows the one shop that this server is for, if it is for one. `buyer_data` is how buyers' data
    may be shown here: what another server kept with more of it is not given. `zone` is the time zone set for all
    shops, if one is.
    """

    store: ResultStore
    pin: ShopPin
    buyer_data: BuyerDataPolicy
    zone: ZoneInfo | None = None

    async def put(self, content: bytes, shop_id: str | None, region: str = "") -> str:
        """Store the content of a shop in a region, None where it is of none or of several; returns its id.

        Raises:
            ShopError: As `ResultStore.put`.

        """
        header: Json = {"shop": await self.pin.resolve_pinned_id() or shop_id, "buyer_data": self.buyer_data}
        header[SIZE_FIELD] = len(content)
        if self.zone is not None or region:
            header["time_zone"] = (self.zone or get_region_zone(region)).key
        return await self.store.put(b"%s\n%s" % (json.dumps(header).encode(), content))

    async def get_or_raise(self, result_id: str) -> StoredResult:
        """The result of an id that a caller names.

        Raises:
            ShopError: `not_found` where there is none, or no longer; else as `get`.

        """
        result = await self._get_result(result_id)
        if result is None:
            message = f"There is no stored result {result_id[:60]!r}: the newest hundred are kept for one day."
            problem = Problem("id", "is not the result_id of a result that is still stored")
            raise ShopError("not_found", message, hint="Call the tool that gave it again.", problems=(problem,))
        return result

    async def get(self, result_id: str) -> bytes | None:
        """The content of an id; None where there is none, no longer, or of another shop than a server is pinned to.

        Raises:
            ShopError: `not_permitted`: it shows more of buyers than this server may; else as `ResultStore.get`.

        """
        result = await self._get_result(result_id)
        return None if result is None else result.content

    async def _get_result(self, result_id: str) -> StoredResult | None:
        stored = await self.store.get(result_id)
        if stored is None:
            return None
        header_line, _, content = stored.partition(b"\n")
        try:
            header: Json = json.loads(header_line)
        except ValueError:  # a power cut came before the disk had it
            return None
        if header.get(SIZE_FIELD, len(content)) != len(content):
            return None
        pinned_shop_id = await self.pin.resolve_pinned_id()
        if pinned_shop_id is not None and header.get("shop") != pinned_shop_id:
            return None
        stored_policy = header.get("buyer_data", "full")
        if POLICIES_BY_STRICTNESS.index(stored_policy) < POLICIES_BY_STRICTNESS.index(self.buyer_data):
            message = (
                f"That result was stored by a server that shows more of buyers' data ({stored_policy}) than this one."
            )
            raise ShopError("not_permitted", message, hint="Call the tool that gave it again.")
        zone_name = header.get("time_zone")
        return StoredResult(content, ZoneInfo(zone_name) if zone_name else None)
