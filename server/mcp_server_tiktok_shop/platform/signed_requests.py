"""Signed requests: a bound call becomes what is sent, with signature and ciphers, and is sent once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.authorization import encode_url
from mcp_server_tiktok_shop.platform.envelope import ApiResponse, UnusableAnswerError, parse_response
from mcp_server_tiktok_shop.platform.large_answers import run_by_size
from mcp_server_tiktok_shop.platform.signing import sign
from mcp_server_tiktok_shop.platform.token_errors import SIGN_IN_HINT

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.platform.envelope import RedactWords
    from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp

HEADER_TEXT = re.compile(r"[\x21-\x7e]+")
JSON_MEDIA_TYPE = "application/json"
UNREAD_DATA_HINT = "Whether there is anything is not known. Try again later, or look in Seller Center."


class ApiTransport(Struct, frozen=True):
    """Sends calls to the API host at `url`. `clock` gives Unix seconds."""

    transport: HttpTransport
    url: str
    clock: Callable[[], float]
    redact_words: RedactWords

    async def send(self, app: PartnerApp, call: ApiCall, target: Target, *, timeout: float) -> ApiResponse:  # noqa: ASYNC109
        """The answer of one request; `timeout` is in seconds.

        Raises:
            ApiError: The platform refused.
            ConnectError: The request surely did not arrive.
            UnknownOutcomeError: It may have been carried out.
            UnusableAnswerError: A read was answered with data of another form; a write was done all the same.
            ShopError: As `build_request`.

        """
        url, parts = self.build_request(app, call, target)
        transport = self.transport.for_proxy(target.account.proxy)
        response = await transport.request(call.method, url, timeout=timeout, **parts)
        size_bytes = len(response.content)
        answer = await run_by_size(size_bytes, parse_response, response, redact_words=self.redact_words)
        if answer.is_unread and call.is_read:
            raise UnusableAnswerError("its data is not an object as documented", UNREAD_DATA_HINT)
        return answer

    def build_request(self, app: PartnerApp, call: ApiCall, target: Target) -> tuple[str, dict[str, Any]]:
        """The URL, and the keyword arguments of the HTTP client: headers, and content or form and files.

        What is signed here is what is sent.

        Raises:
            ShopError: `signed_out`: no header can carry the account's access token.

        """
        query = dict(call.query)
        query["app_key"] = app.key
        query["timestamp"] = str(int(self.clock()))
        if target.shop is not None and call.operation.cipher_rule != "never":
            query["shop_cipher"] = target.shop.cipher.get_secret_value()
        if target.asset is not None:
            query["category_asset_cipher"] = target.asset.cipher.get_secret_value()
        query["sign"] = sign(app.secret.get_secret_value(), call.path, query, call.body or b"")
        headers = {"x-tts-access-token": _read_token(target.account)}
        if call.operation.is_multipart:
            # Text is a part like a file: as `data` it would be a form of another type where no file is with it.
            text_parts = {name: (None, text.encode()) for name, text in call.form.items()}
            file_parts = {name: (u.filename, u.content, u.media_type) for name, u in call.files.items()}
            return encode_url(self.url + call.path, query), {"headers": headers, "files": text_parts | file_parts}
        parts: dict[str, Any] = {"headers": {**headers, "content-type": JSON_MEDIA_TYPE}}
        if call.body is not None:
            parts["content"] = call.body
        return encode_url(self.url + call.path, query), parts


def _read_token(account: Account) -> str:
    """The access token for its header. Raises as `ApiTransport.build_request`."""
    token = account.access_token.get_secret_value()
    if HEADER_TEXT.fullmatch(token) is None:
        message = "The stored access token has characters that no token has: nothing was sent."
        hint = f"refresh_access_token brings another; if that is no better: {SIGN_IN_HINT}"
        raise ShopError("signed_out", message, hint=hint)
    return token
