"""Finds which SKUs of a listing a shop in another country already sells, and which are left out of a copy to it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.current_state import READ_STATE_TIMEOUT_S
from mcp_server_tiktok_shop.calls.listing_preview import DELETED_STATUS
from mcp_server_tiktok_shop.calls.new_prices import get_rows
from mcp_server_tiktok_shop.calls.value_texts import to_single_line
from mcp_server_tiktok_shop.errors import ShopError, contain_faults
from mcp_server_tiktok_shop.json_paths import find_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mcp_server_tiktok_shop.calls.current_state import CurrentStateReader, Item
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.shops import Target

REPLICATION_OPERATION, SEARCH_OPERATION = "replicate_product", "search_products"
TARGETS = "replicate_target"
MAX_SKUS_PER_SEARCH, MAX_SEARCHES = 10, 5
MAX_NAMED_SKUS = 10

log = logging.getLogger(__name__)


class ListingsAbroad(Struct, frozen=True):
    """Warns before a listing is put on sale in other countries; what the shops there sell is read by `reader`."""

    reader: CurrentStateReader

    async def find_warnings(self, values: Json, items: Sequence[Item], target: Target) -> list[str]:
        """Sentences on each country: the SKUs that do not go there, and those that are listed there already."""
        product = next((item for item in items if item.noun == "product" and not item.problem), None)
        entries = get_rows(values, TARGETS)
        if product is None or not entries:
            return []
        try:
            targets = await self.reader.platform.shops.list_targets()
        except ShopError:  # a warning less is no reason to stop the write
            targets = []
        codes = await asyncio.gather(
            *(self._find_listed(entry, product, _find_target(entry, targets, target)) for entry in entries)
        )
        return [
            text
            for entry, listed in zip(entries, codes, strict=True)
            for text in (*_describe_rest(entry, product.data), *_describe_stranger(entry, targets, target), *listed)
        ]

    async def _find_listed(self, entry: Json, product: Item, target: Target | None) -> list[str]:
        """What the country's shop has with a code of the listing's, but for what was deleted there."""
        region = to_single_line(str(entry.get("region", "")))
        wanted = list(dict.fromkeys(_iter_codes(entry, product.data)))
        if target is None:
            return [f"What is listed in {region} already could not be looked up: no shop there can be asked"]
        found: dict[str, Json] = {}
        with contain_faults(log, "what is listed in %s can't be looked up", region):
            try:
                async with asyncio.timeout(READ_STATE_TIMEOUT_S):
                    for start in range(0, min(len(wanted), MAX_SKUS_PER_SEARCH * MAX_SEARCHES), MAX_SKUS_PER_SEARCH):
                        arguments = {"seller_skus": wanted[start : start + MAX_SKUS_PER_SEARCH], "page_size": 50}
                        answer = await self.reader.call(SEARCH_OPERATION, arguments, target)
                        found |= {
                            str(row.get("id")): row for row in get_rows((answer or {}).get("data", {}), "products")
                        }
            except (TimeoutError, ShopError):
                return [f"What is listed in {region} already could not be looked up"]
        return [
            text
            for row in found.values()
            if row.get("status") != DELETED_STATUS
            if (text := _describe_listed(row, wanted, region))
        ]


def _find_target(entry: Json, targets: Iterable[Target], home: Target) -> Target | None:
    """A shop of the country: of the listing's own account before another's."""
    region = str(entry.get("region", "")).upper()
    there = [
        each for each in targets if each.shop is not None and region and (each.shop.region or "").upper() == region
    ]
    return next((each for each in there if each.account.id == home.account.id), next(iter(there), None))


def _describe_stranger(entry: Json, targets: Iterable[Target], home: Target) -> Iterator[str]:
    """That the country's shop here is another account's, where the listing's own account has none there."""
    there = _find_target(entry, targets, home)
    if there is not None and there.shop is not None and there.account.id != home.account.id:
        texts = (entry["region"], there.shop.name, there.account.name or there.account.id)
        region, name, account = (to_single_line(str(text)) for text in texts)
        yield f"The shop in {region}, {name}, belongs to another account ({account}); copies go to the seller's own"


def _iter_codes(entry: Json, product: Json) -> Iterator[str]:
    """The seller's codes that the copy may bear: those that are given, else the original's."""
    given = get_rows(entry, "skus")
    own = {str(sku.get("id")): str(sku.get("seller_sku") or "") for sku in get_rows(product, "skus")}
    codes = [str(sku.get("seller_sku") or own.get(str(sku.get("source_sku_id")), "")) for sku in given]
    yield from filter(None, codes or own.values())


def _describe_rest(entry: Json, product: Json) -> Iterator[str]:
    """Which SKUs of the listing do not go there, where those that go are named."""
    given = {str(sku.get("source_sku_id")) for sku in get_rows(entry, "skus")}
    skus = get_rows(product, "skus")
    rest = [str(sku.get("seller_sku") or sku.get("id")) for sku in skus if str(sku.get("id")) not in given]
    if given and rest:
        region = to_single_line(str(entry.get("region", "")))
        yield f"{len(skus) - len(rest)} of the listing's {len(skus)} SKUs go to {region}; left out: {_name(rest)}"


def _describe_listed(row: Json, wanted: Sequence[str], region: str) -> str:
    """The codes that a listing there has, each with its price; empty where it has none of them."""
    parts = []
    for sku in get_rows(row, "skus"):
        code = str(sku.get("seller_sku") or "")
        if code in wanted:
            price = next(iter(find_values(sku, ["price", "sale_price"])), "")
            currency = next(iter(find_values(sku, ["price", "currency"])), "")
            parts.append(" at ".join(filter(None, (code, f"{price} {currency}".strip()))))
    if not parts:
        return ""
    status = to_single_line(str(row.get("status") or ""))
    return f"Listed in {region} already, as product {to_single_line(str(row.get('id')))} ({status}): {_name(parts)}"


def _name(texts: Sequence[Any]) -> str:
    more = f" and {len(texts) - MAX_NAMED_SKUS} more" if len(texts) > MAX_NAMED_SKUS else ""
    return f"{', '.join(to_single_line(str(text)) for text in texts[:MAX_NAMED_SKUS])}{more}"
