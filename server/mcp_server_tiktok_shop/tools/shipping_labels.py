"""Looks up the shipping label of a package at the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.documents import DOCUMENT_URL_FIELD

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.catalog.access import AccessPolicy
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.state.stores import IssuedDocuments


LABEL_ALONE, WITH_SLIP = "SHIPPING_LABEL", "SHIPPING_LABEL_AND_PACKING_SLIP"


class ShippingLabel(Struct, frozen=True):
    """Where a label can be fetched: its URL, and the proxy of the account that it belongs to (empty: the server's)."""

    url: str
    proxy: SecretStr


class ShippingLabelLookup(Struct, frozen=True):
    """`operation` is `get_package_shipping_document`; `zone` the time zone set for all shops, if one is."""

    operation: Operation
    platform: PlatformClient
    policy: AccessPolicy
    issued_documents: IssuedDocuments
    zone: ZoneInfo | None

    async def find(self, package_id: str, shop: str | None, *, has_slip: bool = False) -> ShippingLabel:
        """The label of a package, with its packing slip where that is wanted; `shop` is the caller's choice.

        Raises:
            ShopError: `not_permitted` where this server does not look up labels; `platform`, retryable, while there is
                none yet; whatever a read is refused with.

        """
        self.policy.ensure_allowed(self.operation)
        target = await self.platform.shops.choose(shop, self.operation.cipher_rule)
        values = {"package_id": package_id, "document_type": WITH_SLIP if has_slip else LABEL_ALONE}
        validate(self.operation, values)
        response = await self.platform.call(bind(self.operation, values, target.resolve_zone(self.zone)), target)
        url = response.data.get(DOCUMENT_URL_FIELD)
        if not isinstance(url, str) or not url:
            message = f"The label of package {package_id} is not ready yet."
            raise ShopError("platform", message, hint="Labels take some seconds: try again.", retryable=True)
        await self.issued_documents.remember(url)
        return ShippingLabel(url, target.account.proxy)
