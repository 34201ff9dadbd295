"""Issued documents of a tenant in PostgreSQL: a record for each link, by its fingerprint."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.stores import DOCUMENT_URL_TTL_S

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.stores import ExpiringRecords

log = logging.getLogger(__name__)


class RecordedDocuments:
    """Links whose fingerprints are the keys of `records`: whoever has a link can fetch the document."""

    def __init__(self, records: ExpiringRecords) -> None:
        self._records = records

    async def remember(self, url: str) -> None:
        """Remember a link; where that fails, that is logged, and the call goes on."""
        try:
            await self._records.put(_compute_fingerprint(url), {}, DOCUMENT_URL_TTL_S)
        except ShopError as error:  # a label can still be had by its package
            log.warning("a document's link could not be remembered: %s", error.message)

    async def is_issued(self, url: str) -> bool:
        return await self._records.get(_compute_fingerprint(url)) is not None


def _compute_fingerprint(url: str) -> str:
    return hashlib.sha256(url.encode(errors="surrogatepass")).hexdigest()
