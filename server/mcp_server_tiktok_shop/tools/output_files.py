"""Saves the files that tools make, named by content and time."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.state.files.private_files import make_storage_error, write_private_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class OutputFolder(Struct, frozen=True):
    """A folder of this server's own; `clock` gives Unix seconds."""

    path: Path
    clock: Callable[[], float]

    async def save(self, stem: str, extension: str, content: bytes) -> Path:
        """The path of a new owner-only file: `stem`, the time in UTC, what no other file is named by, `extension`.

        Raises:
            ShopError: `not_configured` where the folder can't be written.

        """
        timestamp = datetime.fromtimestamp(self.clock(), UTC).strftime("%Y%m%d-%H%M%S")
        path = self.path / f"{stem}-{timestamp}-{secrets.token_hex(3)}.{extension}"
        try:
            await asyncio.to_thread(write_private_file, path, content)
        except OSError as error:
            raise make_storage_error(self.path, "written", error) from None
        return path
