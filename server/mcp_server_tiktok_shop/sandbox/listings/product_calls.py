"""Listings as they are searched, read and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.refusals import Refusal
from mcp_server_tiktok_shop.sandbox.sorted_items import View

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product

SEARCH_CEILING = 10_000


def search_products(call: Call) -> Json:
    found = [product for product in call.shop.products.values() if _matches(call, product)]
    if len(found) > SEARCH_CEILING:
        raise Refusal(12052180, f"More than {SEARCH_CEILING} products match; narrow the search by time.")
    view = View.of(found, lambda product: (product.create_time, product.id))
    page = pages.cut(view, call.arguments, f"{call.operation.name}/{call.shop.id}", descending=True)
    return pages.answer(page, "products", lambda product: product.listed(call.now))


def _matches(call: Call, product: Product) -> bool:
    asked, now = call.arguments, call.now
    status = product.status_at(now)
    if asked["status"] not in ("ALL", status):
        return False
    if "audit_status" in asked and product.listed(now)["audit"]["status"] not in asked["audit_status"]:
        return False
    skus = product.skus
    if asked.get("sku_ids") and not any(sku.id in asked["sku_ids"] for sku in skus):
        return False
    if asked.get("seller_skus") and not any(sku.seller_sku in asked["seller_skus"] for sku in skus):
        return False
    return _within(asked, "create_time", product.create_time) and _within(asked, "update_time", product.updated_at(now))


def _within(asked: Json, field: str, time: int) -> bool:
    """Product searches include both ends."""
    return bool(asked.get(f"{field}_ge", time) <= time <= asked.get(f"{field}_le", time))


def product_of(call: Call, product_id: str) -> Product:
    product = call.shop.products.get(product_id)
    if product is None:
        raise Refusal(*unknown(call, product_id))
    return product


def unknown(call: Call, product_id: str) -> tuple[int, str]:
    if call.state.owner_of_product(product_id) is not None:
        return 12052048, f"The product '{product_id}' does not belong to this shop."
    return 12052032, f"The product '{product_id}' does not exist."


def get_product(call: Call) -> Json:
    return product_of(call, call.arguments["product_id"]).shown(call.now, call.base_url)


def delete_products(call: Call) -> Json:
    """Each product on its own: what can't be deleted is told per item."""
    errors = []
    for product_id in dict.fromkeys(call.arguments["product_ids"]):
        product = call.shop.products.get(product_id)
        if product is None:
            code, message = unknown(call, product_id)
        elif product.status_at(call.now) == "DELETED":
            code, message = 12052901, f"The product '{product_id}' is already deleted."
        else:
            product.set_status("DELETED", call.now)
            continue
        errors.append({"code": code, "message": message, "detail": {"product_id": product_id}})
    call.shop.changed()
    return {"errors": errors} if errors else {}
