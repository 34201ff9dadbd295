"""The ASGI face of the simulated shop: reads a request, lets faults have their way, writes the reply and the log."""

from __future__ import annotations

import asyncio
import json
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mcp_server_tiktok_shop.sandbox.gateway.http_messages import JSON_MEDIA_TYPE, HttpRequest, Reply, parse_query
from mcp_server_tiktok_shop.sandbox.gateway.log import Entry
from mcp_server_tiktok_shop.sandbox.gateway.schema import make_refusal
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping

    from mcp_server_tiktok_shop.sandbox.gateway.faults import DataEdit, Fault
    from mcp_server_tiktok_shop.sandbox.gateway.gateway import Gateway, RequestTarget
    from mcp_server_tiktok_shop.sandbox.gateway.log import Log
    from mcp_server_tiktok_shop.sandbox.json_types import Json

MAX_PART_BYTES = 120 * 1024 * 1024


class AsgiApp:
    """`cut_off` closes the connection of a scope without an answer; where there is none, an error is raised.

    Every answer takes `answer_delay_s` longer. `max_in_flight` is the most requests that were under way at once; it can
    be set back to 0.
    """

    def __init__(self, gateway: Gateway, log: Log, answer_delay_s: float = 0.0) -> None:
        self._gateway = gateway
        self._log = log
        self.answer_delay_s = answer_delay_s
        self.in_flight = self.max_in_flight = 0
        self.cut_off: Callable[[Any], bool] = lambda _scope: False

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the simulated shop speaks HTTP, not {scope['type']}")
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            await self._answer(scope, receive, send)
        finally:
            self.in_flight -= 1

    async def _answer(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        body = await _read_body(receive)
        if body is None:
            return
        http_request = _read_request(scope, body)
        target = self._gateway.find_target(http_request.method, http_request.path)
        fault = self._gateway.faults.take_fault(target.name, http_request.path)
        delay = self.answer_delay_s + (fault.delay if fault else 0)
        if delay:
            await asyncio.sleep(delay)
        if fault and fault.gate:
            await fault.gate.enter()
        reply: Reply | None = None
        if fault is None or fault.allows_operation:
            reply = await self._make_reply(target, http_request)
        ran = reply is not None and reply.code == 0
        if fault and fault.has_changed_reply:
            reply = self._apply_fault(fault, reply)
        self._log.append(_make_entry(http_request, target, reply, fault, ran=ran, time=self._gateway.clock()))
        if reply is not None:
            await self._send(send, reply, head_only=http_request.method == "HEAD")
        elif not self.cut_off(scope):
            raise ConnectionResetError("the simulated shop closed the connection without an answer")

    async def _make_reply(self, target: RequestTarget, http_request: HttpRequest) -> Reply:
        form: Json | None = None
        if target.operation and target.operation.multipart and http_request.media_type == "multipart/form-data":
            try:
                form = await _parse_form(http_request)
            except MultiPartException:
                return self._gateway.refuse(RefusalError(36009023, "The multipart body cannot be read.", 400))
            except ValueError:
                return self._gateway.refuse(make_refusal("body", "a multipart field is not text"))
        return self._gateway.answer_request(target, http_request, form)

    def _apply_fault(self, fault: Fault, reply: Reply | None) -> Reply | None:
        """The answer that the fault puts in place of the right one; None cuts the connection."""
        if fault.cut:
            return None
        headers = (("retry-after", str(fault.retry_after)),) if fault.retry_after is not None else ()
        if fault.empty:
            return Reply(fault.status or 200, b"", fault.content_type or JSON_MEDIA_TYPE, headers)
        if fault.body is not None:
            return Reply(fault.status or 200, fault.body, fault.content_type or JSON_MEDIA_TYPE, headers)
        if fault.code is None and fault.status is None and reply is not None:
            body = reply.body if fault.edit is None or reply.code != 0 else _edit_data(reply.body, fault.edit)
            return Reply(reply.status, body, fault.content_type or reply.content_type, headers, reply.code)
        if fault.code is None:
            return Reply(fault.status or 200, b"", fault.content_type or "text/plain", headers)
        fault_reply = self._gateway.refuse(RefusalError(fault.code, fault.message, fault.status or 200))
        return Reply(fault_reply.status, fault_reply.body, fault.content_type or JSON_MEDIA_TYPE, headers, fault.code)

    async def _send(
        self,
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
        reply: Reply,
        *,
        head_only: bool,
    ) -> None:
        header_texts = (
            ("content-type", reply.content_type),
            ("content-length", str(len(reply.body))),
            ("date", formatdate(self._gateway.clock(), usegmt=True)),
            *reply.headers,
        )
        headers = [(name.encode(), value.encode()) for name, value in header_texts]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head_only else reply.body})


def _edit_data(body: bytes, edit: DataEdit) -> bytes:
    """An envelope with its `data` edited; what is no JSON, as NaN, is written as it is."""
    envelope = json.loads(body)
    return json.dumps(envelope | {"data": edit(envelope["data"])}).encode()


async def _read_body(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> bytes | None:
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


def _read_request(scope: MutableMapping[str, Any], body: bytes) -> HttpRequest:
    query_string = scope["query_string"].decode("latin-1")
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return HttpRequest(scope["method"], scope["path"], query_string, headers, body, parse_query(query_string))


async def _parse_form(http_request: HttpRequest) -> Json:
    """The fields of a multipart body: text as text, files as bytes."""

    async def stream_body() -> AsyncIterator[bytes]:
        yield http_request.body

    headers = Headers({"content-type": http_request.headers["content-type"]})
    parsed = await MultiPartParser(headers, stream_body(), max_part_size=MAX_PART_BYTES).parse()  # type: ignore[arg-type]
    try:
        return {name: await value.read() if isinstance(value, UploadFile) else value for name, value in parsed.items()}
    finally:
        await parsed.close()


def _make_entry(
    http_request: HttpRequest,
    target: RequestTarget,
    reply: Reply | None,
    fault: Fault | None,
    *,
    ran: bool,
    time: float,
) -> Entry:
    return Entry(
        time=time,
        method=http_request.method,
        path=http_request.path,
        query=http_request.query_string,
        headers=http_request.headers,
        body=http_request.body,
        operation=target.name,
        status=reply.status if reply else None,
        code=reply.code if reply else None,
        ran=ran,
        fault=fault.name if fault else "",
    )
