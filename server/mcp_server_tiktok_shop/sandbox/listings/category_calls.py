"""Before a product is listed: categories with what they ask for, brands, and whether the shop and a draft are ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import RETURN_WAREHOUSE, SALES_WAREHOUSE
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.listings import attributes, categories
from mcp_server_tiktok_shop.sandbox.listings.brands import BRANDS
from mcp_server_tiktok_shop.sandbox.listings.listing_checks import check_category, check_version, iter_listing_refusals
from mcp_server_tiktok_shop.sandbox.listings.package_checks import SIZELESS_MARKETS
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

OPEN_STATUSES = ["AVAILABLE"]
PASSING_CHECKS = (
    "SHOP_STATUS",
    "SHOP_TAX",
    "DELIVERY_OPTION",
    "SHIPPING_TEMPLATE",
    "PRODUCT_QUANTITY_LIMIT",
    "EXTENDED_PRODUCER_RESPONSIBILITY",
    "CONTACT_INFO",
)


def get_categories(call: Call) -> Json:
    """The whole tree, or the categories that a keyword means."""
    check_version(call)
    keyword = call.arguments.get("keyword", "")
    return {
        "categories": [
            {
                "id": category_id,
                "parent_id": parent,
                "local_name": name,
                "is_leaf": category_id in categories.LEAVES,
                "permission_statuses": OPEN_STATUSES,
            }
            for category_id, (name, parent) in categories.CATEGORIES.items()
            if categories.is_match(category_id, keyword)
        ]
    }


def recommend_category(call: Call) -> Json:
    """By the words of the title, and of the description where those say nothing."""
    check_version(call)
    arguments = call.arguments
    leaf = categories.find_leaf(arguments["product_title"]) or categories.find_leaf(arguments.get("description", ""))
    if not leaf:
        raise RefusalError(12019064, "No category matches 'product_title'; give the full name of the product.")
    return {
        "leaf_category_id": leaf,
        "categories": [
            {
                "id": category["id"],
                "is_leaf": category["is_leaf"],
                "level": level,
                "name": category["local_name"],
                "permission_statuses": OPEN_STATUSES,
            }
            for level, category in enumerate(categories.list_chain(leaf), 1)
        ],
    }


def get_category_attributes(call: Call) -> Json:
    leaf = _require_leaf(call)
    return {
        "attributes": [attribute.to_json("SALES_PROPERTY") for attribute in attributes.SALES_ATTRIBUTES]
        + [attribute.to_json("PRODUCT_PROPERTY") for attribute in attributes.ATTRIBUTES_BY_CATEGORY[leaf]]
    }


def get_category_rules(call: Call) -> Json:
    """Nothing is demanded here that a listing is not held to."""
    _require_leaf(call)
    return {
        "product_certifications": [],
        "size_chart": {"is_supported": False, "is_required": False},
        "cod": {"is_supported": False},
        "package_dimension": {"is_required": call.shop.region not in SIZELESS_MARKETS},
        "epr": {"is_required": False},
        "responsible_person": {"is_required": False},
        "manufacturer": {"is_required": False},
        "allowed_special_product_types": [],
        "fees": [],
        "seller_sku": {"is_required": False},
    }


def _require_leaf(call: Call) -> str:
    check_version(call)
    category_id: str = call.arguments["category_id"]
    check_category(category_id)
    return category_id


def get_brands(call: Call) -> Json:
    check_version(call)
    arguments = call.arguments
    if arguments.get("category_id") and arguments["category_id"] not in categories.CATEGORIES:
        raise RefusalError(12052023, f"Invalid 'category_id': there is no category '{arguments['category_id']}'.")
    name_part = arguments.get("brand_name", "").casefold()
    found = [
        brand
        for brand in BRANDS.values()
        if name_part in brand.name.casefold()
        and arguments.get("is_authorized", brand.is_authorized) == brand.is_authorized
    ]
    matches = SortedItems.sort(found, lambda brand: (0, brand.id))
    page = pages.paginate(matches, arguments, call.page_scope, descending=False)
    return pages.render_page(page, "brands", lambda brand: brand.to_json())


def check_product_listing(call: Call) -> Json:
    """All that create_product would refuse this listing for, told at once."""
    found = list(iter_listing_refusals(call, call.arguments))
    return {
        "check_result": "FAILED" if found else "PASSED",
        "fail_reasons": [{"code": fault.code, "message": fault.message} for fault in found],
    }


def check_listing_prerequisites(call: Call) -> Json:
    kinds = {warehouse.kind for warehouse in call.shop.warehouses}
    missing = {"PICKUP_WAREHOUSE": SALES_WAREHOUSE not in kinds, "RETURN_WAREHOUSE": RETURN_WAREHOUSE not in kinds}
    results = dict.fromkeys(PASSING_CHECKS, False) | missing
    return {
        "check_results": [
            {
                "check_item": item,
                "is_failed": failed,
                "fail_reasons": ["The shop has no such warehouse."] if failed else [],
            }
            for item, failed in results.items()
        ]
    }
