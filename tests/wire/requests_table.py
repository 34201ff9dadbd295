"""What each tool must put on the wire, typed by hand from the platform's documents.

The server is held to this table, and nothing in it comes from the server's own catalog. Left out of
`query` is what every signed request bears: `app_key`, `timestamp`, `sign`; and `shop_cipher`, which an
endpoint's `cipher` demands or forbids.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

# Midnight in London is 23:00 the day before in UTC while summer time holds, and 00:00 UTC in winter.
JULY_1_LONDON = 1782860400  # 2026-06-30T23:00:00Z
AUGUST_1_LONDON = 1785538800  # 2026-07-31T23:00:00Z
JANUARY_15_LONDON = 1768435200  # 2026-01-15T00:00:00Z
JULY_1_1130_UTC = 1782905400  # 2026-07-01T11:30:00Z, which is 12:30 in London
JULY_1_1030_UTC = 1782901800  # 2026-07-01T10:30:00Z, which is 12:30 in Berlin

PAGE_TOKEN = "aGVsbG8+Zm9v/YmFy=="


@dataclass(frozen=True)
class Endpoint:
    """Where a tool's requests go. `cipher`: `shop_cipher` must be there (True) or must not (False)."""

    tool: str
    method: str
    path: str
    cipher: bool


@dataclass(frozen=True)
class Row:
    """One call of a tool, and the one request that it must become. `body` None: not a single byte of it."""

    endpoint: Endpoint
    shows: str
    arguments: dict[str, Any]
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def tool(self) -> str:
        return self.endpoint.tool

    def __str__(self) -> str:
        return f"{self.tool}: {self.shows}"


@dataclass(frozen=True)
class TokenRow:
    """A call of the auth host: unsigned, without a token, and `query` is all of it but app key and secret."""

    tool: str
    arguments: dict[str, Any]
    path: str
    query: dict[str, str]

    def __str__(self) -> str:
        return self.tool


@dataclass(frozen=True)
class Upload:
    """A picture and the form fields that must go beside it."""

    shows: str
    arguments: dict[str, Any]
    fields: dict[str, str]

    def __str__(self) -> str:
        return self.shows


# The refresh token comes from the settings: the test adds it.
TOKEN_ROWS = [
    TokenRow(
        tool="exchange_authorization_code",
        arguments={"auth_code": "GCP_FeBoANmHP3yqdoUI9fZOCw+/=="},
        path="/api/v2/token/get",
        query={"auth_code": "GCP_FeBoANmHP3yqdoUI9fZOCw+/==", "grant_type": "authorized_code"},
    ),
    TokenRow(
        tool="refresh_access_token",
        arguments={},
        path="/api/v2/token/refresh",
        query={"grant_type": "refresh_token"},
    ),
]

UPLOAD_PATH = "/product/202309/images/upload"

UPLOADS = [
    Upload(shows="a picture alone", arguments={}, fields={}),
    Upload(
        shows="a picture and what it is for",
        arguments={"use_case": "MAIN_IMAGE"},
        fields={"use_case": "MAIN_IMAGE"},
    ),
    Upload(
        shows="a picture for a description",
        arguments={"use_case": "DESCRIPTION_IMAGE"},
        fields={"use_case": "DESCRIPTION_IMAGE"},
    ),
]

SELLER_ROWS = [
    Row(
        Endpoint(tool="get_authorized_shops", method="GET", path="/authorization/202309/shops", cipher=False),
        shows="nothing but the signature's own query",
        arguments={},
    ),
    Row(
        Endpoint(tool="get_active_shops", method="GET", path="/seller/202309/shops", cipher=False),
        shows="never a cipher",
        arguments={},
    ),
    Row(
        Endpoint(tool="get_seller_permissions", method="GET", path="/seller/202309/permissions", cipher=False),
        shows="never a cipher",
        arguments={},
    ),
]

