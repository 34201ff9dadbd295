"""Takes a request apart into its operation's arguments, refusing what the record does not allow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.gateway import schema
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.gateway.http_messages import HttpRequest
    from mcp_server_tiktok_shop.sandbox.gateway.operation_records import OperationRecord
    from mcp_server_tiktok_shop.sandbox.json_types import Json

COMMON_PARAMETERS = frozenset(
    {"app_key", "timestamp", "sign", "access_token", "shop_cipher", "category_asset_cipher", "version"}
)
# Where an operation answers a list that is too long with a code of its own (and HTTP 200) instead of the gateway's.
LIMIT_CODES = {
    ("activate_products", "product_ids"): 12019120,
    ("activate_product", "product_ids"): 12019120,
    ("deactivate_products", "product_ids"): 12019120,
    ("delete_products", "product_ids"): 12019120,
    ("recover_products", "product_ids"): 12019120,
    ("search_products", "seller_skus"): 12019027,
    ("search_products", "sku_ids"): 12019087,
}


def parse_arguments(
    operation: OperationRecord, http_request: HttpRequest, ids: Mapping[str, str], form: Json | None
) -> Json:
    """Arguments side by side, defaults filled in. `form` holds a multipart body's fields."""
    arguments: Json = {}
    for name, text in ids.items():
        schema.check_value(operation.in_path[name], text, f"path.{name}")
        arguments[name] = text
    arguments |= _parse_query(operation, http_request.query)
    body = form if operation.multipart else _parse_json(http_request.body)
    arguments |= _check_body(operation, body or {})
    for place in (operation.in_query, operation.in_body):
        for name, argument in place.items():
            if "default" in argument:
                arguments.setdefault(name, argument["default"])
    return arguments


def _parse_query(operation: OperationRecord, query: Mapping[str, str]) -> Json:
    values: Json = {}
    for name, text in query.items():
        if name in operation.in_query:
            values[name] = schema.parse_query_value(operation.in_query[name], text, f"query.{name}")
        elif name not in COMMON_PARAMETERS:
            raise schema.make_refusal(f"query.{name}", "unknown parameter")
    _check_required(operation, operation.in_query, values, "query")
    _check_values(operation, operation.in_query, values, "query")
    return values


def _parse_json(body: bytes) -> Json:
    if not body:
        return {}
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise schema.make_refusal("body", "not valid JSON") from None
    if not isinstance(value, dict):
        raise schema.make_refusal("body", "expected type object")
    return value


def _check_body(operation: OperationRecord, values: Json) -> Json:
    for name in values:
        if name not in operation.in_body:
            raise schema.make_refusal(f"body.{name}", "unknown field")
    _check_required(operation, operation.in_body, values, "body")
    _check_values(operation, operation.in_body, values, "body")
    return values


def _check_required(operation: OperationRecord, place: Mapping[str, Json], values: Json, where: str) -> None:
    for name in place:
        if name in operation.required and values.get(name) in (None, "", [], b""):
            raise schema.make_missing_refusal(f"{where}.{name}")


def _check_values(operation: OperationRecord, place: Mapping[str, Json], values: Json, where: str) -> None:
    for name, value in values.items():
        code = LIMIT_CODES.get((operation.name, name))
        if code and isinstance(value, list) and len(value) > place[name]["maxItems"]:
            max_items = place[name]["maxItems"]
            raise RefusalError(code, f"'{name}' holds {len(value)} items; at most {max_items} are accepted.")
        if not isinstance(value, bytes):  # a file's bytes are its operation's to judge
            schema.check_value(place[name], value, f"{where}.{name}")
