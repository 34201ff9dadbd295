"""Listings as they are searched, read and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product

MAX_SEARCH_MATCHES = 10_000


def search_products(call: Call) -> Json:
    found = [product for product in call.shop.products.values() if _matches_filters(call, product)]
    if len(found) > MAX_SEARCH_MATCHES:
        raise RefusalError(12052180, f"More than {MAX_SEARCH_MATCHES} products match; narrow the search by time.")
    matches = SortedItems.sort(found, lambda product: (product.create_time, product.id))
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=True)
    return pages.render_page(page, "products", lambda product: product.to_summary_json(call.now))


def _matches_filters(call: Call, product: Product) -> bool:
    arguments, now = call.arguments, call.now
    status = product.get_status(now)
    if arguments["status"] not in ("ALL", status):
        return False
    if "audit_status" in arguments and product.to_summary_json(now)["audit"]["status"] not in arguments["audit_status"]:
        return False
    skus = product.skus
    if arguments.get("sku_ids") and not any(sku.id in arguments["sku_ids"] for sku in skus):
        return False
    if arguments.get("seller_skus") and not any(sku.seller_sku in arguments["seller_skus"] for sku in skus):
        return False
    return _is_within(arguments, "create_time", product.create_time) and _is_within(
        arguments, "update_time", product.get_update_time(now)
    )


def _is_within(arguments: Json, field: str, time: int) -> bool:
    """Product searches include both ends."""
    return bool(arguments.get(f"{field}_ge", time) <= time <= arguments.get(f"{field}_le", time))


def require_product(call: Call, product_id: str) -> Product:
    product = call.shop.products.get(product_id)
    if product is None:
        raise RefusalError(*describe_unknown(call, product_id))
    return product


def describe_unknown(call: Call, product_id: str) -> tuple[int, str]:
    if call.state.find_product_owner(product_id) is not None:
        return 12052048, f"The product '{product_id}' does not belong to this shop."
    return 12052032, f"The product '{product_id}' does not exist."


def get_product(call: Call) -> Json:
    return require_product(call, call.arguments["product_id"]).to_json(call.now, call.base_url)


def delete_products(call: Call) -> Json:
    """Each product on its own: what can't be deleted is told per item."""
    errors = []
    for product_id in dict.fromkeys(call.arguments["product_ids"]):
        product = call.shop.products.get(product_id)
        if product is None:
            code, message = describe_unknown(call, product_id)
        elif product.get_status(call.now) == "DELETED":
            code, message = 12052901, f"The product '{product_id}' is already deleted."
        else:
            product.set_status("DELETED", call.now)
            continue
        errors.append({"code": code, "message": message, "detail": {"product_id": product_id}})
    call.shop.mark_changed()
    return {"errors": errors} if errors else {}
