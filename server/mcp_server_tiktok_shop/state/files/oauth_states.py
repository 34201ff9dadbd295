"""OAuth states in one file: a JSON object of states and their expiries."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.private_files import lock_file, make_storage_error, write_private_file
from mcp_server_tiktok_shop.state.stores import OAUTH_STATE_BYTES, OAUTH_STATE_TTL_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_REMEMBERED_STATES = 20


class FileOAuthStates:
    """States in an owner-only file: replaced as a whole, locked across processes. `clock` gives Unix seconds."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock

    async def create(self) -> str:
        return await asyncio.to_thread(self._create)

    async def is_valid(self, state: str) -> bool:
        return state in await asyncio.to_thread(self._read_unexpired)

    def _create(self) -> str:
        state = secrets.token_urlsafe(OAUTH_STATE_BYTES)
        try:
            with lock_file(self._path):
                states = self._read_unexpired()
                states[state] = int(self._clock()) + OAUTH_STATE_TTL_S
                write_private_file(self._path, json.dumps(dict(list(states.items())[-MAX_REMEMBERED_STATES:])).encode())
        except OSError as error:
            raise make_storage_error(self._path, "written", error) from None
        return state

    def _read_unexpired(self) -> dict[str, int]:
        """Expiries by state; none of a damaged file: its sign-ins are begun anew."""
        try:
            states = json.loads(self._path.read_bytes())
            return {str(state): int(expires_at) for state, expires_at in states.items() if expires_at > self._clock()}
        except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, AttributeError):
            return {}
        except OSError as error:
            raise make_storage_error(self._path, "read", error) from None
