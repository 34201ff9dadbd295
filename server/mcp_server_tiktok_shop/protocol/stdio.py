"""Connects a client on standard input and output; a line that is no message is answered before the SDK drops it."""

from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import anyio
from anyio import to_thread
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError

from mcp_server_tiktok_shop.protocol.messages import (
    MAX_LINE_BYTES,
    TRAILING_ID_BYTES,
    make_length_error,
    read_message,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared._stream_protocols import WriteStream
    from mcp.types import JSONRPCMessage

Incoming = SessionMessage | Exception

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LineReader:
    """The lines of a client, none of which takes more memory than `MAX_LINE_BYTES`."""

    file: BinaryIO

    def read(self) -> tuple[JSONRPCMessage | None, list[JSONRPCError]] | None:
        """What `read_message` says of the next line; None at the end of all. It waits for the client."""
        line = self.file.readline(MAX_LINE_BYTES + 1)
        if not line:
            return None
        if len(line) <= MAX_LINE_BYTES or line.endswith(b"\n"):
            return read_message(line)
        tail = line[-TRAILING_ID_BYTES:]
        while not tail.endswith(b"\n") and (more := self.file.readline(MAX_LINE_BYTES)):
            tail = (tail + more)[-TRAILING_ID_BYTES:]
        return None, [make_length_error(line[:TRAILING_ID_BYTES], tail)]


@asynccontextmanager
async def connect_client(
    on_end: Callable[[], None],
) -> AsyncIterator[tuple[MemoryObjectReceiveStream[Incoming], WriteStream[SessionMessage]]]:
    """The client's messages, and where to write to it; `on_end` is called when nothing more will come."""
    reader = LineReader(_claim_input())
    nothing = anyio.wrap_file(io.StringIO())  # in the place of the SDK's own reading
    async with stdio_server(stdin=nothing) as (unused_stream, write_stream), anyio.create_task_group() as tasks:
        await unused_stream.aclose()
        message_sender, messages = anyio.create_memory_object_stream[Incoming]()
        error_sender, errors = anyio.create_memory_object_stream[JSONRPCError](float("inf"))
        errors_written = anyio.Event()

        async def read_all() -> None:
            async with message_sender:
                with error_sender:
                    await _read(reader, message_sender, error_sender)
                on_end()
                await errors_written.wait()

        async def write_errors() -> None:
            async with errors:
                async for error in errors:
                    await write_stream.send(SessionMessage(error))
            errors_written.set()

        tasks.start_soon(read_all)
        tasks.start_soon(write_errors)
        yield messages, write_stream


async def _read(
    reader: LineReader,
    messages: MemoryObjectSendStream[Incoming],
    errors: MemoryObjectSendStream[JSONRPCError],
) -> None:
    """Hand over all that the client sends; writing errors holds nothing up, as a client may read none."""
    while (incoming := await to_thread.run_sync(reader.read)) is not None:
        message, faults = incoming
        for fault in faults:
            log.debug("a line of the client's was refused: %s", fault.error.message)
            errors.send_nowait(fault)
        if message is not None:
            await messages.send(SessionMessage(message))


def _claim_input() -> BinaryIO:
    """Standard input for this alone: whatever else reads from it, here or in a child process, finds it empty."""
    descriptor = sys.stdin.fileno()
    private_descriptor = os.dup(descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)
    return os.fdopen(private_descriptor, "rb", closefd=False)  # a thread may wait on it until the process ends
