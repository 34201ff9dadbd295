"""The checks before any operation runs, in the platform's order, with its codes and HTTP statuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway import signature
from mcp_server_tiktok_shop.sandbox.gateway.wire import JSON_TYPE
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.records import Operation, Records
    from mcp_server_tiktok_shop.sandbox.gateway.tokens import Account, Tokens
    from mcp_server_tiktok_shop.sandbox.gateway.wire import Received
    from mcp_server_tiktok_shop.sandbox.shop import Shop

SECONDS_BEHIND = 5 * 60
SECONDS_AHEAD = 30
TEN_DIGITS = re.compile(r"\d{10}\Z", re.ASCII)
MULTIPART = "multipart/form-data"
TOKEN_HEADER = "x-tts-access-token"  # noqa: S105
# Beyond this the gateway itself turns an upload away, before the operation sees it.
LARGEST_BODY = 110 * 1024 * 1024


@dataclass(frozen=True)
class Route:
    """Where a request goes: its operation and the ids in its path."""

    operation: Operation
    ids: dict[str, str]


@dataclass(frozen=True)
class Caller:
    """Who calls, and for which shop: the first of the account where an operation takes no cipher."""

    account: Account
    shop: Shop


def route(records: Records, method: str, path: str) -> Route:
    found = records.find(path)
    if found is None:
        raise Refusal(36009009, f"Invalid path '{path}'.", 404)
    place, ids = found
    if method in place.operations:
        return Route(place.operations[method], ids)
    if method in place.retired:
        raise Refusal(36009014, f"The API version of '{path}' is retired; use a newer version.", 400)
    raise Refusal(36009010, f"Method '{method}' is not allowed on '{path}'.", 405)


def check_app(received: Received, app_key: str, app_secret: str, now: float) -> None:
    """App key, timestamp, signature, in this order."""
    if received.query.get("app_key") != app_key:
        raise Refusal(36009004, "Invalid 'app_key': no app has this key, or it is disabled.", 400)
    _check_timestamp(received.query.get("timestamp", ""), now)
    given = received.query.get("sign", "")
    if not given:
        raise Refusal(36009004, "Invalid 'sign': the signature is missing.", 400)
    expected = signature.expected_signature(
        app_secret, received.path, received.query, received.body, received.media_type
    )
    if not signature.matches(given, expected):
        raise Refusal(106001, "Invalid 'sign': the signature does not match the request.", 401)


def _check_timestamp(timestamp: str, now: float) -> None:
    if not timestamp:
        raise Refusal(36009004, "Invalid 'timestamp': it is missing.", 400)
    if not TEN_DIGITS.match(timestamp):
        raise Refusal(36009004, "Invalid 'timestamp': expected 10 digits, in seconds.", 400)
    if int(timestamp) < now - SECONDS_BEHIND:
        raise Refusal(36009004, "Invalid 'timestamp': earlier than 5 minutes before now.", 400)
    if int(timestamp) > now + SECONDS_AHEAD:
        raise Refusal(36009004, "Invalid 'timestamp': must not exceed now by more than 30 seconds.", 400)


def check_content_type(operation: Operation, received: Received) -> None:
    if operation.multipart and received.media_type != MULTIPART:
        raise Refusal(36009023, f"Invalid 'content-type': expected '{MULTIPART}'.", 400)
    if not operation.multipart and received.media_type != JSON_TYPE:
        raise Refusal(36009022, f"Invalid 'content-type': expected '{JSON_TYPE}'.", 400)
    if len(received.body) > LARGEST_BODY:
        raise Refusal(36009021, "The request body is too large.", 413)


def check_caller(operation: Operation, received: Received, tokens: Tokens) -> Caller:
    """Token, scope, then the ciphers."""
    account = tokens.account(received.headers.get(TOKEN_HEADER, ""))
    if operation.scope and not set(operation.scope) & set(account.granted_scopes):
        wanted = "' or '".join(operation.scope)
        raise Refusal(105005, f"Access denied: the token lacks the scope '{wanted}'.", 401)
    shop = _shop(operation, received.query.get("shop_cipher"), account)
    _check_asset(operation, received.query.get("category_asset_cipher"), account)
    return Caller(account, shop)


def _shop(operation: Operation, cipher: str | None, account: Account) -> Shop:
    if operation.cipher == "never":
        if cipher is not None:
            raise Refusal(36009004, "Unexpected identifier: 'shop_cipher' is not required by this API.", 400)
        return account.shops[0]
    if not cipher:
        if operation.cipher == "required":
            raise Refusal(106013, "'shop_cipher' is required by this API and is missing.", 400)
        return account.shops[0]
    for shop in account.shops:
        if shop.cipher == cipher:
            return shop
    raise Refusal(101000, "Invalid 'shop_cipher': it does not belong to this access token.", 400)


def _check_asset(operation: Operation, cipher: str | None, account: Account) -> None:
    name = "category_asset_cipher"
    if operation.other_cipher != name:
        if cipher is not None:
            raise Refusal(36009004, f"Unexpected identifier: '{name}' is not required by this API.", 400)
        return
    if not cipher:
        # Where a shop's cipher may be sent instead, either of the two is enough.
        if operation.cipher == "never":
            raise Refusal(106013, f"'{name}' is required by this API and is missing.", 400)
        return
    if cipher not in account.category_assets:
        raise Refusal(101000, f"Invalid '{name}': it does not belong to this access token.", 400)
