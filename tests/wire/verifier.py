"""What `sign` should be, worked out from the raw request alone, sharing no code with the server.

Follows the platform's documentation. Everything stays bytes: the verifier never decodes a text that it was sent.
"""

from __future__ import annotations

import hashlib
import hmac

HEX_DIGITS = b"0123456789abcdefABCDEF"
PERCENT, PLUS, SPACE = 0x25, 0x2B, 0x20


def expected_sign(secret: str, target: str, body: bytes, content_type: str | None) -> str:
    """Give the signature that a request with this raw target and these body bytes must bear."""
    path, pairs = split(target)
    values = first_values(pairs)
    message = bytearray(secret.encode())
    message += path
    for name in sorted(values):
        if name not in (b"sign", b"access_token"):
            message += name + values[name]
    if not is_multipart(content_type):
        message += body
    message += secret.encode()
    return hmac.new(secret.encode(), bytes(message), hashlib.sha256).hexdigest()


def sent_sign(target: str) -> str | None:
    sign = first_values(split(target)[1]).get(b"sign")
    return None if sign is None else sign.decode("latin-1")


def split(target: str) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Give the decoded path, and the decoded pairs of the query in the order they were sent."""
    raw_path, _, raw_query = target.encode("latin-1").partition(b"?")
    pairs = []
    for piece in raw_query.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            pairs.append((percent_decode(name, plus=SPACE), percent_decode(value, plus=SPACE)))
    return percent_decode(raw_path, plus=PLUS), pairs


def first_values(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Keep the first value of each name: that is all the platform's own sample looks at."""
    values: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name not in values:
            values[name] = value
    return values


def percent_decode(text: bytes, plus: int) -> bytes:
    """Decode `%XX`; `plus` is what a plus sign stands for: a space in a query, itself in a path."""
    decoded = bytearray()
    at = 0
    while at < len(text):
        digits = text[at + 1 : at + 3]
        if text[at] == PERCENT and len(digits) == 2 and all(digit in HEX_DIGITS for digit in digits):
            decoded.append(int(digits, 16))
            at += 3
        else:
            decoded.append(plus if text[at] == PLUS else text[at])
            at += 1
    return bytes(decoded)


def is_multipart(content_type: str | None) -> bool:
    """Compare the media type, not the whole header: the boundary behind it must not matter."""
    return (content_type or "").split(";")[0].strip().lower() == "multipart/form-data"
