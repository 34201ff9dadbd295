"""What must be refused before anything is sent, typed by hand: each limit at its edge and one past it.

The numbers and names are the platform's (its documentation and its clients), never taken from the server's own catalog.
`argument` and `says` are patterns matched as whole words, the first against the argument a problem names, the
others against what it says is allowed, however it is put.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .pictures import base64_png

INVALID = "invalid_arguments"
TOO_MANY = "batch_limit"

WHOLE_NUMBER = (r"integer|whole number",)
YES_OR_NO = (r"boolean|true",)
TEXT = (r"string|text|quotes|quoted",)
LIST = (r"array|list",)
OBJECT = (r"object",)
JSON = (r"JSON",)
TIME = (r"ISO|ISO 8601",)

ORDER = "576461413038785752"
PRODUCT = "1729592969712207008"
PACKAGE = "1152921504606846976"
STATEMENT = "7237061128512595758"
WAREHOUSE = "7068517275539719942"


@dataclass(frozen=True)
class Limit:
    """Arguments at the limit, which are sent, and one past it, which are not: the error names and says."""

    shows: str
    tool: str
    accepted: dict[str, Any]
    refused: dict[str, Any]
    argument: str
    says: tuple[str, ...] = ()
    kind: str = INVALID

    def __str__(self) -> str:
        return f"{self.tool}: {self.shows}"


@dataclass(frozen=True)
class Choice:
    """An argument of a closed set: every member is sent, anything else is refused with the members told."""

    tool: str
    argument: str
    members: tuple[str, ...]
    wrong: Any
    beside: dict[str, Any] = field(default_factory=dict)
    listed: bool = False

    def __str__(self) -> str:
        return f"{self.tool}: {self.argument}"

    def arguments(self, value: Any) -> dict[str, Any]:
        return {**self.beside, self.argument: [value] if self.listed else value}


@dataclass(frozen=True)
class Refusal:
    """A call that never reaches the wire: its error names the argument and says what is allowed."""

    shows: str
    tool: str
    arguments: dict[str, Any]
    argument: str
    says: tuple[str, ...] = ()
    kind: str = INVALID

    def __str__(self) -> str:
        return f"{self.tool}: {self.shows}"


def ids(count: int) -> list[str]:
    return [str(576461413038700000 + number) for number in range(count)]


def references(orders: int, lines: int = 1) -> dict[str, Any]:
    line_items = [{"id": id_, "origin_id": f"line-{id_}"} for id_ in ids(lines)]
    return {
        "orders": [
            {
                "id": id_,
                "external_order": {"id": f"shop-{id_}", "platform": "SHOPIFY", "line_items": line_items},
            }
            for id_ in ids(orders)
        ]
    }


def sku(**changes: Any) -> dict[str, Any]:
    return {
        "inventory": [{"warehouse_id": WAREHOUSE, "quantity": 1}],
        "price": {"currency": "GBP", "amount": "9.99"},
        **changes,
    }


def product(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Earl Grey, loose leaf",
        "description": "<p>Bergamot.</p>",
        "category_id": "600001",
        "main_images": [{"uri": "tos/1"}],
        "skus": [sku()],
        **changes,
    }


def without(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key != name}


def one_sku(**changes: Any) -> dict[str, Any]:
    return product(skus=[sku(**changes)])


def stock(quantity: int) -> dict[str, Any]:
    return one_sku(inventory=[{"warehouse_id": WAREHOUSE, "quantity": quantity}])


def pages(tool: str, **beside: Any) -> list[Limit]:
    return [
        Limit(
            shows="a page has at least one row",
            tool=tool,
            accepted={**beside, "page_size": 1},
            refused={**beside, "page_size": 0},
            argument="page_size",
            says=("1",),
        ),
        Limit(
            shows="a page has at most a hundred rows",
            tool=tool,
            accepted={**beside, "page_size": 100},
            refused={**beside, "page_size": 101},
            argument="page_size",
            says=("100",),
        ),
    ]


def at_most(tool: str, argument: str, limit: int, accepted: dict[str, Any], refused: dict[str, Any]) -> Limit:
    return Limit(
        shows=f"at most {limit} {argument}",
        tool=tool,
        accepted=accepted,
        refused=refused,
        argument=argument,
        says=(str(limit), str(limit + 1)),
        kind=TOO_MANY,
    )


def longest(argument: str, limit: int, accepted: dict[str, Any], refused: dict[str, Any]) -> Limit:
    return Limit(
        shows=f"{argument} has at most {limit} characters",
        tool="create_product",
        accepted=accepted,
        refused=refused,
        argument=argument,
        says=(str(limit),),
    )


LIMITS = [
    *pages("search_products"),
    *pages("get_order_list"),
    *pages("get_statements"),
    *pages("get_payments"),
    *pages("get_withdrawals", types=["WITHDRAW"]),
    *pages("get_transactions_by_statement", statement_id=STATEMENT),
    *pages("get_unsettled_transactions"),
    at_most("delete_products", "product_ids", 20, {"product_ids": ids(20)}, {"product_ids": ids(21)}),
    Limit(
        shows="at least one product",
        tool="delete_products",
        accepted={"product_ids": ids(1)},
        refused={"product_ids": []},
        argument="product_ids",
    ),
    at_most("get_order_detail", "ids", 50, {"ids": ids(50)}, {"ids": ids(51)}),
    Limit(
        shows="at least one order",
        tool="get_order_detail",
        accepted={"ids": ids(1)},
        refused={"ids": []},
        argument="ids",
    ),
    at_most("add_external_order_references", "orders", 100, references(100), references(101)),
    Limit(
        shows="at least one order",
        tool="add_external_order_references",
        accepted=references(1),
        refused=references(0),
        argument="orders",
    ),
    at_most("add_external_order_references", "line_items", 100, references(2, 100), references(2, 101)),
    Limit(
        shows="at least one line an order",
        tool="add_external_order_references",
        accepted=references(1, 1),
        refused=references(1, 0),
        argument="line_items",
    ),
    at_most("get_order_list", "warehouse_ids", 100, {"warehouse_ids": ids(100)}, {"warehouse_ids": ids(101)}),
    at_most("search_products", "seller_skus", 10, {"seller_skus": ids(10)}, {"seller_skus": ids(11)}),
    at_most("search_products", "sku_ids", 10, {"sku_ids": ids(10)}, {"sku_ids": ids(11)}),
    at_most(
        "create_product",
        "main_images",
        9,
        product(main_images=[{"uri": id_} for id_ in ids(9)]),
        product(main_images=[{"uri": id_} for id_ in ids(10)]),
    ),
    at_most("create_product", "skus", 300, product(skus=[sku()] * 300), product(skus=[sku()] * 301)),
    at_most(
        "create_product",
        "sales_attributes",
        3,
        one_sku(sales_attributes=[{"name": id_[:20], "value_name": "1"} for id_ in ids(3)]),
        one_sku(sales_attributes=[{"name": id_[:20], "value_name": "1"} for id_ in ids(4)]),
    ),
    at_most(
        "create_product",
        "certifications",
        10,
        product(certifications=[{"id": id_} for id_ in ids(10)]),
        product(certifications=[{"id": id_} for id_ in ids(11)]),
    ),
    at_most(
        "create_product",
        "search_terms",
        15,
        product(search_terms=["tea"] * 15),
        product(search_terms=["tea"] * 16),
    ),
    at_most(
        "create_product",
        "key_product_features",
        5,
        product(key_product_features=["loose leaf"] * 5),
        product(key_product_features=["loose leaf"] * 6),
    ),
    longest("description", 10_000, product(description="d" * 10_000), product(description="d" * 10_001)),
    longest("idempotency_key", 128, product(idempotency_key="k" * 128), product(idempotency_key="k" * 129)),
    longest("seller_sku", 50, one_sku(seller_sku="s" * 50), one_sku(seller_sku="s" * 51)),
    longest(
        "value_name",
        50,
        one_sku(sales_attributes=[{"name": "Weight", "value_name": "é" * 50}]),
        one_sku(sales_attributes=[{"name": "Weight", "value_name": "é" * 51}]),
    ),
    Limit(
        shows="stock is not below nothing",
        tool="create_product",
        accepted=stock(0),
        refused=stock(-1),
        argument="quantity",
        says=("0",),
    ),
    Limit(
        shows="stock has five digits at most",
        tool="create_product",
        accepted=stock(99_999),
        refused=stock(100_000),
        argument="quantity",
        says=("99999",),
    ),
    Limit(
        shows="the code is not empty",
        tool="exchange_authorization_code",
        accepted={"auth_code": "c"},
        refused={"auth_code": ""},
        argument="auth_code",
    ),
    Limit(
        shows="a main picture is at least 300 pixels wide",
        tool="upload_product_image",
        accepted={"use_case": "MAIN_IMAGE", "image_base64": base64_png(300, 300)},
        refused={"use_case": "MAIN_IMAGE", "image_base64": base64_png(299, 300)},
        argument="image_base64",
        says=("300",),
    ),
    Limit(
        shows="a main picture is at most 4000 pixels high",
        tool="upload_product_image",
        accepted={"use_case": "MAIN_IMAGE", "image_base64": base64_png(4000, 4000)},
        refused={"use_case": "MAIN_IMAGE", "image_base64": base64_png(4000, 4001)},
        argument="image_base64",
        says=("4000",),
    ),
    Limit(
        shows="any picture is at least 100 pixels high",
        tool="upload_product_image",
        accepted={"use_case": "DESCRIPTION_IMAGE", "image_base64": base64_png(100, 100)},
        refused={"use_case": "DESCRIPTION_IMAGE", "image_base64": base64_png(100, 99)},
        argument="image_base64",
        says=("100",),
    ),
    Limit(
        shows="any picture is at most 20000 pixels wide",
        tool="upload_product_image",
        accepted={"use_case": "DESCRIPTION_IMAGE", "image_base64": base64_png(20_000, 100)},
        refused={"use_case": "DESCRIPTION_IMAGE", "image_base64": base64_png(20_001, 100)},
        argument="image_base64",
        says=("20000",),
    ),
    Limit(
        shows="the short side of a size chart is at least 1024 pixels",
        tool="upload_product_image",
        accepted={"use_case": "SIZE_CHART_IMAGE", "image_base64": base64_png(1600, 1024)},
        refused={"use_case": "SIZE_CHART_IMAGE", "image_base64": base64_png(1600, 1023)},
        argument="image_base64",
        says=("1024",),
    ),
    Limit(
        # 64 kB: what both readings of the word accept, and what both refuse.
        shows="a picture inside the call has at most 64 kB",
        tool="upload_product_image",
        accepted={"image_base64": base64_png(300, 300, size=64_000)},
        refused={"image_base64": base64_png(300, 300, size=65_537)},
        argument="image_base64",
        says=("64",),
    ),
]

PLATFORMS = (
    "AMAZON",
    "BIGCOMMERCE",
    "CHANNEL_ADVISOR",
    "ERP_SYSTEM",
    "MAGENTO",
    "ORDER_MANAGEMENT_SYSTEM",
    "SALESFORCE_COMMERCE_CLOUD",
    "SHOPIFY",
    "WAREHOUSE_MANAGEMENT_SYSTEM",
    "WOOCOMMERCE",
)
ORDERS_OF_SORTING = ("ASC", "DESC")

CHOICES = [
    Choice("get_order_list", "sort_order", ORDERS_OF_SORTING, wrong="UP"),
    Choice("get_order_list", "sort_field", ("create_time", "update_time"), wrong="price"),
    Choice(
        "get_order_list",
        "order_status",
        (
            "UNPAID",
            "ON_HOLD",
            "AWAITING_SHIPMENT",
            "PARTIALLY_SHIPPING",
            "AWAITING_COLLECTION",
            "IN_TRANSIT",
            "DELIVERED",
            "COMPLETED",
            "CANCELLED",
        ),
        wrong="LOST",
    ),
    Choice(
        "search_products",
        "status",
        (
            "ALL",
            "DRAFT",
            "PENDING",
            "FAILED",
            "ACTIVATE",
            "SELLER_DEACTIVATED",
            "PLATFORM_DEACTIVATED",
            "FREEZE",
            "DELETED",
        ),
        wrong="SOLD",
    ),
    Choice("search_products", "sns_filter", ("CONFIGURED", "ELIGIBLE"), wrong="NONE"),
    Choice("search_products", "audit_status", ("APPROVED", "AUDITING", "FAILED"), wrong="PENDING", listed=True),
    Choice("get_external_order_references", "platform", PLATFORMS, wrong="EBAY", beside={"order_id": ORDER}),
    Choice(
        "search_orders_by_external_reference",
        "platform",
        PLATFORMS,
        wrong="shopify",
        beside={"external_order_id": "1001"},
    ),
    Choice("get_statements", "sort_order", ORDERS_OF_SORTING, wrong="asc"),
    Choice("get_statements", "sort_field", ("statement_time",), wrong="create_time"),
    Choice("get_statements", "payment_status", ("FAILED", "PAID", "PROCESSING"), wrong="SETTLED"),
    Choice("get_payments", "sort_order", ORDERS_OF_SORTING, wrong="DOWN"),
    Choice("get_payments", "sort_field", ("create_time",), wrong="statement_time"),
    Choice(
        "get_withdrawals",
        "types",
        ("WITHDRAW", "SETTLE", "TRANSFER", "REVERSE", "PAYMENT", "REFUND"),
        wrong="CASH",
        listed=True,
    ),
    Choice(
        "get_transactions_by_statement",
        "sort_order",
        ORDERS_OF_SORTING,
        wrong="UP",
        beside={"statement_id": STATEMENT},
    ),
    Choice(
        "get_transactions_by_statement",
        "sort_field",
        ("order_create_time",),
        wrong="create_time",
        beside={"statement_id": STATEMENT},
    ),
    Choice("get_unsettled_transactions", "sort_order", ORDERS_OF_SORTING, wrong="UP"),
    Choice("get_unsettled_transactions", "sort_field", ("order_create_time",), wrong="create_time"),
    Choice(
        "get_warehouse_delivery_options",
        "scope",
        ("WAREHOUSE", "PRODUCT"),
        wrong="SHOP",
        beside={"warehouse_id": WAREHOUSE},
    ),
    # Splitting and merging need other arguments beside them: the table of requests has those.
    Choice("create_packages", "ship_type", ("1",), wrong="4", beside={"order_id": ORDER}),
    Choice(
        "ship_package",
        "handover_method",
        ("DROP_OFF", "PICKUP"),
        wrong="MAIL",
        beside={"package_id": PACKAGE},
    ),
    # A ZPL label and an invoice label are for Brazil and Mexico only, and this shop is British.
    Choice(
        "get_package_shipping_document",
        "document_type",
        (
            "SHIPPING_LABEL",
            "PACKING_SLIP",
            "SHIPPING_LABEL_AND_PACKING_SLIP",
            "SHIPPING_LABEL_PICTURE",
            "HAZMAT_LABEL",
        ),
        wrong="RECEIPT",
        beside={"package_id": PACKAGE},
    ),
    Choice(
        "get_package_shipping_document",
        "document_size",
        ("A5", "A6"),
        wrong="A4",
        beside={"package_id": PACKAGE, "document_type": "SHIPPING_LABEL"},
    ),
    Choice(
        "get_package_shipping_document",
        "document_format",
        ("PDF",),
        wrong="DOCX",
        beside={"package_id": PACKAGE, "document_type": "SHIPPING_LABEL"},
    ),
    Choice(
        "upload_product_image",
        "use_case",
        (
            "MAIN_IMAGE",
            "ATTRIBUTE_IMAGE",
            "DESCRIPTION_IMAGE",
            "CERTIFICATION_IMAGE",
            "SIZE_CHART_IMAGE",
            "CUSTOMIZATION_IMAGE",
        ),
        wrong="LOGO",
        beside={"image_base64": base64_png(1024, 1024)},
    ),
]

UNKNOWN_ARGUMENTS = [
    Refusal("an unknown argument", "get_order_list", {"colour": "red"}, "colour"),
    Refusal("an unknown argument where none is known", "get_warehouse_list", {"colour": "red"}, "colour"),
    Refusal("an unknown argument of a read without a cipher", "get_active_shops", {"colour": 1}, "colour"),
    Refusal("an unknown argument of a write", "ship_package", {"package_id": PACKAGE, "colour": 1}, "colour"),
    Refusal("an unknown argument of a token call", "refresh_access_token", {"colour": "red"}, "colour"),
    Refusal("a cipher is never an argument", "get_order_list", {"shop_cipher": "GCP_x"}, "shop_cipher"),
    Refusal("a signature is never an argument", "get_order_list", {"sign": "0" * 64}, "sign"),
    Refusal("a timestamp is never an argument", "get_order_list", {"timestamp": 1782905400}, "timestamp"),
    Refusal("an app key is never an argument", "get_warehouse_list", {"app_key": "k"}, "app_key"),
    Refusal("a token is never an argument", "get_order_list", {"access_token": "t"}, "access_token"),
    Refusal(
        "a refresh token is never an argument",
        "refresh_access_token",
        {"refresh_token": "t"},
        "refresh_token",
    ),
    Refusal(
        "a secret is never an argument",
        "exchange_authorization_code",
        {"auth_code": "c", "app_secret": "s"},
        "app_secret",
    ),
    Refusal(
        "the grant type is never an argument",
        "exchange_authorization_code",
        {"auth_code": "c", "grant_type": "authorized_code"},
        "grant_type",
    ),
]

# `says` is the name that was meant, as a whole word.
NEAR_MISSES = [
    Refusal("one letter too many", "get_order_list", {"page_sizes": 20}, "page_sizes", ("page_size",)),
    Refusal("letters swapped", "get_statements", {"sort_feild": "x"}, "sort_feild", ("sort_field",)),
    Refusal("written together", "get_price_detail", {"orderid": ORDER}, "orderid", ("order_id",)),
    Refusal("camel case", "get_product", {"productId": PRODUCT}, "productId", ("product_id",)),
    Refusal("one for many", "delete_products", {"product_id": PRODUCT}, "product_id", ("product_ids",)),
]

WRONG_TYPES = [
    Refusal("words for a number", "get_order_list", {"page_size": "many"}, "page_size", WHOLE_NUMBER),
    Refusal("half a row", "get_order_list", {"page_size": 20.5}, "page_size", WHOLE_NUMBER),
    Refusal("yes for a number", "get_order_list", {"page_size": True}, "page_size", WHOLE_NUMBER),
    Refusal("a list for a number", "get_order_list", {"page_size": [20]}, "page_size", WHOLE_NUMBER),
    Refusal(
        "words for yes or no",
        "get_order_list",
        {"is_buyer_request_cancel": "maybe"},
        "is_buyer_request_cancel",
        YES_OR_NO,
    ),
    Refusal("a list for an id", "get_product", {"product_id": [PRODUCT]}, "product_id", TEXT),
    Refusal("an object for an id", "get_product", {"product_id": {"id": 1}}, "product_id", TEXT),
    Refusal("yes for an id", "get_product", {"product_id": True}, "product_id", TEXT),
    Refusal("half an id", "get_product", {"product_id": 1.5}, "product_id", TEXT),
    Refusal("an object for a list", "get_order_detail", {"ids": {"id": ORDER}}, "ids", LIST),
    Refusal("a list inside a list", "get_order_detail", {"ids": [[ORDER]]}, "ids", TEXT),
    Refusal("a list for an object", "create_packages", {"ship_type": "1", "weight": [1]}, "weight", OBJECT),
    Refusal(
        "text for stock",
        "create_product",
        one_sku(inventory=[{"warehouse_id": WAREHOUSE, "quantity": "some"}]),
        "quantity",
        WHOLE_NUMBER,
    ),
    Refusal("no time at all", "get_order_list", {"create_time_ge": "soon"}, "create_time_ge", TIME),
    Refusal("a month too many", "get_statements", {"statement_time_ge": "2026-13-01"}, "statement_time_ge"),
    Refusal("a list for a time", "get_payments", {"create_time_lt": [1782905400]}, "create_time_lt"),
    Refusal(
        "a slot that is no time",
        "ship_package",
        {"package_id": PACKAGE, "pickup_slot": {"start_time": "noon", "end_time": 1782905400}},
        "start_time",
    ),
]

UNSAFE = 2**53

ROUNDED_IDS = [
    Refusal("an id in the path", "get_product", {"product_id": UNSAFE}, "product_id", TEXT),
    Refusal("a long id", "get_price_detail", {"order_id": 576461413038785792}, "order_id", TEXT),
    Refusal("an id in a list", "get_order_detail", {"ids": [ORDER, UNSAFE]}, "ids", TEXT),
    Refusal("an id of a write", "delete_products", {"product_ids": [UNSAFE + 2]}, "product_ids", TEXT),
    Refusal("an id in the body", "get_order_list", {"buyer_user_id": UNSAFE}, "buyer_user_id", TEXT),
    Refusal("a negative one", "get_product", {"product_id": -UNSAFE}, "product_id", TEXT),
    Refusal(
        "an id deep in a payload",
        "create_product",
        one_sku(inventory=[{"warehouse_id": UNSAFE, "quantity": 1}]),
        "warehouse_id",
        TEXT,
    ),
]

INVALID_JSON_TEXT = [
    Refusal("a list cut short", "add_external_order_references", {"orders": '[{"id": '}, "orders", JSON),
    Refusal(
        "an object for a list",
        "add_external_order_references",
        {"orders": '{"id": "1"}'},
        "orders",
        LIST,
    ),
    Refusal("no JSON at all", "create_product", product(skus="none"), "skus", JSON),
    Refusal("single quotes", "create_product", product(main_images="[{'uri': 'a'}]"), "main_images", JSON),
    Refusal(
        "a comma too many",
        "create_packages",
        {"ship_type": "1", "order_id": ORDER, "weight": '{"value": "1", "unit": "GRAM",}'},
        "weight",
        JSON,
    ),
    Refusal(
        "a list for an object",
        "ship_package",
        {"package_id": PACKAGE, "self_shipment": "[]"},
        "self_shipment",
        OBJECT,
    ),
    Refusal("a list that never ends", "get_order_detail", {"ids": '["1", "2"'}, "ids", JSON),
    Refusal(
        "one too many inside JSON text",
        "delete_products",
        {"product_ids": "[" + ",".join(f'"{id_}"' for id_ in ids(21)) + "]"},
        "product_ids",
        ("20", "21"),
        TOO_MANY,
    ),
]

MISSING = [
    Refusal("the product", "get_product", {}, "product_id"),
    Refusal("the products", "delete_products", {}, "product_ids"),
    *(Refusal(f"the {name}", "create_product", without(product(), name), name) for name in product()),
    Refusal("stock of a SKU", "create_product", product(skus=[without(sku(), "inventory")]), "inventory"),
    Refusal("price of a SKU", "create_product", product(skus=[without(sku(), "price")]), "price"),
    Refusal("the order", "get_price_detail", {}, "order_id"),
    Refusal("the orders", "add_external_order_references", {}, "orders"),
    Refusal(
        "what an order is called elsewhere",
        "add_external_order_references",
        {"orders": [{"id": ORDER}]},
        "external_order",
    ),
    Refusal("the platform", "get_external_order_references", {"order_id": ORDER}, "platform"),
    Refusal(
        "the reference",
        "search_orders_by_external_reference",
        {"platform": "SHOPIFY"},
        "external_order_id",
    ),
    Refusal("the orders", "get_order_detail", {}, "ids"),
    Refusal("the types", "get_withdrawals", {}, "types"),
    Refusal("the order", "get_transactions_by_order", {}, "order_id"),
    Refusal("the statement", "get_transactions_by_statement", {}, "statement_id"),
    Refusal("the warehouse", "get_warehouse_delivery_options", {}, "warehouse_id"),
    Refusal("the delivery option", "get_shipping_providers", {}, "delivery_option_id"),
    Refusal("the way of shipping", "create_packages", {"order_id": ORDER}, "ship_type"),
    Refusal(
        "the unit of a weight",
        "create_packages",
        {"ship_type": "1", "order_id": ORDER, "weight": {"value": "1"}},
        "unit",
    ),
    Refusal("the package", "ship_package", {"handover_method": "DROP_OFF"}, "package_id"),
    Refusal("the package", "get_package_shipping_document", {"document_type": "PACKING_SLIP"}, "package_id"),
    Refusal("the document", "get_package_shipping_document", {"package_id": PACKAGE}, "document_type"),
    Refusal("the code", "exchange_authorization_code", {}, "auth_code"),
]

EMPTY = [
    Refusal("the product", "get_product", {"product_id": ""}, "product_id"),
    Refusal("the title", "create_product", product(title=""), "title"),
    Refusal("the pictures", "create_product", product(main_images=[]), "main_images"),
    Refusal("the SKUs", "create_product", product(skus=[]), "skus"),
    Refusal("the types", "get_withdrawals", {"types": []}, "types"),
    Refusal("the products as JSON text", "delete_products", {"product_ids": "[]"}, "product_ids"),
    Refusal(
        "the reference",
        "search_orders_by_external_reference",
        {"platform": "SHOPIFY", "external_order_id": ""},
        "external_order_id",
    ),
    Refusal("the platform", "get_external_order_references", {"order_id": ORDER, "platform": ""}, "platform"),
    # Dropped as an empty value, it would leave a request for every order, or for none.
    Refusal("an order alone in a list", "get_order_detail", {"ids": [""]}, "ids"),
    Refusal("an order among others", "get_order_detail", {"ids": [ORDER, ""]}, "ids"),
    Refusal("a product in a list", "delete_products", {"product_ids": [PRODUCT, ""]}, "product_ids"),
]

PATH_IDS = [
    ("get_product", "product_id", {}),
    ("get_price_detail", "order_id", {}),
    ("get_external_order_references", "order_id", {"platform": "SHOPIFY"}),
    ("get_transactions_by_order", "order_id", {}),
    ("get_transactions_by_statement", "statement_id", {}),
    ("get_warehouse_delivery_options", "warehouse_id", {}),
    ("get_shipping_providers", "delivery_option_id", {}),
    ("ship_package", "package_id", {}),
    ("get_package_shipping_document", "package_id", {"document_type": "SHIPPING_LABEL"}),
]

STRAYING_IDS = [
    Refusal(f"an id with {odd!r}", tool, {**beside, name: odd}, name)
    for tool, name, beside in PATH_IDS
    for odd in ("1/2", "../1", "1?ids=2", "1#2")
]

# A comma inside an id would become two ids on the wire, and so pass by the limit.
SMUGGLED = [Refusal("fifty-one ids in one text", "get_order_detail", {"ids": [",".join(ids(51))]}, "ids")]

EITHER_PICTURE = "image_path|image_base64"

PICTURES = [
    Refusal("no picture at all", "upload_product_image", {"use_case": "MAIN_IMAGE"}, EITHER_PICTURE),
    Refusal(
        "two pictures",
        "upload_product_image",
        {"image_path": "tea.png", "image_base64": base64_png(300, 300)},
        EITHER_PICTURE,
    ),
    Refusal("no base64", "upload_product_image", {"image_base64": "not base64!"}, "image_base64"),
    Refusal("nothing in it", "upload_product_image", {"image_base64": ""}, EITHER_PICTURE),
    Refusal(
        "a text that calls itself a picture",
        "upload_product_image",
        {"image_base64": "SSBhbSBhIHBpY3R1cmUu"},
        "image_base64",
        ("PNG",),
    ),
]

# What a machine can write and no reader expects. None of it is a fault of the server, so none may be called one.
ABYSMAL = [
    Refusal("half a character as JSON text", "get_order_detail", {"ids": r'["\ud800"]'}, "ids"),
    Refusal(
        "half a character deep in JSON text",
        "add_external_order_references",
        {"orders": json.dumps(references(1)["orders"]).replace("line-", r"\udfff")},
        "orders|origin_id",
    ),
    Refusal("lists without end", "create_product", product(skus="[" * 100_000), "skus"),
    Refusal("lists very deep", "create_product", product(skus="[" * 5_000 + "]" * 5_000), "skus"),
    Refusal("a number without end", "get_order_detail", {"ids": f"[{'9' * 5_000}]"}, "ids"),
    Refusal("no number", "create_product", product(skus=json.dumps([sku(quantity=float("nan"))])), "skus"),
    Refusal("seconds without end", "get_order_list", {"create_time_ge": "9" * 5_000}, "create_time_ge"),
    Refusal(
        "a time past all times",
        "get_order_list",
        {"create_time_ge": "9999-12-31T23:59:59-12:00"},
        "create_time_ge",
    ),
    Refusal(
        "a time before all times",
        "get_statements",
        {"statement_time_ge": "0001-01-01T00:00:00+12:00"},
        "statement_time_ge",
    ),
    Refusal("an id without end", "get_product", {"product_id": "1" * 100_000}, "product_id"),
    Refusal("a page token without end", "get_order_list", {"page_token": "x" * 200_000}, "page_token"),
    Refusal(
        "a reference without end",
        "search_orders_by_external_reference",
        {"platform": "SHOPIFY", "external_order_id": "é" * 50_000},
        "external_order_id",
    ),
]
