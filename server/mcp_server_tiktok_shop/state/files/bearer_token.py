"""The bearer token of clients over HTTP: made once, kept in an owner-only file."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.private_files import lock_file, make_storage_error, write_private_file

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_BYTES = 32
TOKEN_PATTERN = re.compile(r"[A-Za-z0-9_-]{43}")


def get_bearer_token(path: Path, *, is_renewed: bool = False) -> str:
    """The token in the file; made where there is none yet, what lies there is no token, or it `is_renewed`.

    Raises:
        ShopError: `not_configured`, where the file can't be read or written.

    """
    try:
        with lock_file(path):
            token = "" if is_renewed else _read_token(path)
            if not token:
                token = secrets.token_urlsafe(TOKEN_BYTES)
                write_private_file(path, token.encode())
            return token
    except OSError as error:
        raise make_storage_error(path, "written", error) from error


def _read_token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    return token if TOKEN_PATTERN.fullmatch(token) else ""