SEARCH_PRODUCTS = Endpoint(
    tool="search_products",
    method="POST",
    path="/product/202502/products/search",
    cipher=True,
)
GET_PRODUCT = Endpoint(
    tool="get_product",
    method="GET",
    path="/product/202309/products/1729592969712207008",
    cipher=True,
)
DELETE_PRODUCTS = Endpoint(
    tool="delete_products",
    method="DELETE",
    path="/product/202309/products",
    cipher=True,
)
CREATE_PRODUCT = Endpoint(
    tool="create_product",
    method="POST",
    path="/product/202309/products",
    cipher=True,
)

EARL_GREY = {
    "title": "Earl Grey, loose leaf",
    "description": "<p>Bergamot.</p>",
    "category_id": "600001",
    "save_mode": "AS_DRAFT",
    "brand_id": "7082427311584347905",
    "idempotency_key": "create-earl-grey-1",
    "category_version": "v1",
    "is_pre_owned": False,
    "main_images": [{"uri": "tos/1"}, {"uri": "tos/2"}],
    "skus": [
        {
            "seller_sku": "TEA-EARL-100",
            "inventory": [
                {"warehouse_id": "7068517275539719942", "quantity": 40},
                {"warehouse_id": "7068517275539719943", "quantity": 2},
            ],
            "price": {"currency": "GBP", "amount": "9.99"},
            "sales_attributes": [
                {"name": "Weight", "value_name": "100 g", "sku_img": {"uri": "tos/3"}},
            ],
            "identifier_code": {"type": "EAN", "code": "4006381333931"},
        }
    ],
    "package_weight": {"value": "0.25", "unit": "KILOGRAM"},
    "package_dimensions": {"length": "10", "width": "8", "height": "20", "unit": "CENTIMETER"},
    "product_attributes": [{"id": "100392", "values": [{"id": "1001533", "name": "Loose leaf"}]}],
    "search_terms": ["tea", "bergamot"],
}

