"""Our own arguments, beside the platform's: which shop, how much of an answer, how a write is done."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

ALL_PAGES = "all"
OWN: dict[str, Json] = {
    "shop": {"type": "string", "description": "from list_shops"},
    "category_asset": {
        "type": "string",
        "description": "market/category, from get_authorized_category_assets; where several",
    },
    "fields": {
        "type": "array",
        "items": {"type": "string"},
        "x-single": True,
        "description": 'paths such as orders.id; ["*"]: all',
    },
    "pages": {"type": "string", "pattern": r"^(all|[1-9]\d{0,3})$", "description": "how many to walk, or all"},
    "dry_run": {"type": "boolean", "description": "show, do not send"},
    "confirm": {"type": "string", "description": "token of confirmation_required, once the person agreed"},
    "repeat": {
        "type": "boolean",
        "unlisted": True,
        "description": "true: send again what has an unknown outcome, after a look",
    },
}
# Given beside `arguments` to the tools that run any operation, they mean the same as inside.
RUN = {"read": ("fields", "pages"), "write": ("dry_run", "confirm", "repeat")}


def takes_shop(operation: Operation) -> bool:
    """Whether `shop` chooses something: the shop itself, or whose token is used."""
    if takes_asset(operation) and operation.cipher == "never":
        return False
    return operation.asks_platform or bool(operation.record.get("takes_shop"))


def takes_asset(operation: Operation) -> bool:
    """Whether `category_asset` chooses what an affiliate partner's operation is for."""
    return operation.record.get("other_cipher") == "category_asset_cipher"


@cache
def own(operation: Operation) -> tuple[str, ...]:
    """The names of our own arguments that the operation takes."""
    if operation.runs is not None:
        return RUN[operation.runs]
    reads = operation.asks_platform and operation.effect == "read"
    writes = operation.sends
    taken = {
        "shop": takes_shop(operation),
        "category_asset": takes_asset(operation),
        "fields": reads,
        "pages": reads and "page_token" in operation.arguments,
        "dry_run": writes,
        "confirm": writes,
        "repeat": writes and operation.asks_platform,
    }
    return tuple(name for name, there in taken.items() if there)


@cache
def accepted(operation: Operation) -> dict[str, Json]:
    """The schemas of all arguments that the operation takes, the platform's and ours."""
    return operation.arguments | schemas_of(own(operation))


def schemas_of(names: Iterable[str]) -> dict[str, Json]:
    return {name: OWN[name] for name in names}
