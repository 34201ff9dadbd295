"""Issued documents in one file: a line for each link, its expiry and its fingerprint."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.private_files import lock_file, make_storage_error, write_private_file
from mcp_server_tiktok_shop.state.stores import DOCUMENT_URL_TTL_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_REMEMBERED_URLS = 2000
LINE_WORDS = 2  # expiry in Unix seconds, fingerprint

log = logging.getLogger(__name__)


class FileIssuedDocuments:
    """Lines in an owner-only file: replaced as a whole, locked across processes. `clock` gives Unix seconds."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock

    async def remember(self, url: str) -> None:
        """Remember a link, so that it may be fetched; a disk that refuses is logged, and the call goes on."""
        try:
            await asyncio.to_thread(self._remember, url)
        except (OSError, ShopError) as error:  # resize_pdf can still go by package_id
            log.warning("a document's link could not be remembered: %s", error)

    def _remember(self, url: str) -> None:
        with lock_file(self._path):
            now = self._clock()
            expiries = {
                fingerprint: expires_at for fingerprint, expires_at in self._read_expiries().items() if expires_at > now
            }
            expiries[_compute_fingerprint(url)] = int(now) + DOCUMENT_URL_TTL_S
            lines = (
                f"{expires_at} {fingerprint}\n"
                for fingerprint, expires_at in list(expiries.items())[-MAX_REMEMBERED_URLS:]
            )
            write_private_file(self._path, "".join(lines).encode())

    async def is_issued(self, url: str) -> bool:
        expiries = await asyncio.to_thread(self._read_expiries)
        return expiries.get(_compute_fingerprint(url), 0) > self._clock()

    def _read_expiries(self) -> dict[str, int]:
        """Expiries by fingerprint; what is no such line, left by a full disk, is passed over."""
        try:
            rows = [line.split() for line in self._path.read_text(encoding="ascii", errors="replace").splitlines()]
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise make_storage_error(self._path, "read", error) from None
        return {row[1]: int(row[0]) for row in rows if len(row) == LINE_WORDS and row[0].isdecimal()}


def _compute_fingerprint(url: str) -> str:
    """What is stored in a link's place: whoever has the link can fetch the document."""
    return hashlib.sha256(url.encode()).hexdigest()
