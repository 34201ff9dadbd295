"""The checks before any operation runs, in the platform's order, with its codes and HTTP statuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import MINUTE_S
from mcp_server_tiktok_shop.sandbox.gateway import markets, signature
from mcp_server_tiktok_shop.sandbox.gateway.http_messages import JSON_MEDIA_TYPE
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.http_messages import HttpRequest
    from mcp_server_tiktok_shop.sandbox.gateway.operation_records import OperationRecord, OperationRecords
    from mcp_server_tiktok_shop.sandbox.gateway.tokens import SellerAccount, TokenIssuer
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

MAX_BEHIND_S = 5 * MINUTE_S
MAX_AHEAD_S = 30
TIMESTAMP_PATTERN = re.compile(r"\d{10}\Z", re.ASCII)
MULTIPART = "multipart/form-data"
TOKEN_HEADER = "x-tts-access-token"  # noqa: S105
# Beyond this the gateway itself turns an upload away, before the operation sees it.
MAX_BODY_BYTES = 110 * 1024 * 1024


@dataclass(frozen=True)
class Route:
    """Where a request goes: its operation and the ids in its path."""

    operation: OperationRecord
    ids: dict[str, str]


@dataclass(frozen=True)
class AuthorizedCaller:
    """Who calls, and for which shop: the first of the account where an operation takes no cipher."""

    account: SellerAccount
    shop: SimulatedShop


def find_route(records: OperationRecords, method: str, path: str) -> Route:
    match = records.find_path(path)
    if match is None:
        raise RefusalError(36009009, f"Invalid path '{path}'.", 404)
    place, ids = match
    if method in place.operations:
        return Route(place.operations[method], ids)
    if method in place.retired:
        raise RefusalError(36009014, f"The API version of '{path}' is retired; use a newer version.", 400)
    raise RefusalError(36009010, f"Method '{method}' is not allowed on '{path}'.", 405)


def check_app(http_request: HttpRequest, app_key: str, app_secret: str, now: float) -> None:
    """App key, timestamp, signature, in this order."""
    if http_request.query.get("app_key") != app_key:
        raise RefusalError(36009004, "Invalid 'app_key': no app has this key, or it is disabled.", 400)
    _check_timestamp(http_request.query.get("timestamp", ""), now)
    sent_signature = http_request.query.get("sign", "")
    if not sent_signature:
        raise RefusalError(36009004, "Invalid 'sign': the signature is missing.", 400)
    expected = signature.compute_signature(
        app_secret, http_request.path, http_request.query, http_request.body, http_request.media_type
    )
    if not signature.is_same_signature(sent_signature, expected):
        raise RefusalError(106001, "Invalid 'sign': the signature does not match the request.", 401)


def _check_timestamp(timestamp: str, now: float) -> None:
    if not timestamp:
        raise RefusalError(36009004, "Invalid 'timestamp': it is missing.", 400)
    if not TIMESTAMP_PATTERN.match(timestamp):
        raise RefusalError(36009004, "Invalid 'timestamp': expected 10 digits, in seconds.", 400)
    if int(timestamp) < now - MAX_BEHIND_S:
        raise RefusalError(36009004, "Invalid 'timestamp': earlier than 5 minutes before now.", 400)
    if int(timestamp) > now + MAX_AHEAD_S:
        raise RefusalError(36009004, "Invalid 'timestamp': must not exceed now by more than 30 seconds.", 400)


def check_content_type(operation: OperationRecord, http_request: HttpRequest) -> None:
    if operation.multipart and http_request.media_type != MULTIPART:
        raise RefusalError(36009023, f"Invalid 'content-type': expected '{MULTIPART}'.", 400)
    if not operation.multipart and http_request.media_type != JSON_MEDIA_TYPE:
        raise RefusalError(36009022, f"Invalid 'content-type': expected '{JSON_MEDIA_TYPE}'.", 400)
    if len(http_request.body) > MAX_BODY_BYTES:
        raise RefusalError(36009021, "The request body is too large.", 413)


def check_caller(operation: OperationRecord, http_request: HttpRequest, tokens: TokenIssuer) -> AuthorizedCaller:
    """Token, scope, then the ciphers, and whether the operation is there in the shop's market."""
    account = tokens.authenticate(http_request.headers.get(TOKEN_HEADER, ""))
    if operation.scope and not set(operation.scope) & set(account.granted_scopes):
        scopes = "' or '".join(operation.scope)
        raise RefusalError(105005, f"Access denied: the token lacks the scope '{scopes}'.", 401)
    shop = _find_shop(operation, http_request.query.get("shop_cipher"), account)
    _check_asset(operation, http_request.query.get("category_asset_cipher"), account)
    if operation.cipher != "never":
        markets.check_market(operation, shop.region)
    return AuthorizedCaller(account, shop)


def _find_shop(operation: OperationRecord, cipher: str | None, account: SellerAccount) -> SimulatedShop:
    if operation.cipher == "never":
        if cipher is not None:
            raise RefusalError(36009004, "Unexpected identifier: 'shop_cipher' is not required by this API.", 400)
        return account.shops[0]
    if not cipher:
        if operation.cipher == "required":
            raise RefusalError(106013, "'shop_cipher' is required by this API and is missing.", 400)
        return account.shops[0]
    for shop in account.shops:
        if shop.cipher == cipher:
            return shop
    raise RefusalError(101000, "Invalid 'shop_cipher': it does not belong to this access token.", 400)


def _check_asset(operation: OperationRecord, cipher: str | None, account: SellerAccount) -> None:
    name = "category_asset_cipher"
    if operation.other_cipher != name:
        if cipher is not None:
            raise RefusalError(36009004, f"Unexpected identifier: '{name}' is not required by this API.", 400)
        return
    if not cipher:
        # Where a shop's cipher may be sent instead, either of the two is enough.
        if operation.cipher == "never":
            raise RefusalError(106013, f"'{name}' is required by this API and is missing.", 400)
        return
    if cipher not in account.category_assets:
        raise RefusalError(101000, f"Invalid '{name}': it does not belong to this access token.", 400)
