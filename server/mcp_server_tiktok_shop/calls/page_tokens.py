"""Joins the page tokens of several shops to one, which goes on in each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

PAGE_TOKEN = "page_token"  # noqa: S105 - an argument's name
JOINED_PREFIX = "shops:"
MAX_MOMENT_DIGITS = 13  # Unix milliseconds
SEPARATORS = ("%", "|", "&", "=")  # which a name can't hold as they are; the first of them is that of an escape


def join_page_tokens(pages: Mapping[str, Json]) -> str:
    """The token that goes on at shops; `pages` are by a shop's name its own token and the times that go with it."""
    parts = (
        "&".join(_write_pair(*pair) for pair in ((shop, page[PAGE_TOKEN]), *_list_filters(page)))
        for shop, page in pages.items()
    )
    return JOINED_PREFIX + "|".join(parts)


def is_joined_token(token: Any) -> bool:
    """Whether a page token is of several shops."""
    return isinstance(token, str) and token.startswith(JOINED_PREFIX)


def split_page_token(token: Any) -> dict[str, Json] | None:
    """By a shop's name the arguments that go on there; None of a token that is one shop's own.

    Raises:
        ShopError: `invalid_arguments` of a joined token that was changed on its way.

    """
    if not is_joined_token(token):
        return None
    pages: dict[str, Json] = {}
    for part in token.removeprefix(JOINED_PREFIX).split("|"):
        pairs = [pair.partition("=") for pair in part.split("&")]
        if not all(name and value for name, _, value in pairs) or not all(_is_moment(pair[2]) for pair in pairs[1:]):
            raise make_token_error("is no next_page_token of several shops", "the last next_page_token, as it was")
        (shop, _, own_token), *filters = pairs
        pages[unquote(shop)] = {unquote(name): int(value) for name, _, value in filters} | {
            PAGE_TOKEN: unquote(own_token)
        }
    return pages


def select_page_token(token: str, shop: str) -> str | None:
    """The part of a joined token that goes on at one of its shops; None where that is at its end."""
    pages = split_page_token(token) or {}
    return join_page_tokens({shop: pages[shop]}) if shop in pages else None


def drop_joined_token(operation: Operation, values: Json) -> Json:
    """The values without a token of several shops, of which the limits of a single one's do not hold."""
    if operation.effect == "read" and is_joined_token(values.get(PAGE_TOKEN)):
        return {name: value for name, value in values.items() if name != PAGE_TOKEN}
    return values


def make_token_error(message: str, allowed: str) -> ShopError:
    """The refusal of a page token, with what may be given instead."""
    problem = Problem(PAGE_TOKEN, message, allowed)
    return ShopError("invalid_arguments", f"{PAGE_TOKEN} {message}", problems=(problem,))


def _is_moment(text: str) -> bool:
    return text.isdecimal() and len(text) <= MAX_MOMENT_DIGITS


def _list_filters(page: Json) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in page.items() if name != PAGE_TOKEN]


def _write_pair(name: str, value: Any) -> str:
    return f"{_escape(name, SEPARATORS)}={_escape(str(value), SEPARATORS[:3])}"


def _escape(text: str, characters: tuple[str, ...]) -> str:
    for character in characters:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
