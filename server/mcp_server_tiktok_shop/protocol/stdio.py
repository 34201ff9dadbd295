"""Connects a client on standard input and output: its messages as the SDK reads them, and what the SDK writes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCRequest, JSONRPCResponse
from msgspec import Struct, field

from mcp_server_tiktok_shop.protocol.client_input import open_input
from mcp_server_tiktok_shop.protocol.client_output import open_output
from mcp_server_tiktok_shop.protocol.messages import read_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from mcp.types import JSONRPCMessage

    from mcp_server_tiktok_shop.protocol.client_input import ClientInput
    from mcp_server_tiktok_shop.protocol.client_output import ClientOutput
    from mcp_server_tiktok_shop.protocol.client_pipes import FirstReader
    from mcp_server_tiktok_shop.protocol.first_answers import BacklogLine
    from mcp_server_tiktok_shop.protocol.lines import Line

# From the last line to the end of all, at which the SDK takes back what it has not begun yet, without an answer.
LAST_LINES_PAUSE_S = 0.05

log = logging.getLogger(__name__)


class ClientConnection(Struct):
    """A client's lines as messages, and messages to it as lines; a line that is no message is answered with an error.

    What `backlog` holds comes first. Of a request in it that is answered already the SDK's own answer is dropped, and
    nothing is read on before that has come. `on_end` is called with the moment at
    which the client was gone, by the monotonic clock.
    """

    input: ClientInput
    output: ClientOutput
    backlog: deque[BacklogLine]
    on_end: Callable[[float], None]
    _awaited_answer: str | int | None = None
    _answer_came: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> SessionMessage:
        """The next message.

        Raises:
            anyio.EndOfStream: There is none: the client is gone.

        """
        if self._awaited_answer is not None:
            await self._answer_came.wait()
        while True:
            line, is_answered = await self._read_line()
            message, faults = read_message(line)
            for fault in faults:
                log.debug("a line of the client's was refused: %s", fault.error.message)
                self.output.put(_to_line(fault))  # without waiting: the client may read none
            if message is not None:
                if is_answered and isinstance(message, JSONRPCRequest):
                    self._awaited_answer = message.id
                return SessionMessage(message)

    async def _read_line(self) -> tuple[Line, bool]:
        if self.backlog:
            first = self.backlog.popleft()
            return first.line, first.is_answered
        line = await self.input.read_line()
        if line is not None:
            return line, False
        self.on_end(self.input.end_s or time.monotonic())
        await asyncio.sleep(LAST_LINES_PAUSE_S)
        raise anyio.EndOfStream

    async def send(self, item: SessionMessage, /) -> None:
        """Write a message, and wait until it is in the client's pipe.

        Raises:
            anyio.BrokenResourceError: The client reads no more.

        """
        message = item.message
        answered_id = message.id if isinstance(message, JSONRPCResponse | JSONRPCError) else None
        if answered_id is not None and answered_id == self._awaited_answer:
            self._awaited_answer = None
            self._answer_came.set()
            return
        self.output.put(_to_line(message))
        await self.output.drain()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """Nothing: the pipes are closed by who opened them, when all is written."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        return


@asynccontextmanager
async def connect_client(reader: FirstReader, on_end: Callable[[float], None]) -> AsyncIterator[ClientConnection]:
    """The connection to the client whose first lines `reader` has; `on_end` is called when nothing more will come."""
    client_input = open_input(reader)
    output = open_output(reader.pipes.output, client_input.end)
    try:
        yield ClientConnection(client_input, output, deque(reader.answers.backlog), on_end)
        with suppress(anyio.BrokenResourceError):
            await output.drain()
    finally:
        client_input.close()
        output.close()


def _to_line(message: JSONRPCMessage) -> bytes:
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
