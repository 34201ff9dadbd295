"""The platform's side of request signing: what the signature of the bytes that arrived has to be."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSIGNED_PARAMETERS = frozenset({"sign", "access_token"})


def compute_signature(secret: str, path: str, query: Mapping[str, str], body: bytes = b"", media_type: str = "") -> str:
    """Lower-case hex of HMAC-SHA256 over secret, path, sorted names and decoded values, body, secret.

    A multipart body is left out, whatever its boundary.
    """
    digest = hmac.new(secret.encode(), secret.encode(), hashlib.sha256)
    digest.update(path.encode())
    for name in sorted(set(query) - UNSIGNED_PARAMETERS):
        digest.update(name.encode())
        digest.update(query[name].encode())
    if media_type != "multipart/form-data":
        digest.update(body)
    digest.update(secret.encode())
    return digest.hexdigest()


def is_same_signature(sent: str, expected: str) -> bool:
    """Compared as text: upper-case digits are a wrong signature."""
    return hmac.compare_digest(sent.encode(), expected.encode())
