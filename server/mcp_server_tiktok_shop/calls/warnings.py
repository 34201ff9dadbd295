"""Finds what a person should be warned of before a write, from the current state of the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.amount_warnings import warn_of_amounts
from mcp_server_tiktok_shop.calls.chat_warnings import find_chat_warnings
from mcp_server_tiktok_shop.calls.listing_preview import LISTING_OPERATION, warn_of_twins
from mcp_server_tiktok_shop.calls.new_prices import (
    get_amount,
    get_rows,
    get_sale_price,
    has_prices,
    iter_new_prices,
    iter_rows,
    to_number,
)
from mcp_server_tiktok_shop.calls.plan_warnings import warn_of_no_change, warn_of_past_times, warn_of_split
from mcp_server_tiktok_shop.calls.value_texts import quote, to_single_line
from mcp_server_tiktok_shop.catalog.markets import find_market_values, is_in_markets
from mcp_server_tiktok_shop.catalog.warning_rules import find_warning_rules
from mcp_server_tiktok_shop.json_paths import find_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.cost_book import CurrentCosts
    from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
    from mcp_server_tiktok_shop.calls.product_pictures import PictureUse
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.state.accounts import Shop

MAX_PRICE_FACTOR = 2  # a price is warned of that comes to more than this many times the old one, or less than its part
MAX_STOCK_FACTOR = 2  # the same of stock, downwards alone
MAX_DISCOUNT_PERCENT = 50
SENDING_OPERATION = "send_message"
MAX_NAMED_IDS, MAX_NAMED_PRODUCTS = 3, 20  # of many that one warning is about
MAX_TITLE_CHARS = 60
MIN_ALL = 2  # things that "all of them" is said of


def find_warnings(
    operation: Operation,
    values: Json,
    state: CurrentState,
    shop: Shop | None,
    costs: CurrentCosts,
    zone: ZoneInfo,
    now: float,
    picture_uses: Sequence[PictureUse] = (),
) -> list[str]:
    """Sentences on what is unusual or will be refused, the gravest first; what others wrote is quoted in them.

    `costs` are what goods cost, as far as that is known: `has_prices` tells whether they are asked for. Times without
    offset are read in `zone`; `now` is Unix seconds. `picture_uses` are other products with the same pictures.
    """
    items = [item for item in state.items if not item.problem]
    warnings = [
        *_warn_by_rules(operation, items),
        *warn_of_amounts(operation, values, items, shop),
        *warn_of_split(operation, values, items),
        *warn_of_past_times(operation, values, items, zone, now),
        *warn_of_no_change(operation, values, items, zone),
        *_warn_of_market(operation, values, shop),
        *_warn_of_all(values, items, state),
        *_warn_of_open_orders(items, state),
        *_warn_of_prices(values, items),
        *_warn_of_promotion_prices(values, items),
        *_warn_of_prices_below_cost(values, items, shop, costs),
        *_warn_of_falling_stock(values, items),
        *_warn_of_pictures(picture_uses),
    ]
    if operation.name == SENDING_OPERATION:
        warnings += find_chat_warnings(items)
    if operation.name == LISTING_OPERATION:
        warnings += warn_of_twins(values, state.surroundings)
    warnings += _warn_of_missing(state)
    return list(dict.fromkeys(_to_sentence(warning) for warning in warnings))


def _warn_by_rules(operation: Operation, items: list[Item]) -> Iterator[str]:
    for rule in find_warning_rules(operation):
        found = [
            (item, value)
            for item in items
            if item.noun == rule.noun
            for value in find_values(item.data, rule.field.split("."))
            if rule.applies_to(value)
        ]
        if not rule.is_of_all:
            yield from (rule.text.format(id=_show_name(i), value=to_single_line(str(value))) for i, value in found)
        elif found:
            yield rule.text.format(count=len(found))


def _warn_of_market(operation: Operation, values: Json, shop: Shop | None) -> Iterator[str]:
    """Of what the platform offers in other markets alone, and of values, given or by default, that it takes there."""
    region = (shop.region if shop else "") or ""
    markets = operation.record.get("regions", ())
    if region and markets and not is_in_markets(region, markets):
        yield f"TikTok offers {operation.name} to shops in {', '.join(markets)}; this one is in {region}"
    for name, schema in operation.arguments.items() if region else ():
        allowed = find_market_values(schema, region)
        value = values.get(name, schema.get("default"))
        if allowed and isinstance(value, str) and value not in allowed:
            default = "" if name in values else ", which stands where nothing is given"
            right = " or ".join(allowed)
            yield f"in {region} TikTok takes {right} alone as {name}, not {to_single_line(value)}{default}"


def _warn_of_pictures(uses: Sequence[PictureUse]) -> Iterator[str]:
    """Of products that have the same pictures already: the listing may have been given those of another."""
    if not uses:
        return
    named = ", ".join(
        quote(use.title, MAX_TITLE_CHARS) if use.title else use.product_id for use in uses[:MAX_NAMED_IDS]
    )
    more = f" and {len(uses) - MAX_NAMED_IDS} more" if len(uses) > MAX_NAMED_IDS else ""
    count = uses[0].count
    yield f"{count} of its pictures {'is' if count == 1 else 'are'} in another product already: {named}{more}"


def _warn_of_missing(state: CurrentState) -> Iterator[str]:
    for noun in dict.fromkeys(item.noun for item in state.items if item.is_missing):
        ids = [_show_id(item) for item in state.items if item.noun == noun and item.is_missing]
        more = f" and {len(ids) - MAX_NAMED_IDS} more" if len(ids) > MAX_NAMED_IDS else ""
        yield f"not found here: {noun} {', '.join(ids[:MAX_NAMED_IDS])}{more}"


def _warn_of_open_orders(items: list[Item], state: CurrentState) -> Iterator[str]:
    """Of products that are sold in orders which are not shipped yet: those in most of them first."""
    surrounding = state.surroundings.get("open_orders")
    if surrounding is None:
        return
    order_ids: dict[str, list[str]] = {}
    for order in surrounding["rows"]:
        for product_id in dict.fromkeys(map(str, find_values(order, ["line_items", "product_id"]))):
            order_ids.setdefault(product_id, []).append(str(order.get("id")))
    ordered = sorted(
        (item for item in items if item.noun == "product" and item.id in order_ids), key=lambda i: -len(order_ids[i.id])
    )
    if len(ordered) == 1:
        ids = order_ids[ordered[0].id]
        orders = f"order {ids[0]}" if len(ids) == 1 else f"{len(ids)} orders, such as {ids[0]}"
        yield f"product {_show_title(ordered[0])} is in {orders}, awaiting shipment"
    elif ordered:
        named = ", ".join(f"{_show_title(i)} in {len(order_ids[i.id])}" for i in ordered[:MAX_NAMED_PRODUCTS])
        more = len(ordered) - MAX_NAMED_PRODUCTS
        rest = f", and {more} more" if more > 0 else ""
        yield f"{len(ordered)} of these products are in orders awaiting shipment: {named}{rest}"
    if not surrounding["is_whole"]:
        yield f"only {len(surrounding['rows'])} of the orders awaiting shipment were looked through"


def _warn_of_prices(values: Json, items: list[Item]) -> Iterator[str]:
    """Of prices that become less than half or more than twice of what they are."""
    old_prices = {str(sku.get("id")): sku.get("price") for sku in iter_rows(items, "skus")}
    for sku in get_rows(values, "skus"):
        new_price, old_price = sku.get("price"), old_prices.get(str(sku.get("id")))
        if not isinstance(new_price, dict) or not isinstance(old_price, dict):
            continue
        is_comparable = new_price.get("currency", old_price.get("currency")) == old_price.get("currency")
        if is_comparable and (change := _describe_price_change(old_price.get("sale_price"), get_amount(new_price))):
            yield f"the price of SKU {to_single_line(str(sku.get('id', '')))} {change}"


def _warn_of_promotion_prices(values: Json, items: list[Item]) -> Iterator[str]:
    """Of promotion prices under half of the price, and discounts of more than half."""
    prices_by_sku: dict[str, Any] = {}
    for item in items:
        if item.noun != "product":
            continue
        prices = {str(sku.get("id")): get_sale_price(sku) for sku in get_rows(item.data, "skus")}
        prices_by_sku |= prices
        prices_by_sku[item.id] = next(iter(prices.values()), None)
    for product in get_rows(values, "products"):
        for row in (product, *get_rows(product, "skus")):
            row_id = str(row.get("id", ""))
            amount, discount = to_number(row.get("activity_price_amount")), to_number(row.get("discount"))
            if discount is not None and discount > MAX_DISCOUNT_PERCENT:
                yield f"{to_single_line(row_id)} gets a discount of {discount} %"
            old_amount = to_number(prices_by_sku.get(row_id))
            if amount is not None and old_amount is not None and amount >= old_amount:
                name = to_single_line(row_id)
                yield f"the promotion price of {name}, {amount}, is no less than its price of {old_amount}"
            elif amount is not None and (change := _describe_price_change(old_amount, str(amount))):
                yield f"the promotion price of {to_single_line(row_id)} {change}"


def _warn_of_prices_below_cost(
    values: Json, items: list[Item], shop: Shop | None, costs: CurrentCosts
) -> Iterator[str]:
    """Of prices below what the goods cost; or that the costs can't be read, where there are any."""
    if costs.problem and has_prices(values):
        yield costs.problem.rstrip(".")
    for price in iter_new_prices(values, items, shop):
        cost = costs.find(price.seller_sku, price.sku_id, price.currency)
        if cost is not None and price.amount < cost:
            name = to_single_line(price.seller_sku or price.sku_id)
            yield f"{price.title} of SKU {name}, {price.amount:f}, is below its cost of {cost:f} {price.currency}"