PRODUCT_ROWS = [
    Row(
        SEARCH_PRODUCTS,
        shows="the page size is filled in, and no filter is no body",
        arguments={},
        query={"page_size": "20"},
    ),
    Row(
        SEARCH_PRODUCTS,
        shows="paging goes into the query, filters into the body",
        arguments={
            "page_size": 100,
            "page_token": PAGE_TOKEN,
            "status": "ACTIVATE",
            "seller_skus": ["TEA-EARL-GREY", "TEA-GRØN"],
            "sku_ids": ["1729592969712207100", "1729592969712207101"],
            "audit_status": ["APPROVED", "AUDITING"],
            "listing_platforms": ["TIKTOK_SHOP"],
            "category_version": "v1",
            "sns_filter": "CONFIGURED",
        },
        query={"page_size": "100", "page_token": PAGE_TOKEN},
        body={
            "status": "ACTIVATE",
            "seller_skus": ["TEA-EARL-GREY", "TEA-GRØN"],
            "sku_ids": ["1729592969712207100", "1729592969712207101"],
            "audit_status": ["APPROVED", "AUDITING"],
            "listing_platforms": ["TIKTOK_SHOP"],
            "category_version": "v1",
            "sns_filter": "CONFIGURED",
        },
    ),
    Row(
        SEARCH_PRODUCTS,
        shows="times of every kind become Unix seconds",
        arguments={
            "page_size": 1,
            "create_time_ge": "2026-07-01",
            "create_time_le": "2026-08-01",
            "update_time_ge": "2026-07-01T12:30:00+02:00",
            "update_time_le": "2026-07-01T11:30:00Z",
        },
        query={"page_size": "1"},
        body={
            "create_time_ge": JULY_1_LONDON,
            "create_time_le": AUGUST_1_LONDON,
            "update_time_ge": JULY_1_1030_UTC,
            "update_time_le": JULY_1_1130_UTC,
        },
    ),
    Row(
        SEARCH_PRODUCTS,
        shows="a false stays a false, and a locale the documents don't name is let through",
        arguments={"return_draft_version": False, "include_live_quick_products": True, "locale": "sv-SE"},
        query={"page_size": "20"},
        body={"return_draft_version": False, "include_live_quick_products": True, "locale": "sv-SE"},
    ),
    Row(
        SEARCH_PRODUCTS,
        shows="lists given as JSON text, and ids given as numbers",
        arguments={"seller_skus": '["TEA-1", "TEA-2"]', "sku_ids": [1729592969, "1729592969712207101"]},
        query={"page_size": "20"},
        body={"seller_skus": ["TEA-1", "TEA-2"], "sku_ids": ["1729592969", "1729592969712207101"]},
    ),
    Row(
        GET_PRODUCT,
        shows="the id goes into the path",
        arguments={"product_id": "1729592969712207008"},
    ),
    Row(
        GET_PRODUCT,
        shows="true is written small in the query",
        arguments={
            "product_id": "1729592969712207008",
            "return_under_review_version": True,
            "locale": "en-GB",
        },
        query={"return_under_review_version": "true", "locale": "en-GB"},
    ),
    Row(
        GET_PRODUCT,
        shows="false is no empty value",
        arguments={"product_id": "1729592969712207008", "return_draft_version": False},
        query={"return_draft_version": "false"},
    ),
    Row(
        replace(GET_PRODUCT, path="/product/202309/products/9007199254740991"),
        shows="the largest safe number is an id",
        arguments={"product_id": 9007199254740991},
    ),
    Row(
        DELETE_PRODUCTS,
        shows="a DELETE with a body",
        arguments={"product_ids": ["1729592969712207008", "1729592969712207009"]},
        body={"product_ids": ["1729592969712207008", "1729592969712207009"]},
    ),
    Row(
        DELETE_PRODUCTS,
        shows="one id, a list as JSON text",
        arguments={"product_ids": '["1729592969712207008"]'},
        body={"product_ids": ["1729592969712207008"]},
    ),
    Row(
        DELETE_PRODUCTS,
        shows="ids given as safe numbers",
        arguments={"product_ids": [7, 1729592969]},
        body={"product_ids": ["7", "1729592969"]},
    ),
    Row(
        CREATE_PRODUCT,
        shows="what is required and nothing else",
        arguments={
            "title": "Áo trà — 夏季 tea towel, 100% cotton",
            "description": "<p>café 😀</p>",
            "category_id": "600001",
            "main_images": [{"uri": "tos-maliva-i-o3syd03w52-us/c668cdf70b7f483c94dbe"}],
            "skus": [
                {
                    "inventory": [{"warehouse_id": "7068517275539719942", "quantity": 0}],
                    "price": {"currency": "GBP", "amount": "12.50"},
                }
            ],
        },
        body={
            "title": "Áo trà — 夏季 tea towel, 100% cotton",
            "description": "<p>café 😀</p>",
            "category_id": "600001",
            "main_images": [{"uri": "tos-maliva-i-o3syd03w52-us/c668cdf70b7f483c94dbe"}],
            "skus": [
                {
                    "inventory": [{"warehouse_id": "7068517275539719942", "quantity": 0}],
                    "price": {"currency": "GBP", "amount": "12.50"},
                }
            ],
        },
    ),
    Row(
        CREATE_PRODUCT,
        shows="deep bodies arrive as they were given",
        arguments=EARL_GREY,
        body=EARL_GREY,
    ),
    Row(
        CREATE_PRODUCT,
        shows="payloads given as JSON text, ids inside them given as numbers",
        arguments={
            "title": "Earl Grey, loose leaf",
            "description": "<p>Bergamot.</p>",
            "category_id": 600001,
            "main_images": '[{"uri": "tos/1"}]',
            "skus": (
                '[{"inventory": [{"warehouse_id": 7068517, "quantity": 40}],'
                ' "price": {"currency": "GBP", "amount": "9.99"}}]'
            ),
            "package_weight": '{"value": "0.25", "unit": "KILOGRAM"}',
        },
        body={
            "title": "Earl Grey, loose leaf",
            "description": "<p>Bergamot.</p>",
            "category_id": "600001",
            "main_images": [{"uri": "tos/1"}],
            "skus": [
                {
                    "inventory": [{"warehouse_id": "7068517", "quantity": 40}],
                    "price": {"currency": "GBP", "amount": "9.99"},
                }
            ],
            "package_weight": {"value": "0.25", "unit": "KILOGRAM"},
        },
    ),
]

