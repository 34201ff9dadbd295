"""Cancels what a client asked over HTTP when it closes its connection, in the era in which that is how it cancels."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from msgspec import Struct

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Scope, Send

    from mcp_server_tiktok_shop.protocol.request_body import RequestBody

VERSION_HEADER = b"mcp-protocol-version"


def cancels_by_leaving(scope: Scope) -> bool:
    """Whether the request is of an era in which a closed connection cancels it: 2026-07-28 and later.

    Before, that was no sign of anything, and the notice that was one names a number that any client may have given to
    a call of its own: without sessions it can't be told whose call it means, and none is cancelled by it.
    """
    versions = [value.decode("latin-1") for name, value in scope["headers"] if name == VERSION_HEADER]
    return bool(versions) and versions[0] not in HANDSHAKE_PROTOCOL_VERSIONS


class ClientDeparture(Struct):
    """Serves one request by `app`, and cancels that where its client leaves before the answer begins.

    The SDK watches the connection where it answers in a stream, and not where it answers in JSON, as here.
    """

    app: ASGIApp
    scope: Scope
    body: RequestBody
    send: Send
    _has_answer: bool = False

    async def serve(self) -> None:
        with anyio.CancelScope() as call:
            watch = asyncio.create_task(self._watch(call))
            try:
                await self.app(self.scope, self.body.receive_again, self._send_answer)
            finally:
                watch.cancel()

    async def _watch(self, call: anyio.CancelScope) -> None:
        while (await self.body.receive())["type"] != "http.disconnect":
            pass
        if not self._has_answer:
            call.cancel()

    async def _send_answer(self, message: Message) -> None:
        self._has_answer = True
        await self.send(message)
