"""Receives the platform's notifications over HTTP: checks the signature, stores, answers, then follows up."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.webhooks import NotificationError, is_signed, parse_notification
from mcp_server_tiktok_shop.protocol.address import join_address
from mcp_server_tiktok_shop.protocol.http import list_hosts
from mcp_server_tiktok_shop.protocol.request_body import RequestBody
from mcp_server_tiktok_shop.setting_texts import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.state.accounts import PartnerApp
    from mcp_server_tiktok_shop.state.stores import Notification, NotificationStore, Reception

MAX_BODY_BYTES = 256 * 1024  # the longest that the platform describes has some kilobytes
# The platform waits 3 s for an answer, and sends what was not answered again, for the first time after two minutes.
BODY_TIMEOUT_S = 2.0
STORING_TIMEOUT_S = 2.5
UNSIGNED_TEXT = "The signature in `Authorization` is not that of an app of this server over this body."
UNSTORED_TEXT = "It can't be stored now. Send it again in a while."

log = logging.getLogger(__name__)


class Inbox(Protocol):
    """Where notifications go: with whose signature they are let in, and where they are stored."""

    async def is_signed(self, signature: bytes, body: bytes) -> bool:
        """Whether an app of this server's signed the body. Raises ShopError where that can't be found out."""

    async def add(self, notification: Notification) -> Reception:
        """Store it, and have it followed up. Raises ShopError where it can't be stored."""


class SoleInbox(Struct, frozen=True):
    """The inbox of a server for one home folder. `wake_worker` is called when something is stored."""

    list_apps: Callable[[], list[PartnerApp]]
    store: NotificationStore
    wake_worker: Callable[[], None]

    async def is_signed(self, signature: bytes, body: bytes) -> bool:
        return is_signed(signature, body, self.list_apps())

    async def add(self, notification: Notification) -> Reception:
        is_new = await self.store.add(notification)
        self.wake_worker()
        return "new" if is_new else "repeated"


class WebhookReceiver(Struct, frozen=True):
    """Answers `POST`s of the platform's at `url`; `port` is the one that is listened on.

    Who bears which token does not matter here: a notification is let in by its signature.
    """

    url: str
    port: int
    inbox: Inbox
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive), RequestBody(receive, MAX_BODY_BYTES, BODY_TIMEOUT_S))
        if response is not None:
            await response(scope, receive, send)

    async def _answer(self, request: Request, body: RequestBody) -> Response | None:
        """The answer; None where the sender has gone."""
        if request.method != "POST":
            return JSONResponse({"error": "Notifications are sent by POST."}, 405, {"Allow": "POST"})
        if refusal := await TransportSecurityMiddleware(self._list_hosts()).validate_request(request):
            return refusal
        end = await body.read()
        if end == "cut_off":
            return None
        if end == "too_slow":
            return body.refuse_slow()
        if end == "too_long":
            return JSONResponse({"error": f"A notification has at most {MAX_BODY_BYTES // 1024} KiB."}, 413)
        return await self._take(request.headers.getlist("authorization"), bytes(body.content))

    async def _take(self, signatures: list[str], body: bytes) -> Response:
        try:
            async with asyncio.timeout(STORING_TIMEOUT_S):
                response, outcome = await self._store(signatures, body)
        except (ShopError, TimeoutError) as error:
            log.warning("a notification can't be stored: %s", getattr(error, "message", "it takes too long"))
            response, outcome = JSONResponse({"error": UNSTORED_TEXT}, 503), "not_stored"
        self.metrics.record_notification(outcome)
        return response

    async def _store(self, signatures: list[str], body: bytes) -> tuple[Response, str]:
        """The answer, and what it is counted as. Raises ShopError."""
        if len(signatures) != 1 or not await self.inbox.is_signed(signatures[0].encode(), body):
            return JSONResponse({"error": UNSIGNED_TEXT}, 401), "refused"
        try:
            notification = parse_notification(body)
        except NotificationError as error:
            log.warning("a signed notification can't be read: %s", error)
            return JSONResponse({"error": str(error)}, 400), "refused"
        reception = await self.inbox.add(notification)
        log.info("notification type=%d %s", notification.type, reception)
        return Response(status_code=200), reception

    def _list_hosts(self) -> TransportSecuritySettings:
        """The hosts by which a notification may come; pages in a browser send none."""
        addresses = [join_address(host, self.port) for host in LOOPBACK_HOSTS]
        return TransportSecuritySettings(allowed_hosts=addresses + list_hosts(self.url))