GET_ORDER_LIST = Endpoint(
    tool="get_order_list",
    method="POST",
    path="/order/202309/orders/search",
    cipher=True,
)
ADD_REFERENCES = Endpoint(
    tool="add_external_order_references",
    method="POST",
    path="/order/202406/orders/external_orders",
    cipher=True,
)
SEARCH_REFERENCES = Endpoint(
    tool="search_orders_by_external_reference",
    method="POST",
    path="/order/202406/orders/external_order_search",
    cipher=True,
)
GET_ORDER_DETAIL = Endpoint(
    tool="get_order_detail",
    method="GET",
    path="/order/202507/orders",
    cipher=True,
)

ORDER_ROWS = [
    Row(
        GET_ORDER_LIST,
        shows="only the page size is filled in: other defaults are the platform's business",
        arguments={},
        query={"page_size": "20"},
    ),
    Row(
        GET_ORDER_LIST,
        shows="sorting and paging go into the query, filters into the body",
        arguments={
            "page_size": 100,
            "page_token": PAGE_TOKEN,
            "sort_order": "ASC",
            "sort_field": "update_time",
            "order_status": "AWAITING_SHIPMENT",
            "shipping_type": "TIKTOK",
            "buyer_user_id": "7494845267308415300",
            "is_buyer_request_cancel": False,
            "warehouse_ids": ["7000714532876273420", "7000714532876273421"],
        },
        query={
            "page_size": "100",
            "page_token": PAGE_TOKEN,
            "sort_order": "ASC",
            "sort_field": "update_time",
        },
        body={
            "order_status": "AWAITING_SHIPMENT",
            "shipping_type": "TIKTOK",
            "buyer_user_id": "7494845267308415300",
            "is_buyer_request_cancel": False,
            "warehouse_ids": ["7000714532876273420", "7000714532876273421"],
        },
    ),
    Row(
        GET_ORDER_LIST,
        shows="bare dates are the first second of the day in the shop's zone, summer and winter",
        arguments={
            "create_time_ge": "2026-01-15",
            "create_time_lt": "2026-07-01",
            "update_time_ge": "2026-07-01T12:30:00",
            "update_time_lt": "2026-08-01",
        },
        query={"page_size": "20"},
        body={
            "create_time_ge": JANUARY_15_LONDON,
            "create_time_lt": JULY_1_LONDON,
            "update_time_ge": JULY_1_1130_UTC,
            "update_time_lt": AUGUST_1_LONDON,
        },
    ),
    Row(
        GET_ORDER_LIST,
        shows="times with a zone, and Unix seconds as a number or as text",
        arguments={
            "create_time_ge": "2026-07-01T12:30:00+02:00",
            "create_time_lt": "2026-07-01T11:30:00Z",
            "update_time_ge": 1782901800,
            "update_time_lt": "1782905400",
        },
        query={"page_size": "20"},
        body={
            "create_time_ge": JULY_1_1030_UTC,
            "create_time_lt": JULY_1_1130_UTC,
            "update_time_ge": JULY_1_1030_UTC,
            "update_time_lt": JULY_1_1130_UTC,
        },
    ),
    Row(
        GET_ORDER_LIST,
        shows="an empty text is dropped from the query",
        arguments={"page_size": 50, "page_token": ""},
        query={"page_size": "50"},
    ),
    Row(
        GET_ORDER_LIST,
        shows="a null is dropped from the query",
        arguments={"page_size": 50, "page_token": None},
        query={"page_size": "50"},
    ),
    Row(
        GET_ORDER_LIST,
        shows="a shipping type the documents don't name is let through",
        arguments={"shipping_type": "BY_BICYCLE"},
        query={"page_size": "20"},
        body={"shipping_type": "BY_BICYCLE"},
    ),
    Row(
        GET_ORDER_LIST,
        shows="a space in a value survives, ids given as numbers, a list as JSON text",
        arguments={
            "shipping_type": "IN-STORE PICKUP",
            "buyer_user_id": 7494845267,
            "is_buyer_request_cancel": True,
            "warehouse_ids": '["7000714532876273420"]',
        },
        query={"page_size": "20"},
        body={
            "shipping_type": "IN-STORE PICKUP",
            "buyer_user_id": "7494845267",
            "is_buyer_request_cancel": True,
            "warehouse_ids": ["7000714532876273420"],
        },
    ),
    Row(
        Endpoint(
            tool="get_price_detail",
            method="GET",
            path="/order/202407/orders/576461413038785752/price_detail",
            cipher=True,
        ),
        shows="the id goes into the path",
        arguments={"order_id": "576461413038785752"},
    ),
    Row(
        Endpoint(
            tool="get_price_detail",
            method="GET",
            path="/order/202407/orders/576461413/price_detail",
            cipher=True,
        ),
        shows="an id given as a number",
        arguments={"order_id": 576461413},
    ),
    Row(
        ADD_REFERENCES,
        shows="the body is an object with a list of orders",
        arguments={
            "orders": [
                {
                    "id": "576461413038785752",
                    "external_order": {
                        "id": "#1001 & café",
                        "platform": "SHOPIFY",
                        "line_items": [
                            {"id": "577086512123755123", "origin_id": "A-1"},
                            {"id": "577086512123755124", "origin_id": "A-2"},
                        ],
                    },
                },
                {
                    "id": "576461413038785753",
                    "external_order": {
                        "id": "B-2",
                        "platform": "WAREHOUSE_MANAGEMENT_SYSTEM",
                        "line_items": [{"id": "577086512123755125", "origin_id": "B-1"}],
                    },
                },
            ]
        },
        body={
            "orders": [
                {
                    "id": "576461413038785752",
                    "external_order": {
                        "id": "#1001 & café",
                        "platform": "SHOPIFY",
                        "line_items": [
                            {"id": "577086512123755123", "origin_id": "A-1"},
                            {"id": "577086512123755124", "origin_id": "A-2"},
                        ],
                    },
                },
                {
                    "id": "576461413038785753",
                    "external_order": {
                        "id": "B-2",
                        "platform": "WAREHOUSE_MANAGEMENT_SYSTEM",
                        "line_items": [{"id": "577086512123755125", "origin_id": "B-1"}],
                    },
                },
            ]
        },
    ),
    Row(
        ADD_REFERENCES,
        shows="the list as JSON text, ids as numbers",
        arguments={
            "orders": (
                '[{"id": 576461413, "external_order": {"id": 1001, "platform": "AMAZON",'
                ' "line_items": [{"id": "577086512123755123", "origin_id": 7}]}}]'
            )
        },
        body={
            "orders": [
                {
                    "id": "576461413",
                    "external_order": {
                        "id": "1001",
                        "platform": "AMAZON",
                        "line_items": [{"id": "577086512123755123", "origin_id": "7"}],
                    },
                }
            ]
        },
    ),
    Row(
        Endpoint(
            tool="get_external_order_references",
            method="GET",
            path="/order/202406/orders/576461413038785752/external_orders",
            cipher=True,
        ),
        shows="the id goes into the path, the platform into the query",
        arguments={"order_id": "576461413038785752", "platform": "ERP_SYSTEM"},
        query={"platform": "ERP_SYSTEM"},
    ),
    Row(
        SEARCH_REFERENCES,
        shows="a POST without a body: both arguments go into the query",
        arguments={"platform": "SHOPIFY", "external_order_id": "A-1001"},
        query={"platform": "SHOPIFY", "external_order_id": "A-1001"},
    ),
    Row(
        SEARCH_REFERENCES,
        shows="every odd character of a reference survives",
        arguments={"platform": "SHOPIFY", "external_order_id": "#1001 & 50% a+b=c/d?é🍵;,"},
        query={"platform": "SHOPIFY", "external_order_id": "#1001 & 50% a+b=c/d?é🍵;,"},
    ),
    Row(
        SEARCH_REFERENCES,
        shows="a reference given as a number",
        arguments={"platform": "WOOCOMMERCE", "external_order_id": 1001},
        query={"platform": "WOOCOMMERCE", "external_order_id": "1001"},
    ),
    Row(
        GET_ORDER_DETAIL,
        shows="one id",
        arguments={"ids": ["576461413038785752"]},
        query={"ids": "576461413038785752"},
    ),
    Row(
        GET_ORDER_DETAIL,
        shows="several ids are one value with commas",
        arguments={"ids": ["576461413038785752", "576461413038785753", 576461413]},
        query={"ids": "576461413038785752,576461413038785753,576461413"},
    ),
    Row(
        GET_ORDER_DETAIL,
        shows="a list as JSON text",
        arguments={"ids": '["576461413038785752","576461413038785753"]'},
        query={"ids": "576461413038785752,576461413038785753"},
    ),
]

