"""Takes a request apart into its operation's arguments, refusing what the record does not allow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.gateway import schema
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.gateway.records import Operation
    from mcp_server_tiktok_shop.sandbox.gateway.wire import Received
    from mcp_server_tiktok_shop.sandbox.json_types import Json

COMMON = frozenset({"app_key", "timestamp", "sign", "access_token", "shop_cipher", "category_asset_cipher", "version"})
# Where an operation answers a list that is too long with a code of its own (and HTTP 200) instead of the gateway's.
OWN_LIMIT_CODES = {
    ("activate_products", "product_ids"): 12019120,
    ("activate_product", "product_ids"): 12019120,
    ("deactivate_products", "product_ids"): 12019120,
    ("delete_products", "product_ids"): 12019120,
    ("recover_products", "product_ids"): 12019120,
    ("search_products", "seller_skus"): 12019027,
    ("search_products", "sku_ids"): 12019087,
}


def read(operation: Operation, received: Received, ids: Mapping[str, str], form: Json | None) -> Json:
    """Arguments side by side, defaults filled in. `form` holds a multipart body's fields."""
    arguments: Json = {}
    for name, text in ids.items():
        schema.check(operation.in_path[name], text, f"path.{name}")
        arguments[name] = text
    arguments |= _query(operation, received.query)
    body = form if operation.multipart else _json(received.body)
    arguments |= _body(operation, body or {})
    for place in (operation.in_query, operation.in_body):
        for name, argument in place.items():
            if "default" in argument:
                arguments.setdefault(name, argument["default"])
    return arguments


def _query(operation: Operation, query: Mapping[str, str]) -> Json:
    given: Json = {}
    for name, text in query.items():
        if name in operation.in_query:
            given[name] = schema.from_query(operation.in_query[name], text, f"query.{name}")
        elif name not in COMMON:
            raise schema.refuse(f"query.{name}", "unknown parameter")
    _required(operation, operation.in_query, given, "query")
    _checked(operation, operation.in_query, given, "query")
    return given


def _json(body: bytes) -> Json:
    if not body:
        return {}
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise schema.refuse("body", "not valid JSON") from None
    if not isinstance(value, dict):
        raise schema.refuse("body", "expected type object")
    return value


def _body(operation: Operation, given: Json) -> Json:
    for name in given:
        if name not in operation.in_body:
            raise schema.refuse(f"body.{name}", "unknown field")
    _required(operation, operation.in_body, given, "body")
    _checked(operation, operation.in_body, given, "body")
    return given


def _required(operation: Operation, place: Mapping[str, Json], given: Json, where: str) -> None:
    for name in place:
        if name in operation.required and given.get(name) in (None, "", [], b""):
            raise schema.missing(f"{where}.{name}")


def _checked(operation: Operation, place: Mapping[str, Json], given: Json, where: str) -> None:
    for name, value in given.items():
        own = OWN_LIMIT_CODES.get((operation.name, name))
        if own and isinstance(value, list) and len(value) > place[name]["maxItems"]:
            most = place[name]["maxItems"]
            raise Refusal(own, f"'{name}' holds {len(value)} items; at most {most} are accepted.")
        if not isinstance(value, bytes):  # a file's bytes are its operation's to judge
            schema.check(place[name], value, f"{where}.{name}")
