"""Secrets that all replicas share, encrypted in PostgreSQL: the bearer token of clients."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.postgres.value_cipher import ValuePlace

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.postgres.database import Database
    from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher

BEARER_TOKEN = "http-token"  # noqa: S105 - its name
TOKEN_BYTES = 32
INSERT = "INSERT INTO server_secrets (name, key_id, secret) VALUES (%s, %s, %s) ON CONFLICT (name) "
PLACE = ValuePlace("", "server", BEARER_TOKEN)


async def get_shared_token(database: Database, cipher: ValueCipher, *, is_renewed: bool = False) -> tuple[str, bool]:
    """The token of all replicas, and whether it was made just now: where there is none yet, or it `is_renewed`.

    Raises:
        ShopError: As `Database.transact` and `ValueCipher.unseal`.

    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    on_conflict = "DO UPDATE SET key_id = excluded.key_id, secret = excluded.secret" if is_renewed else "DO NOTHING"
    values = (BEARER_TOKEN, cipher.key_id, cipher.seal(token, PLACE))
    if await database.fetch_one(f"{INSERT}{on_conflict} RETURNING name", *values) is not None:
        return token, True
    row = await database.fetch_one("SELECT key_id, secret FROM server_secrets WHERE name = %s", BEARER_TOKEN)
    if row is None:  # whoever deletes it while a replica starts
        raise ShopError(
            "internal", "The shared token disappeared while it was being read.", hint="Try again.", retryable=True
        )
    return cipher.unseal(row[1], row[0], PLACE), False


async def reseal_token(database: Database, cipher: ValueCipher) -> None:
    """Seal the token with the key in force. Raises as `get_shared_token`."""
    async with database.transact() as connection:
        select = "SELECT key_id, secret FROM server_secrets WHERE name = %s FOR UPDATE"
        row = await (await connection.execute(select, (BEARER_TOKEN,))).fetchone()
        if row is not None:
            sealed = cipher.seal(cipher.unseal(row[1], row[0], PLACE), PLACE)
            update = "UPDATE server_secrets SET key_id = %s, secret = %s WHERE name = %s"
            await connection.execute(update, (cipher.key_id, sealed, BEARER_TOKEN))
