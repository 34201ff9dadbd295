"""Reads what accompanies a new token pair: anything odd is left out, and the pair is kept."""

from __future__ import annotations

import re
from typing import Any

MIN_UNIX_SECONDS = 10**9  # of a moment, in 2001: what is smaller is a duration
MIN_UNIX_MILLISECONDS = 10**11
MAX_TEXT_CHARS = 1000  # of a name, region or scope in a token answer
MAX_SCOPES = 1000


def read_account_id(data: dict[str, Any]) -> str:
    """The id of the account that a token answer's `data` is for: the seller's open id, or their name and region."""
    names = (read_name(data.get(field_name)) for field_name in ("seller_name", "seller_base_region"))
    return read_name(data.get("open_id")) or "-".join(names)


def read_name(value: Any) -> str:
    """A text of a token answer; empty where it is none."""
    return str(value)[:MAX_TEXT_CHARS] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def read_secret(value: Any) -> str:
    """A token or cipher of an answer; empty where it is none, or holds half a character, which no request carries."""
    return value if isinstance(value, str) and value.encode(errors="ignore").decode() == value else ""


def read_scopes(value: Any) -> tuple[str, ...]:
    """The scopes of a token answer, which lists them, or writes them into one text; what is none is left out."""
    scopes = re.split(r"[\s,]+", value) if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(filter(None, (scope[:MAX_TEXT_CHARS] for scope in scopes if isinstance(scope, str))))[:MAX_SCOPES]


def parse_expiry(value: Any, now: float) -> int:
    """Unix seconds of an expiry, which is written so, in milliseconds, or as seconds from `now`.

    0, for unknown, where it makes no sense or is past: then the platform says when a token no longer works.
    """
    try:
        number = 0 if isinstance(value, bool) else max(0, int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return 0
    if number >= MIN_UNIX_MILLISECONDS:
        number //= 1000
    elif 0 < number < MIN_UNIX_SECONDS:
        number += int(now)
    return number if now < number < MIN_UNIX_MILLISECONDS else 0
