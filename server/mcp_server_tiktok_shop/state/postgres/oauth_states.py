"""OAuth states of a tenant in PostgreSQL."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.stores import OAUTH_STATE_BYTES, OAUTH_STATE_TTL_S

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.stores import ExpiringRecords


class RecordedOAuthStates:
    """States that are the keys of `records`."""

    def __init__(self, records: ExpiringRecords) -> None:
        self._records = records

    async def create(self) -> str:
        state = secrets.token_urlsafe(OAUTH_STATE_BYTES)
        await self._records.put(state, {}, OAUTH_STATE_TTL_S)
        return state

    async def is_valid(self, state: str) -> bool:
        return state.isascii() and state.isprintable() and await self._records.get(state) is not None
