"""Paging: a position in a sorted list, sealed into a token that only fits the query it was given for."""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mcp_server_tiktok_shop.sandbox.gateway.schema import make_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.sorted_items import Key, SortedItems

T = TypeVar("T")
# Written as '+/+/': whoever forgets to encode a token for the query sends another one.
TOKEN_PREFIX = b"\xfb\xff\xbf"
SEAL_BYTES = 8
DEFAULT_PAGE_SIZE = 20


@dataclass(frozen=True)
class ResponsePage(Generic[T]):
    items: list[T]
    next_token: str
    total: int


def paginate(matches: SortedItems[T], query: Json, scope: str, *, descending: bool) -> ResponsePage[T]:
    """The page that `page_token` in the query points at, or the first one."""
    size = int(query.get("page_size", DEFAULT_PAGE_SIZE))
    seal = _compute_seal(query, scope)
    position = _parse_token(str(query.get("page_token", "")), seal)
    if descending:
        end = len(matches.keys) if position is None else bisect_left(matches.keys, position)
        start = max(0, end - size)
        items, last, has_more = matches.items[start:end][::-1], start, start > 0
    else:
        start = 0 if position is None else bisect_right(matches.keys, position)
        end = min(len(matches.keys), start + size)
        items, last, has_more = matches.items[start:end], end - 1, end < len(matches.keys)
    token = _make_token(matches.keys[last], seal) if has_more and items else ""
    return ResponsePage(items, token, len(matches.items))


def _compute_seal(query: Json, scope: str) -> bytes:
    filters = {name: value for name, value in query.items() if name != "page_token"}
    text = json.dumps([scope, filters], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=SEAL_BYTES).digest()


def _make_token(key: Key, seal: bytes) -> str:
    raw = TOKEN_PREFIX + seal + f"{key[0]}:{key[1]}".encode()
    if len(raw) % 3 == 0:
        raw += b" "
    return base64.b64encode(raw).decode()


def is_token(text: str) -> bool:
    """Whether this is one of our tokens, for whichever query."""
    return text.startswith(base64.b64encode(TOKEN_PREFIX).decode())


def _parse_token(token: str, seal: bytes) -> Key | None:
    if not token:
        return None
    start = len(TOKEN_PREFIX) + SEAL_BYTES
    try:
        raw = base64.b64decode(token, validate=True)
        value, _, key = raw[start:].decode().strip().partition(":")
        position = int(value), key
    except ValueError:
        raise make_refusal("query.page_token", "not a page token") from None
    if raw[:start] != TOKEN_PREFIX + seal:
        raise make_refusal("query.page_token", "given for another query; repeat the filters it came from")
    return position


def render_page(page: ResponsePage[Any], name: str, render: Callable[[Any], Json], *, counted: bool = True) -> Json:
    """A page as most lists answer it; statements and payments tell no total."""
    payload: Json = {"next_page_token": page.next_token, name: [render(item) for item in page.items]}
    return payload | {"total_count": page.total} if counted else payload
