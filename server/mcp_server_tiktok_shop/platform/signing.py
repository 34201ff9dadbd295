"""Request signing: the signature of every call but the token calls, and the one on the platform's webhooks."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSIGNED = frozenset({"sign", "access_token"})


def sign(secret: str, path: str, query: Mapping[str, str], body: bytes = b"") -> str:
    """Lower-case hex HMAC-SHA256 over path, sorted query and the exact bytes of the body, with the app's secret.

    `query` holds decoded values. Pass no body for a multipart upload: its bytes are not signed. Source: the
    page on signing in Partner Center's documentation.
    """
    pairs = "".join(name + query[name] for name in sorted(query) if name not in UNSIGNED)
    message = f"{secret}{path}{pairs}".encode() + body + secret.encode()
    return hmac.digest(secret.encode(), message, "sha256").hex()


def sign_webhook(key: str, secret: str, body: bytes) -> str:
    """The `Authorization` that the platform sends with a webhook of this raw body: lower-case hex HMAC-SHA256.

    `key` and `secret` are the app's.
    """
    return hmac.digest(secret.encode(), key.encode() + body, "sha256").hex()
