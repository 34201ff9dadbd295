"""Finds the SKUs to change, each with its product's current state, refusing two changes of one SKU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.tools.jobs.change_lists import list_names, refuse_changes
from mcp_server_tiktok_shop.tools.jobs.product_matches import list_found, list_missing, match_products

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.calls.jobs.job import JobItem
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.jobs.change_lists import Change, ChangeList
    from mcp_server_tiktok_shop.tools.jobs.product_matches import ProductMatch


class SkuMatch(Struct, frozen=True):
    """One SKU that a change is about, as `get_product` answers it, in its product."""

    change: Change
    product: Item
    sku: Json

    @property
    def id(self) -> str:
        return str(self.sku["id"])

    @property
    def status(self) -> str:
        return str(self.product.data.get("status"))

    @property
    def names(self) -> Json:
        """What a person knows it by."""
        names = {"title": self.product.data.get("title"), "seller_sku": self.sku.get("seller_sku")}
        variant = [str(part.get("value_name")) for part in self.sku.get("sales_attributes") or () if part]
        return {name: value for name, value in (names | {"variant": ", ".join(variant)}).items() if value}


class SkuMatches(Struct, frozen=True):
    """The SKUs that changes mean, their products, and as `Plan` holds them the names that mean nothing or something."""

    matches: list[SkuMatch]
    state: CurrentState
    missing: list[JobItem]
    found: Json


async def match_skus(context: JobContext, change_list: ChangeList, operation_name: str) -> SkuMatches:
    """The SKUs of all changes; a product that is named as a whole stands for all of its own.

    Raises:
        ShopError: As `match_products`; `invalid_arguments` where one SKU gets two different values.

    """
    changes = change_list.changes
    names = list_names(changes)
    matches, state = await match_products(
        context, change_list.argument, names, operation_name, has_titles=change_list.has_titles
    )
    products = {item.id: item for item in state.items}
    found: dict[tuple[str, str], SkuMatch] = {}
    faults: list[tuple[Change, str]] = []
    matches_by_name: dict[str, list[ProductMatch]] = {}
    for match in matches:
        matches_by_name.setdefault(match.name, []).append(match)
    for change in changes:
        for match in matches_by_name.get(change.name.strip(), ()):
            for sku in _iter_skus(products[match.product_id], match.sku_id):
                key = str(sku["id"]), change.warehouse
                earlier = found.setdefault(key, SkuMatch(change, products[match.product_id], sku))
                if earlier.change.rule != change.rule:
                    faults.append((change, f"means SKU {key[0]}, which {earlier.change.place} gives another value"))
    if faults:
        raise refuse_changes(change_list.argument, faults)
    # A line of a table is of the shop that has it; what is said of products by name holds in each that has one of it.
    places = {} if change_list.has_titles else {change.name.strip(): change.place for change in changes}
    return SkuMatches(list(found.values()), state, list_missing(names, matches), list_found(matches, places))


def _iter_skus(product: Item, sku_id: str) -> Iterator[dict[str, Any]]:
    for sku in product.data.get("skus") or ():
        if isinstance(sku, dict) and sku.get("id") and sku_id in ("", str(sku["id"])):
            yield sku
