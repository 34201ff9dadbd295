"""Which shops an authorization opens, which of them are active, and what the seller may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json


def get_authorized_shops(call: Call) -> Json:
    return {
        "shops": [
            {
                "id": shop.id,
                "name": shop.name,
                "region": shop.region,
                "seller_type": shop.seller_type,
                "cipher": shop.cipher,
                "code": shop.code,
            }
            for shop in call.account.shops
        ]
    }


def get_active_shops(call: Call) -> Json:
    return {"shops": [{"id": shop.id, "region": shop.region} for shop in call.account.shops]}


def get_seller_permissions(call: Call) -> Json:
    abroad = any(shop.seller_type == "CROSS_BORDER" for shop in call.account.shops)
    return {"permissions": ["MANAGE_GLOBAL_PRODUCT"] if abroad else []}


def get_authorized_category_assets(call: Call) -> Json:
    """The ciphers of partner operations, by category."""
    return {
        "category_assets": [
            {"cipher": cipher, "target_market": call.account.region, "category": {"id": int(category), "name": "Tea"}}
            for cipher, category in call.account.category_assets.items()
        ]
    }
