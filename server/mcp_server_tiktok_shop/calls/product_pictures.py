"""Finds other products with a listing's pictures, among those sent from here: the audit log knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.json_paths import find_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.stores import Record

PICTURE_PATH = ["main_images", "uri"]
DONE_OUTCOMES = ("done", "partly done")
DELETE_OPERATION, RECOVER_OPERATION = "delete_products", "recover_products"


class PictureUse(Struct, frozen=True):
    """Another product that has `count` of the pictures; `title` is empty where it is not known."""

    product_id: str
    title: str
    count: int


def collect_pictures(values: Json) -> list[str]:
    """The main pictures of a listing, by what the platform calls them."""
    return [uri for uri in find_values(values, PICTURE_PATH) if isinstance(uri, str)]


def find_picture_uses(entries: Iterable[Record], values: Json, shop_id: str) -> tuple[PictureUse, ...]:
    """The products of the shop that have any of these pictures, but for the one that is written about.

    `entries` are oldest first: what was last sent of a product counts, and not what is deleted.
    """
    wanted = set(collect_pictures(values))
    uses: dict[str, PictureUse] = {}
    deleted_ids: set[str] = set()
    for entry in entries:
        if entry.get("shop_id") != shop_id or entry["outcome"] not in DONE_OUTCOMES:
            continue
        if entry.get("operation") == DELETE_OPERATION:
            deleted_ids.update(_iter_ids(entry, "product_ids"))
        elif entry.get("operation") == RECOVER_OPERATION:
            deleted_ids.difference_update(_iter_ids(entry, "product_ids"))
        elif "pictures" in entry:
            count = len(wanted.intersection(map(str, entry["pictures"])))
            for product_id in _iter_ids(entry, "product_id"):
                uses[product_id] = PictureUse(product_id, _find_title(entry, product_id), count)
    own_id = values.get("product_id")
    others = (use for use in uses.values() if use.count and use.product_id not in (own_id, *deleted_ids))
    return tuple(sorted(others, key=lambda use: -use.count))


def _iter_ids(entry: Record, name: str) -> Iterator[str]:
    """The ids of products that an entry names, or that its write made."""
    for source in ("ids", "made"):
        value: Any = entry.get(source, {}).get(name, ())
        yield from map(str, value if isinstance(value, list | tuple) else [value])


def _find_title(entry: Record, product_id: str) -> str:
    things = [thing for thing in entry.get("now", ()) if isinstance(thing, dict)]
    return next((str(thing.get("title", "")) for thing in things if thing.get("product") == product_id), "")
