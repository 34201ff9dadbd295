"""Listings put on sale, taken off it, and brought back: each product by itself, what fails is told per item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.listings.product_calls import describe_unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product

INACTIVE_STATUSES = ("SELLER_DEACTIVATED", "FAILED")


def activate_products(call: Call) -> Json:
    """Back on sale after another audit."""
    return _change_each(call, INACTIVE_STATUSES, "activated", lambda product: product.submit(call.now))


def deactivate_products(call: Call) -> Json:
    return _change_each(
        call, ("ACTIVATE",), "deactivated", lambda product: product.set_status("SELLER_DEACTIVATED", call.now)
    )


def recover_products(call: Call) -> Json:
    return _change_each(
        call, ("DELETED",), "recovered", lambda product: product.set_status("SELLER_DEACTIVATED", call.now)
    )


def _change_each(call: Call, allowed: tuple[str, ...], done: str, act: Callable[[Product], None]) -> Json:
    errors = []
    for product_id in dict.fromkeys(call.arguments["product_ids"]):
        product = call.shop.products.get(product_id)
        if product is None:
            code, message = describe_unknown(call, product_id)
        elif product.get_status(call.now) not in allowed:
            code, message = (
                12052901,
                f"The product '{product_id}' is {product.get_status(call.now)}: it cannot be {done}.",
            )
        else:
            act(product)
            continue
        errors.append({"code": code, "message": message, "detail": {"product_id": product_id}})
    call.shop.mark_changed()
    return {"errors": errors} if errors else {}
