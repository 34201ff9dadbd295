"""The signature that the platform asks of every request but the token calls, and the one it gives its notifications."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSIGNED = frozenset({"sign", "access_token"})


def sign(secret: str, path: str, query: Mapping[str, str], body: bytes = b"") -> str:
    """Lower-case hex HMAC-SHA256 over path, sorted query and the exact bytes of the body.

    `query` holds decoded values. Pass no body for a multipart upload: its bytes are not signed.
    """
    pairs = "".join(name + query[name] for name in sorted(query) if name not in UNSIGNED)
    message = f"{secret}{path}{pairs}".encode() + body + secret.encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def sign_webhook(key: str, secret: str, body: bytes) -> str:
    """The `Authorization` that the platform sends with a notification whose raw body this is."""
    return hmac.new(secret.encode(), key.encode() + body, hashlib.sha256).hexdigest()
