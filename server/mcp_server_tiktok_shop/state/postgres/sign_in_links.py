"""Links for signing in to a tenant from elsewhere, in PostgreSQL: each valid once, for a day."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from mcp_server_tiktok_shop.state.postgres.tenants import TenantDirectory
from mcp_server_tiktok_shop.state.stores import SIGN_IN_LINK_TTL_S

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.postgres.database import Database

LINK_MEMORY_S = 7 * 24 * 3600  # after which nobody is told any more that it had been good
STATE_BYTES = 32  # of randomness
STATE_PATTERN = re.compile(r"[A-Za-z0-9_-]{43}")
INSERT = "INSERT INTO sign_in_links (state_digest, tenant_id, expires_at) VALUES (%s, %s, unix_now() + %s)"
REDEEM = """
UPDATE sign_in_links SET used_at = unix_now()
WHERE state_digest = %s AND used_at IS NULL AND expires_at > unix_now() RETURNING tenant_id
"""
SELECT_USE = "SELECT used_at IS NOT NULL FROM sign_in_links WHERE state_digest = %s"
RELEASE = "UPDATE sign_in_links SET used_at = NULL WHERE state_digest = %s"


class RedeemedLink(Struct, frozen=True):
    """Whose link it is that was redeemed just now."""

    tenant_id: str


class SignInLinks:
    """The links of all tenants. What stands in the address is not stored, but its digest."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, tenant_id: str) -> str:
        """The `state` of a new link. Raises as `TenantDirectory.read`."""
        await TenantDirectory(self._database).read(tenant_id)
        state = secrets.token_urlsafe(STATE_BYTES)
        await self._database.execute(INSERT, _compute_digest(state), tenant_id, SIGN_IN_LINK_TTL_S)
        return state

    async def redeem(self, state: str) -> RedeemedLink | Literal["unknown", "used", "expired"]:
        """Use a link, which of any number of attempts at once succeeds once; else why it is not good.

        Raises:
            ShopError: As `Database.transact`.

        """
        digest = _compute_digest(state)
        row = await self._database.fetch_one(REDEEM, digest)
        if row is not None:
            return RedeemedLink(row[0])
        row = await self._database.fetch_one(SELECT_USE, digest)
        if row is None:
            return "unknown"
        return "used" if row[0] else "expired"

    async def release(self, state: str) -> None:
        """Let a link be used again, whose use came to nothing. Raises as `redeem`."""
        await self._database.execute(RELEASE, _compute_digest(state))


def may_be_state(text: str) -> bool:
    """Whether a link may have had this, by its form alone."""
    return STATE_PATTERN.fullmatch(text) is not None


def _compute_digest(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()