GET_STATEMENTS = Endpoint(
    tool="get_statements",
    method="GET",
    path="/finance/202309/statements",
    cipher=True,
)
GET_PAYMENTS = Endpoint(
    tool="get_payments",
    method="GET",
    path="/finance/202605/payments",
    cipher=True,
)
GET_WITHDRAWALS = Endpoint(
    tool="get_withdrawals",
    method="GET",
    path="/finance/202309/withdrawals",
    cipher=True,
)
BY_STATEMENT = Endpoint(
    tool="get_transactions_by_statement",
    method="GET",
    path="/finance/202501/statements/7237061128512595758/statement_transactions",
    cipher=True,
)
GET_UNSETTLED = Endpoint(
    tool="get_unsettled_transactions",
    method="GET",
    path="/finance/202507/orders/unsettled",
    cipher=True,
)

FINANCE_ROWS = [
    Row(
        GET_STATEMENTS,
        shows="the only sort field is filled in",
        arguments={},
        query={"sort_field": "statement_time"},
    ),
    Row(
        GET_STATEMENTS,
        shows="every filter, and times in the query are seconds too",
        arguments={
            "sort_field": "statement_time",
            "sort_order": "DESC",
            "statement_time_ge": "2026-07-01",
            "statement_time_lt": "2026-07-01T11:30:00Z",
            "payment_status": "PAID",
            "page_size": 100,
            "page_token": PAGE_TOKEN,
        },
        query={
            "sort_field": "statement_time",
            "sort_order": "DESC",
            "statement_time_ge": str(JULY_1_LONDON),
            "statement_time_lt": str(JULY_1_1130_UTC),
            "payment_status": "PAID",
            "page_size": "100",
            "page_token": PAGE_TOKEN,
        },
    ),
    Row(
        GET_PAYMENTS,
        shows="the only sort field is filled in, on the path of 2026",
        arguments={},
        query={"sort_field": "create_time"},
    ),
    Row(
        GET_PAYMENTS,
        shows="every filter",
        arguments={
            "create_time_ge": "2026-01-15",
            "create_time_lt": 1782905400,
            "sort_order": "ASC",
            "page_size": 1,
            "page_token": PAGE_TOKEN,
        },
        query={
            "create_time_ge": str(JANUARY_15_LONDON),
            "create_time_lt": str(JULY_1_1130_UTC),
            "sort_field": "create_time",
            "sort_order": "ASC",
            "page_size": "1",
            "page_token": PAGE_TOKEN,
        },
    ),
    Row(
        GET_WITHDRAWALS,
        shows="one type",
        arguments={"types": ["WITHDRAW"]},
        query={"types": "WITHDRAW"},
    ),
    Row(
        GET_WITHDRAWALS,
        shows="types are one value with commas",
        arguments={
            "types": ["WITHDRAW", "SETTLE", "TRANSFER", "REVERSE"],
            "create_time_ge": "2026-07-01",
            "create_time_lt": "2026-08-01",
            "page_size": 100,
            "page_token": PAGE_TOKEN,
        },
        query={
            "types": "WITHDRAW,SETTLE,TRANSFER,REVERSE",
            "create_time_ge": str(JULY_1_LONDON),
            "create_time_lt": str(AUGUST_1_LONDON),
            "page_size": "100",
            "page_token": PAGE_TOKEN,
        },
    ),
    Row(
        Endpoint(
            tool="get_transactions_by_order",
            method="GET",
            path="/finance/202501/orders/576461413038785752/statement_transactions",
            cipher=True,
        ),
        shows="the id goes into the path",
        arguments={"order_id": "576461413038785752"},
    ),
    Row(
        BY_STATEMENT,
        shows="the only sort field is filled in",
        arguments={"statement_id": "7237061128512595758"},
        query={"sort_field": "order_create_time"},
    ),
    Row(
        BY_STATEMENT,
        shows="sorting and paging",
        arguments={
            "statement_id": "7237061128512595758",
            "sort_field": "order_create_time",
            "sort_order": "DESC",
            "page_size": 100,
            "page_token": PAGE_TOKEN,
        },
        query={
            "sort_field": "order_create_time",
            "sort_order": "DESC",
            "page_size": "100",
            "page_token": PAGE_TOKEN,
        },
    ),
    Row(
        GET_UNSETTLED,
        shows="the only sort field is filled in",
        arguments={},
        query={"sort_field": "order_create_time"},
    ),
    Row(
        GET_UNSETTLED,
        shows="every filter",
        arguments={
            "search_time_ge": "2026-07-01",
            "search_time_lt": "2026-07-01T12:30:00+02:00",
            "sort_order": "DESC",
            "page_size": 1,
            "page_token": PAGE_TOKEN,
        },
        query={
            "search_time_ge": str(JULY_1_LONDON),
            "search_time_lt": str(JULY_1_1030_UTC),
            "sort_field": "order_create_time",
            "sort_order": "DESC",
            "page_size": "1",
            "page_token": PAGE_TOKEN,
        },
    ),
]

