"""Reads a client's lines on the event loop, or by a thread where what it sends can't be watched."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from anyio import to_thread
from msgspec import Struct, field

from mcp_server_tiktok_shop.protocol.client_pipes import is_watchable, read_chunk

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.protocol.client_pipes import FirstReader
    from mcp_server_tiktok_shop.protocol.lines import Line, LineSplitter


class ClientInput(Protocol):
    """The lines of a client, for one reader. `end_s` is when it was gone, by the monotonic clock."""

    @property
    def end_s(self) -> float | None: ...

    async def read_line(self) -> Line | None:
        """The next line; None at the end of all."""
        ...

    def end(self) -> None:
        """Nothing more is to be read: the next line is the end."""

    def close(self) -> None:
        """Leave the pipe alone."""


class WatchedInput(Struct):
    """Lines of a pipe or socket that the event loop watches.

    It is not read on before the lines of the last chunk are taken, so that a client which sends faster than it is
    served has to wait.
    """

    descriptor: int
    splitter: LineSplitter
    end_s: float | None = None
    _lines: deque[Line] = field(default_factory=deque)
    _is_watching: bool = False
    _arrival: asyncio.Future[None] | None = None

    async def read_line(self) -> Line | None:
        while not self._lines and self.end_s is None:
            if not self._is_watching:
                asyncio.get_running_loop().add_reader(self.descriptor, self._read)
                self._is_watching = True
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        return self._lines.popleft() if self._lines else None

    def _read(self) -> None:
        if self._lines:
            self.close()
            return
        chunk = read_chunk(self.descriptor)
        self._lines += self.splitter.feed(chunk) if chunk else self.splitter.finish()
        if not chunk:
            self.end()
        elif self._lines:
            self._wake()

    def end(self) -> None:
        if self.end_s is None:
            self.end_s = time.monotonic()
        self.close()
        self._wake()

    def close(self) -> None:
        if self._is_watching:
            asyncio.get_running_loop().remove_reader(self.descriptor)
            self._is_watching = False

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


class ThreadInput(Struct):
    """Lines of a terminal, a file, or a pipe on Windows, which the thread that read the first ones goes on to read."""

    reader: FirstReader
    _lines: deque[Line] = field(default_factory=deque)

    async def read_line(self) -> Line | None:
        while not self._lines and self.end_s is None:
            chunk = await to_thread.run_sync(self.reader.chunks.get)
            self._lines += self.reader.splitter.feed(chunk) if chunk else self.reader.splitter.finish()
            if not chunk:
                self.end()
        return self._lines.popleft() if self._lines else None

    def end(self) -> None:
        if self.reader.end_s is None:
            self.reader.end_s = time.monotonic()

    def close(self) -> None:
        return

    @property
    def end_s(self) -> float | None:
        return self.reader.end_s


def open_input(reader: FirstReader) -> ClientInput:
    """What follows on the lines that were read already."""
    if not is_watchable(reader.pipes.input):
        return ThreadInput(reader)
    return WatchedInput(reader.pipes.input, reader.splitter, reader.end_s)
