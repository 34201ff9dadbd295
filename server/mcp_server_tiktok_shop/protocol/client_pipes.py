"""Claims the descriptors that lead to the client, and reads them in a thread while the SDK is being loaded."""

from __future__ import annotations

import os
import queue
import select
import stat
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.protocol.lines import LineSplitter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.protocol.first_answers import FirstAnswers

CHUNK_BYTES = 64 * 1024
FIRST_PRIVATE_DESCRIPTOR = 3
SWITCH_INTERVAL_S = 0.0005  # of Python's threads while the SDK is being loaded: a client should not wait for that


class ClientPipes(Struct, frozen=True):
    """The private descriptors of the client's pipes: what else reads or writes the standard ones does not meet it.

    Neither is made non-blocking: that would hold for every process which shares the pipe or terminal behind it.
    """

    input: int
    output: int

    def restore(self) -> None:
        """Put them back in their places. A thread may still read from the private ones, which stay open."""
        for private_descriptor, descriptor in ((self.input, 0), (self.output, 1)):
            os.dup2(private_descriptor, descriptor)
            _tell_windows(descriptor)


def claim_pipes() -> ClientPipes:
    """Take standard input and output: from now on the one is empty, and the other is standard error."""
    sys.stdout.flush()
    pipes = ClientPipes(_duplicate(0), _duplicate(1))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error
        os.dup2(nothing, 1)
    os.close(nothing)
    _tell_windows(0)
    _tell_windows(1)
    return pipes


def _duplicate(descriptor: int) -> int:
    """A duplicate that no child process inherits, beyond the standard ones."""
    if sys.platform == "win32":
        return os.dup(descriptor)
    import fcntl  # noqa: PLC0415 - there is none on Windows

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_PRIVATE_DESCRIPTOR)


def _tell_windows(descriptor: int) -> None:
    """Let child processes inherit what a standard descriptor is now: Windows keeps a second table of them."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415 - for Windows alone
        import msvcrt  # noqa: PLC0415 - for Windows alone

        ctypes.windll.kernel32.SetStdHandle(-10 - descriptor, msvcrt.get_osfhandle(descriptor))


def is_watchable(descriptor: int) -> bool:
    """Whether an event loop can tell when something can be read there: a pipe or socket, and not on Windows."""
    mode = os.fstat(descriptor).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def write_all(descriptor: int, data: bytes) -> None:
    """Write, and wait for as long as that takes.

    Raises:
        OSError: Nobody reads there any more.

    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # who started this process made it non-blocking
            select.select([], [descriptor], [])


def read_chunk(descriptor: int) -> bytes:
    """What has come, or what comes next; empty at the end of all."""
    try:
        return os.read(descriptor, CHUNK_BYTES)
    except BlockingIOError:
        select.select([descriptor], [], [])
        return read_chunk(descriptor)
    except OSError:  # the other end of a socket or terminal is gone
        return b""


class FirstReader(Struct):
    """Reads the client's first lines in a thread and lets `answers` have them, until the SDK takes over.

    A pipe that can be watched is read by the event loop from then on; of another this thread goes on to read, one
    chunk at a time, into `chunks`. `end_s` is when the client was gone, by the monotonic clock.
    """

    pipes: ClientPipes
    answers: FirstAnswers
    splitter: LineSplitter = field(default_factory=LineSplitter)
    chunks: queue.Queue[bytes] = field(default_factory=lambda: queue.Queue(1))
    end_s: float | None = None
    _is_over: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop_pipe: tuple[int, int] | None = None
    _thread: threading.Thread | None = None
    _usual_switch_interval_s: float = field(default_factory=sys.getswitchinterval)

    def start(self) -> None:
        if is_watchable(self.pipes.input):
            self._stop_pipe = os.pipe()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._thread = threading.Thread(target=self._read, name="first lines", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Leave all further lines to who calls this."""
        if self._stop_pipe is not None and self._thread is not None:
            os.close(self._stop_pipe[1])
            self._thread.join()
            os.close(self._stop_pipe[0])
        with self._lock:
            self._is_over = True
        sys.setswitchinterval(self._usual_switch_interval_s)

    def _read(self) -> None:
        for chunk in self._iter_chunks():
            with self._lock:
                is_over = self._is_over
                if not is_over:
                    self._take(chunk)
            if is_over:
                self.chunks.put(chunk)
            elif not chunk and not self.answers.awaits_sdk:
                os._exit(0)  # the client is gone with all its answers, and nothing here is more than half loaded

    def _iter_chunks(self) -> Iterator[bytes]:
        """All that comes, and an empty chunk at the end; nothing more once the reader is told to stop."""
        chunk = b"-"
        while chunk:
            if self._stop_pipe is not None:
                waiting, _, _ = select.select([self.pipes.input, self._stop_pipe[0]], [], [])
                if self._stop_pipe[0] in waiting:
                    return
            chunk = read_chunk(self.pipes.input)
            yield chunk

    def _take(self, chunk: bytes) -> None:
        lines = self.splitter.feed(chunk) if chunk else self.splitter.finish()
        if not chunk:
            self.end_s = time.monotonic()
        for line in lines:
            if answer := self.answers.take(line):
                with suppress(OSError):  # nobody reads any more: who takes over will find that, too
                    write_all(self.pipes.output, answer)
