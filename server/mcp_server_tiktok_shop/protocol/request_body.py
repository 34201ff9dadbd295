"""Reads the body of an HTTP request within a time and a length."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Receive

BodyEnd = Literal["whole", "too_long", "too_slow", "cut_off"]


class RequestBody(Struct):
    """The body of a request, read whole and then given once more to whoever is next."""

    receive: Receive
    max_bytes: int
    timeout_s: float
    content: bytearray = field(default_factory=bytearray)
    _is_passed: bool = False

    async def read(self) -> BodyEnd:
        """Read all of it; how that ended. `cut_off`: the client went away before its end."""
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._read()
        except TimeoutError:
            return "too_slow"

    async def _read(self) -> BodyEnd:
        has_more = True
        while has_more:
            message = await self.receive()
            if message["type"] != "http.request":
                return "cut_off"
            self.content += message.get("body", b"")
            if len(self.content) > self.max_bytes:
                return "too_long"
            has_more = message.get("more_body", False)
        return "whole"

    def refuse_slow(self) -> Response:
        """The answer to one that is `too_slow`; what still comes is no request of its own."""
        text = f"The request's body did not arrive within {self.timeout_s:.0f} s."
        return JSONResponse({"error": text}, 408, {"Connection": "close"})

    async def receive_again(self) -> Message:
        if self._is_passed:
            return await self.receive()
        self._is_passed = True
        return {"type": "http.request", "body": bytes(self.content), "more_body": False}
