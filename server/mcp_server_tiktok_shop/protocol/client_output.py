"""Writes lines to a client on the event loop, or by a thread where what it reads can't be watched."""

from __future__ import annotations

import asyncio
import os
import queue
import select
import socket
import stat
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

import anyio

from mcp_server_tiktok_shop.protocol.client_pipes import is_watchable, write_all

if TYPE_CHECKING:
    from collections.abc import Callable


class ClientOutput:
    """Lines on their way to a client, in order, each written as a whole even where nobody waits for it any longer.

    `is_broken` says that the client reads no more; what it was to read is dropped. `on_break` is called then.
    """

    def __init__(self, on_break: Callable[[], None]) -> None:
        self.is_broken = False
        self._on_break = on_break
        self._waiting: list[asyncio.Future[None]] = []

    def put(self, line: bytes) -> None:
        """Write a line as soon as the client takes it."""
        raise NotImplementedError

    def is_empty(self) -> bool:
        """Whether all that was put is written."""
        raise NotImplementedError

    async def drain(self) -> None:
        """Wait until all that was put is written.

        Raises:
            anyio.BrokenResourceError: The client reads no more.

        """
        while not self.is_empty() and not self.is_broken:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        if self.is_broken:
            raise anyio.BrokenResourceError

    def close(self) -> None:
        """Leave the pipe alone."""

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _break(self) -> None:
        if not self.is_broken:
            self.is_broken = True
            self._on_break()
        self._wake()


class WatchedOutput(ClientOutput):
    """Lines to a pipe or socket that the event loop watches, none of whose writes waits.

    The descriptor may be a blocking one: of a pipe that can be written to, POSIX promises room for PIPE_BUF bytes, an
    empty one has room for all that it can hold, and a socket is asked not to wait.
    """

    def __init__(self, descriptor: int, on_break: Callable[[], None]) -> None:
        super().__init__(on_break)
        self._descriptor = descriptor
        self._lines: deque[memoryview] = deque()
        self._is_watching = False
        self._socket: socket.socket | None = None
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            self._socket = socket.socket(fileno=os.dup(descriptor))

    def put(self, line: bytes) -> None:
        if not self.is_broken:
            self._lines.append(memoryview(line))
            if not self._is_watching:
                self._write()

    def is_empty(self) -> bool:
        return not self._lines

    def _write(self) -> None:
        """Write what there is room for, and the rest when there is more."""
        try:
            while self._lines:
                rest = self._lines[0][self._write_some(self._lines[0]) :]
                if rest:
                    self._lines[0] = rest
                else:
                    self._lines.popleft()
        except BlockingIOError:
            if not self._is_watching:
                asyncio.get_running_loop().add_writer(self._descriptor, self._write)
                self._is_watching = True
            return
        except OSError:  # the other end is closed
            self._lines.clear()
            self._stop_watching()
            self._break()
            return
        self._stop_watching()
        self._wake()

    def _write_some(self, data: memoryview) -> int:
        if self._socket is not None:
            return self._socket.send(data, socket.MSG_DONTWAIT)
        room_bytes = measure_empty_pipe(self._descriptor)
        if not room_bytes and not self._poll.poll(0):
            raise BlockingIOError
        return os.write(self._descriptor, data[: room_bytes or select.PIPE_BUF])

    def close(self) -> None:
        self._stop_watching()
        if self._socket is not None:
            self._socket.close()

    def _stop_watching(self) -> None:
        if self._is_watching:
            asyncio.get_running_loop().remove_writer(self._descriptor)
            self._is_watching = False


class ThreadOutput(ClientOutput):
    """Lines to a terminal, a file, or a pipe on Windows: a thread of its own writes them."""

    def __init__(self, descriptor: int, on_break: Callable[[], None]) -> None:
        super().__init__(on_break)
        self._descriptor = descriptor
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._unwritten_count = 0
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._write, name="output", daemon=True).start()

    def put(self, line: bytes) -> None:
        if not self.is_broken:
            self._unwritten_count += 1
            self._lines.put(line)

    def is_empty(self) -> bool:
        return self._unwritten_count == 0

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            try:
                write_all(self._descriptor, line)
            except OSError:
                self._loop.call_soon_threadsafe(self._break)
                return
            self._loop.call_soon_threadsafe(self._count_written)

    def _count_written(self) -> None:
        self._unwritten_count -= 1
        if self.is_empty():
            self._wake()


def measure_empty_pipe(descriptor: int) -> int:
    """How many bytes an empty pipe can hold; 0 where it is not empty, or the system can't tell."""
    if sys.platform != "linux":
        return 0
    import fcntl  # noqa: PLC0415 - there is none on Windows
    import termios  # noqa: PLC0415

    unread_bytes = bytearray(4)
    fcntl.ioctl(descriptor, termios.FIONREAD, unread_bytes)
    return 0 if any(unread_bytes) else fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)


def open_output(descriptor: int, on_break: Callable[[], None]) -> ClientOutput:
    """The way to the client; `on_break` is called when it reads no more. On the running event loop."""
    return WatchedOutput(descriptor, on_break) if is_watchable(descriptor) else ThreadOutput(descriptor, on_break)
