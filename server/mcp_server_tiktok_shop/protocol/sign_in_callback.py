"""Receives sellers who agreed on TikTok's page: exchanges the code once, and answers with a plain page."""

from __future__ import annotations

import logging
from html import escape
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import parse_qsl

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mcp_server_tiktok_shop.protocol.address import join_address
from mcp_server_tiktok_shop.protocol.http import list_hosts
from mcp_server_tiktok_shop.setting_texts import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from mcp_server_tiktok_shop.metrics import Metrics

ReturnOutcome = Literal[
    "signed_in",
    "declined",
    "incomplete",
    "unknown",
    "crowded",
    "used",
    "expired",
    "refused",
    "unavailable",
    "unsettled",
    "unstored",
]
MAX_QUERY_BYTES = 8_000
MAX_QUERY_FIELDS = 20
MAX_CODE_CHARS = 2_000
FIRST_ERROR_STATUS = 400
RETRY_AFTER_S = 30
RETRY_STATUSES = (429, 503)
# Nothing that came with the request stands on a page, and a page loads, runs and sends nothing.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the page's address holds the code
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
NEW_LINK_TEXT = "Ask whoever sent you the link for a new one."

log = logging.getLogger(__name__)


class ReturnPage(Struct, frozen=True):
    """What a seller reads who comes back."""

    status: int
    title: str
    text: str

    def render(self) -> Response:
        title, text = escape(self.title), escape(self.text)
        html = (
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{title}</title><h1>{title}</h1><p>{text}</p>'
        )
        retry = {"Retry-After": str(RETRY_AFTER_S)} if self.status in RETRY_STATUSES else {}
        return HTMLResponse(html, self.status, HEADERS | retry)


PAGES: dict[ReturnOutcome, ReturnPage] = {
    "signed_in": ReturnPage(200, "You are signed in", "Your shop is connected. You can close this page."),
    "declined": ReturnPage(
        403,
        "Your shop is not connected",
        "You did not agree, and nothing was stored. The link you were given is still valid.",
    ),
    "incomplete": ReturnPage(
        400,
        "This address is not whole",
        "It lacks what TikTok Shop adds when you agree. Open the link you were given, and agree there.",
    ),
    "unknown": ReturnPage(404, "This sign-in is not known", f"No link of this server leads here. {NEW_LINK_TEXT}"),
    "crowded": ReturnPage(
        429,
        "Too many come back at once",
        "Nothing was sent, and your agreement is still valid. Load this page again soon.",
    ),
    "used": ReturnPage(
        409,
        "This link was used already",
        f"Each is good once. If you just agreed, another page told you whether it worked; else: {NEW_LINK_TEXT}",
    ),
    "expired": ReturnPage(410, "This link is too old", f"Nothing was stored. {NEW_LINK_TEXT}"),
    "refused": ReturnPage(
        502, "TikTok Shop did not let the app in", f"It refused the code that it gave you. {NEW_LINK_TEXT}"
    ),
    "unavailable": ReturnPage(
        503,
        "It does not work just now",
        "Nothing was sent, and your agreement is still valid. Load this page again soon.",
    ),
    "unsettled": ReturnPage(
        504,
        "It is not known whether it worked",
        f"TikTok Shop was asked for access, and its answer was lost. {NEW_LINK_TEXT}",
    ),
    "unstored": ReturnPage(
        500, "Your shop is not connected", f"TikTok Shop let the app in, but that could not be stored. {NEW_LINK_TEXT}"
    ),
}


class LinkedSignIn(Protocol):
    """Signs a seller in who was sent to TikTok's page by a link of this server."""

    async def finish(self, state: str, code: str) -> ReturnOutcome:
        """Exchange the code for whom the state belongs to, once. It raises nothing that is no fault of this program."""


class SignInCallback(Struct, frozen=True):
    """Answers `GET`s of sellers' browsers that come by `public_url`; `port` is the one that is listened on.

    Nobody bears a token here: the `state` that a link of ours had says whose sign-in it is.
    """

    public_url: str
    port: int
    sign_in: LinkedSignIn
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        if response.status_code >= FIRST_ERROR_STATUS:
            self.metrics.record_refusal(response.status_code)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "GET":  # who only looks whether there is a page must not use up the code
            return Response(status_code=405, headers={"Allow": "GET"})
        if refusal := await TransportSecurityMiddleware(self._list_hosts()).validate_request(request):
            return refusal
        outcome = await self._find_outcome(request.scope["query_string"])
        log.info("a seller came back from TikTok's page: %s", outcome)
        return PAGES[outcome].render()

    async def _find_outcome(self, query: bytes) -> ReturnOutcome:
        try:
            if len(query) > MAX_QUERY_BYTES:
                return "incomplete"
            fields = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=MAX_QUERY_FIELDS)
        except ValueError:
            return "incomplete"
        codes, states, errors = ([v for name, v in fields if name == key] for key in ("code", "state", "error"))
        if errors or codes == ["null"]:
            return "declined"
        if len(codes) != 1 or len(states) != 1 or not _may_be_code(codes[0]):
            return "incomplete"
        return await self.sign_in.finish(states[0], codes[0])

    def _list_hosts(self) -> TransportSecuritySettings:
        addresses = [join_address(host, self.port) for host in LOOPBACK_HOSTS]
        return TransportSecuritySettings(allowed_hosts=addresses + list_hosts(self.public_url))


def _may_be_code(text: str) -> bool:
    return len(text) <= MAX_CODE_CHARS and text.isascii() and text.isprintable() and " " not in text
