"""The ASGI face of the simulated shop: reads a request, lets faults have their way, writes the reply and the log."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mcp_server_tiktok_shop.sandbox.gateway.log import Entry
from mcp_server_tiktok_shop.sandbox.gateway.schema import refuse
from mcp_server_tiktok_shop.sandbox.gateway.wire import JSON_TYPE, Received, Reply, first_values
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping

    from mcp_server_tiktok_shop.sandbox.gateway.faults import Fault
    from mcp_server_tiktok_shop.sandbox.gateway.log import Log
    from mcp_server_tiktok_shop.sandbox.gateway.platform import Platform, Target
    from mcp_server_tiktok_shop.sandbox.json_types import Json

LARGEST_PART = 120 * 1024 * 1024


class App:
    """`cut_off` closes the connection of a scope without an answer; where there is none, an error is raised."""

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log
        self.cut_off: Callable[[Any], bool] = lambda _scope: False

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the simulated shop speaks HTTP, not {scope['type']}")
        body = await _body(receive)
        if body is None:
            return
        received = _received(scope, body)
        target = self._platform.target(received.method, received.path)
        fault = self._platform.faults.next(target.name, received.path)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        reply: Reply | None = None
        if fault is None or fault.runs:
            reply = await self._reply(target, received)
        ran = reply is not None and reply.code == 0
        if fault and fault.answers:
            reply = self._failed(fault, reply)
        self._log.append(_entry(received, target, reply, fault, ran=ran, time=self._platform.clock()))
        if reply is not None:
            await self._send(send, reply, head_only=received.method == "HEAD")
        elif not self.cut_off(scope):
            raise ConnectionResetError("the simulated shop closed the connection without an answer")

    async def _reply(self, target: Target, received: Received) -> Reply:
        form: Json | None = None
        if target.operation and target.operation.multipart and received.media_type == "multipart/form-data":
            try:
                form = await _form(received)
            except MultiPartException:
                return self._platform.refuse(Refusal(36009023, "The multipart body cannot be read.", 400))
            except ValueError:
                return self._platform.refuse(refuse("body", "a multipart field is not text"))
        return self._platform.answer(target, received, form)

    def _failed(self, fault: Fault, reply: Reply | None) -> Reply | None:
        """The answer that the fault puts in place of the right one; None cuts the connection."""
        if fault.cut:
            return None
        headers = (("retry-after", str(fault.retry_after)),) if fault.retry_after is not None else ()
        if fault.empty:
            return Reply(fault.status or 200, b"", fault.content_type or JSON_TYPE, headers)
        if fault.body is not None:
            return Reply(fault.status or 200, fault.body, fault.content_type or JSON_TYPE, headers)
        if fault.code is None and fault.status is None and reply is not None:
            return Reply(reply.status, reply.body, fault.content_type or reply.content_type, headers, reply.code)
        if fault.code is None:
            return Reply(fault.status or 200, b"", fault.content_type or "text/plain", headers)
        told = self._platform.refuse(Refusal(fault.code, fault.message, fault.status or 200))
        return Reply(told.status, told.body, fault.content_type or JSON_TYPE, headers, fault.code)

    async def _send(
        self,
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
        reply: Reply,
        *,
        head_only: bool,
    ) -> None:
        named = (
            ("content-type", reply.content_type),
            ("content-length", str(len(reply.body))),
            ("date", formatdate(self._platform.clock(), usegmt=True)),
            *reply.headers,
        )
        headers = [(name.encode(), value.encode()) for name, value in named]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head_only else reply.body})


async def _body(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> bytes | None:
    """The whole body, or None where the client went away before it had sent all of it."""
    parts = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _received(scope: MutableMapping[str, Any], body: bytes) -> Received:
    query_string = scope["query_string"].decode("latin-1")
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return Received(scope["method"], scope["path"], query_string, headers, body, first_values(query_string))


async def _form(received: Received) -> Json:
    """The fields of a multipart body: text as text, files as bytes."""

    async def stream() -> AsyncIterator[bytes]:
        yield received.body

    headers = Headers({"content-type": received.headers["content-type"]})
    parsed = await MultiPartParser(headers, stream(), max_part_size=LARGEST_PART).parse()  # type: ignore[arg-type]
    try:
        return {name: await value.read() if isinstance(value, UploadFile) else value for name, value in parsed.items()}
    finally:
        await parsed.close()


def _entry(
    received: Received, target: Target, reply: Reply | None, fault: Fault | None, *, ran: bool, time: float
) -> Entry:
    return Entry(
        time=time,
        method=received.method,
        path=received.path,
        query=received.query_string,
        headers=received.headers,
        body=received.body,
        operation=target.name,
        status=reply.status if reply else None,
        code=reply.code if reply else None,
        ran=ran,
        fault=fault.name if fault else "",
    )