DELIVERY_OPTIONS = Endpoint(
    tool="get_warehouse_delivery_options",
    method="GET",
    path="/logistics/202309/warehouses/7068517275539719942/delivery_options",
    cipher=True,
)
SHIPPING_PROVIDERS = Endpoint(
    tool="get_shipping_providers",
    method="GET",
    path="/logistics/202309/delivery_options/7091146663229654785/shipping_providers",
    cipher=True,
)

LOGISTICS_ROWS = [
    Row(
        Endpoint(tool="get_warehouse_list", method="GET", path="/logistics/202309/warehouses", cipher=True),
        shows="the cipher and nothing else",
        arguments={},
    ),
    Row(
        Endpoint(
            tool="get_global_seller_warehouses",
            method="GET",
            path="/logistics/202309/global_warehouses",
            cipher=False,
        ),
        shows="never a cipher",
        arguments={},
    ),
    Row(
        DELIVERY_OPTIONS,
        shows="a scope that is not required is not filled in",
        arguments={"warehouse_id": "7068517275539719942"},
    ),
    Row(
        DELIVERY_OPTIONS,
        shows="the scope that is asked for",
        arguments={"warehouse_id": "7068517275539719942", "scope": "PRODUCT"},
        query={"scope": "PRODUCT"},
    ),
    Row(
        SHIPPING_PROVIDERS,
        shows="the id goes into the path",
        arguments={"delivery_option_id": "7091146663229654785"},
    ),
    Row(
        SHIPPING_PROVIDERS,
        shows="where from and where to",
        arguments={
            "delivery_option_id": "7091146663229654785",
            "warehouse_region": "DE",
            "buyer_region": "FR",
        },
        query={"warehouse_region": "DE", "buyer_region": "FR"},
    ),
]