def _warn_of_falling_stock(values: Json, items: list[Item]) -> Iterator[str]:
    """Of SKUs on sale whose stock falls to less than half, or to nothing."""
    old_rows = {
        str(sku.get("id")): find_values(sku, ["inventory", "quantity"])
        for item in items
        if item.data.get("status") == "ACTIVATE"
        for sku in get_rows(item.data, "skus")
    }
    for sku in get_rows(values, "skus"):
        sku_id = str(sku.get("id", ""))
        quantities = [to_number(quantity) for quantity in find_values(sku, ["inventory", "quantity"])]
        old_total = sum(filter(None, map(to_number, old_rows.get(sku_id, ()))))
        new_total = sum(filter(None, quantities))
        if quantities and new_total * MAX_STOCK_FACTOR < old_total:
            text = f"the stock of SKU {to_single_line(sku_id)}, which is on sale, goes from {old_total} to {new_total}"
            yield text + (", less than half of what it is" if new_total else "")


def _warn_of_all(values: Json, items: list[Item], state: CurrentState) -> Iterator[str]:
    """Of a write that is about all of something: each product on sale, each product of a promotion."""
    on_sale = [item for item in items if item.noun == "product" and item.data.get("status") == "ACTIVATE"]
    total = state.surroundings.get("products_on_sale", {}).get("total", 0)
    if total and len(on_sale) >= max(total, MIN_ALL):
        yield f"these are all {len(on_sale)} products that the shop has on sale"
    for item in items:
        ids = {str(row.get("id")) for row in get_rows(item.data, "products")} if item.noun == "activity" else set()
        named_ids = values.get("product_ids")
        if len(ids) >= MIN_ALL and isinstance(named_ids, list) and ids <= set(map(str, named_ids)):
            yield f"these are all {len(ids)} products of promotion {_show_id(item)}"


def _describe_price_change(old: Any, new: Any) -> str:
    """What a price changes to, where that is more than double or less than half; else nothing."""
    old_amount, new_amount = to_number(old), to_number(new)
    if old_amount is None or new_amount is None or old_amount <= 0:
        return ""
    if old_amount / MAX_PRICE_FACTOR <= new_amount <= old_amount * MAX_PRICE_FACTOR:
        return ""
    direction = "less than half" if new_amount < old_amount else "more than twice"
    return f"goes from {old_amount} to {new_amount}, {direction} of what it is"


def _show_title(item: Item) -> str:
    """What people call a product by."""
    title = item.data.get("title")
    return quote(title, MAX_TITLE_CHARS) if title else _show_id(item)


def _show_name(item: Item) -> str:
    """The id, and behind it what people call it by."""
    return f"{_show_id(item)} ({_show_title(item)})" if item.data.get("title") else _show_id(item)


def _show_id(item: Item) -> str:
    return to_single_line(item.id)


def _to_sentence(text: str) -> str:
    """With a capital, but where an id begins it."""
    return f"{text[0].upper()}{text[1:]}"
