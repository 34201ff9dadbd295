"""The connection to Redis: short timeouts, and no command sent twice unless that is harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

if TYPE_CHECKING:
    from pydantic import SecretStr

TIMEOUT_S = 0.25  # it is there to make calls go well: none waits long for it
RETRY_PAUSE_S = 1.0  # before it is asked again, once it did not answer


def make_client(url: str, password: SecretStr, retry_count: int = 0) -> Redis:
    """A client that sends a command again so often whose answer was lost, or whose connection a restart had cut."""
    return Redis.from_url(
        url,
        password=password.get_secret_value() or None,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), retry_count),
        client_name="mcp-server-tiktok-shop",
    )