CREATE_PACKAGES = Endpoint(
    tool="create_packages",
    method="POST",
    path="/fulfillment/202512/packages",
    cipher=True,
)
SHIP_PACKAGE = Endpoint(
    tool="ship_package",
    method="POST",
    path="/fulfillment/202309/packages/1152921504606846976/ship",
    cipher=True,
)
GET_DOCUMENT = Endpoint(
    tool="get_package_shipping_document",
    method="GET",
    path="/fulfillment/202309/packages/1152921504606846976/shipping_documents",
    cipher=True,
)

FULFILLMENT_ROWS = [
    Row(
        CREATE_PACKAGES,
        shows="a whole order, on the path of December 2025",
        arguments={"ship_type": "1", "order_id": "576461413038785752"},
        body={"ship_type": "1", "order_id": "576461413038785752"},
    ),
    Row(
        CREATE_PACKAGES,
        shows="some lines of an order, with size and weight",
        arguments={
            "ship_type": "2",
            "order_id": "576461413038785752",
            "order_line_item": [
                {"order_line_id": "577086512123755123"},
                {"order_line_id": "577086512123755124", "sub_item_id": "3"},
            ],
            "dimension": {"length": "10.5", "width": "8", "height": "3", "unit": "CM"},
            "weight": {"value": "250", "unit": "GRAM"},
            "shipping_service_id": "7091146663229654785",
        },
        body={
            "ship_type": "2",
            "order_id": "576461413038785752",
            "order_line_item": [
                {"order_line_id": "577086512123755123"},
                {"order_line_id": "577086512123755124", "sub_item_id": "3"},
            ],
            "dimension": {"length": "10.5", "width": "8", "height": "3", "unit": "CM"},
            "weight": {"value": "250", "unit": "GRAM"},
            "shipping_service_id": "7091146663229654785",
        },
    ),
    Row(
        CREATE_PACKAGES,
        shows="orders merged into one package, an object as JSON text",
        arguments={
            "ship_type": "3",
            "order_list_ids": ["576461413038785752", 576461413],
            "weight": '{"value": "1.2", "unit": "POUND"}',
        },
        body={
            "ship_type": "3",
            "order_list_ids": ["576461413038785752", "576461413"],
            "weight": {"value": "1.2", "unit": "POUND"},
        },
    ),
    Row(
        SHIP_PACKAGE,
        shows="no choice is no body",
        arguments={"package_id": "1152921504606846976"},
    ),
    Row(
        SHIP_PACKAGE,
        shows="dropped off",
        arguments={"package_id": "1152921504606846976", "handover_method": "DROP_OFF"},
        body={"handover_method": "DROP_OFF"},
    ),
    Row(
        SHIP_PACKAGE,
        shows="picked up in a slot given in ISO times",
        arguments={
            "package_id": "1152921504606846976",
            "handover_method": "PICKUP",
            "pickup_slot": {"start_time": "2026-07-01T12:30:00+02:00", "end_time": "2026-07-01T11:30:00Z"},
        },
        body={
            "handover_method": "PICKUP",
            "pickup_slot": {"start_time": JULY_1_1030_UTC, "end_time": JULY_1_1130_UTC},
        },
    ),
    Row(
        SHIP_PACKAGE,
        shows="shipped by the seller, an object as JSON text",
        arguments={
            "package_id": "1152921504606846976",
            "self_shipment": '{"tracking_number": "JD0002", "shipping_provider_id": 6617675}',
        },
        body={"self_shipment": {"tracking_number": "JD0002", "shipping_provider_id": "6617675"}},
    ),
    Row(
        GET_DOCUMENT,
        shows="the type alone: size and format have defaults at the platform",
        arguments={"package_id": "1152921504606846976", "document_type": "SHIPPING_LABEL"},
        query={"document_type": "SHIPPING_LABEL"},
    ),
    Row(
        GET_DOCUMENT,
        shows="type, size and format",
        arguments={
            "package_id": "1152921504606846976",
            "document_type": "SHIPPING_LABEL_AND_PACKING_SLIP",
            "document_size": "A5",
            "document_format": "PDF",
        },
        query={
            "document_type": "SHIPPING_LABEL_AND_PACKING_SLIP",
            "document_size": "A5",
            "document_format": "PDF",
        },
    ),
]

ROWS = [
    *SELLER_ROWS,
    *PRODUCT_ROWS,
    *ORDER_ROWS,
    *FINANCE_ROWS,
    *LOGISTICS_ROWS,
    *FULFILLMENT_ROWS,
]
