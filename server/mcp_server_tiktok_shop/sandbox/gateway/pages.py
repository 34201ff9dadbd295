"""Paging: a position in a sorted list, sealed into a token that only fits the query it was given for."""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mcp_server_tiktok_shop.sandbox.gateway.schema import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.sorted_items import Key, View

T = TypeVar("T")
# Written as '+/+/': whoever forgets to encode a token for the query sends another one.
MARK = b"\xfb\xff\xbf"
SEAL_BYTES = 8
DEFAULT_SIZE = 20


@dataclass(frozen=True)
class Page(Generic[T]):
    items: list[T]
    next_token: str
    total: int


def cut(view: View[T], query: Json, seal_with: str, *, descending: bool) -> Page[T]:
    """The page that `page_token` in the query points at, or the first one."""
    size = int(query.get("page_size", DEFAULT_SIZE))
    seal = _seal(query, seal_with)
    after = _position(str(query.get("page_token", "")), seal)
    if descending:
        end = len(view.keys) if after is None else bisect_left(view.keys, after)
        start = max(0, end - size)
        items, last, more = view.items[start:end][::-1], start, start > 0
    else:
        start = 0 if after is None else bisect_right(view.keys, after)
        end = min(len(view.keys), start + size)
        items, last, more = view.items[start:end], end - 1, end < len(view.keys)
    token = _token(view.keys[last], seal) if more and items else ""
    return Page(items, token, len(view.items))


def _seal(query: Json, seal_with: str) -> bytes:
    filters = {name: value for name, value in query.items() if name != "page_token"}
    told = json.dumps([seal_with, filters], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=SEAL_BYTES).digest()


def _token(key: Key, seal: bytes) -> str:
    raw = MARK + seal + f"{key[0]}:{key[1]}".encode()
    if len(raw) % 3 == 0:
        raw += b" "
    return base64.b64encode(raw).decode()


def is_token(text: str) -> bool:
    """Whether this is one of our tokens, for whichever query."""
    return text.startswith(base64.b64encode(MARK).decode())


def _position(token: str, seal: bytes) -> Key | None:
    if not token:
        return None
    start = len(MARK) + SEAL_BYTES
    try:
        raw = base64.b64decode(token, validate=True)
        value, _, key = raw[start:].decode().strip().partition(":")
        position = int(value), key
    except ValueError:
        raise refuse("query.page_token", "not a page token") from None
    if raw[:start] != MARK + seal:
        raise refuse("query.page_token", "given for another query; repeat the filters it came from")
    return position


def answer(page: Page[Any], name: str, render: Callable[[Any], Json], *, counted: bool = True) -> Json:
    """A page as most lists answer it; statements and payments tell no total."""
    told: Json = {"next_page_token": page.next_token, name: [render(item) for item in page.items]}
    return told | {"total_count": page.total} if counted else told
