"""A pool of worker processes: started with the first job, ended when idle, killed with a cancelled job."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import TikTokShopServerError
from mcp_server_tiktok_shop.workers.messages import read_message, write_message

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

MAX_WORKERS = 2  # jobs at once; more of them wait
WAIT_TIMEOUT_S = 60.0  # for others' jobs
IDLE_TIMEOUT_S = 300.0  # after which a worker without a job ends
Message = tuple[dict[str, Any], list[bytes]]


class WorkersBusyError(TikTokShopServerError):
    """Too many jobs are under way."""


class WorkerEndedError(TikTokShopServerError):
    """The process ended in the midst of a job, killed by the system or a person, or could not be started."""


class WorkerPool:
    """At most `MAX_WORKERS` processes that run `module`, each for many jobs; `name` is of the threads that wait."""

    def __init__(
        self,
        module: str,
        name: str,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        wait_timeout_s: float | None = WAIT_TIMEOUT_S,
    ) -> None:
        """Without `wait_timeout_s` a job waits for others' however long they take."""
        self._module = module
        self._name = name
        self._idle_timeout_s = idle_timeout_s
        self._wait_timeout_s = wait_timeout_s
        self._slots = asyncio.Semaphore(MAX_WORKERS)
        self._idle: dict[_Worker, asyncio.TimerHandle] = {}
        self._busy: set[_Worker] = set()
        self._threads: ThreadPoolExecutor | None = None  # its own: whatever hangs here keeps no other tool waiting

    def prepare(self) -> None:
        """Start a worker for a job to come, where none is there: it takes longer than a small job itself."""
        if not self._idle and not self._busy:
            worker = _Worker(self._module)
            self._hold_idle(worker)
            self._get_threads().submit(worker.start)

    async def run(
        self,
        header: dict[str, Any],
        files: list[bytes],
        timeout_s: float | None,
        is_reusable: Callable[[dict[str, Any]], bool] = lambda _reply: True,
    ) -> Message:
        """The reply to a job. A worker whose reply is not `is_reusable` ends with it.

        Raises:
            TimeoutError: The job took longer than `timeout_s`; its process is gone.
            WorkersBusyError: Too many jobs are under way.
            WorkerEndedError: The process ended, or can't be started.
            RuntimeError: A fault of this program in the worker.

        """
        try:
            async with asyncio.timeout(self._wait_timeout_s):
                await self._slots.acquire()
        except TimeoutError:
            raise WorkersBusyError from None
        try:
            return await self._run(header, files, timeout_s, is_reusable)
        finally:
            self._slots.release()

    async def _run(
        self,
        header: dict[str, Any],
        files: list[bytes],
        timeout_s: float | None,
        is_reusable: Callable[[dict[str, Any]], bool],
    ) -> Message:
        worker = self._take_worker()
        job = self._get_threads().submit(worker.exchange, header, files)
        try:
            async with asyncio.timeout(timeout_s):
                reply, reply_files = await asyncio.wrap_future(job)
        except (TimeoutError, asyncio.CancelledError):
            self._abandon(worker, job)
            raise
        except (OSError, EOFError):
            self._busy.discard(worker)
            raise WorkerEndedError from None
        self._release(worker, is_reusable="fault" not in reply and is_reusable(reply))
        if "fault" in reply:
            raise RuntimeError(f"the {self._name} worker failed:\n{reply['fault']}")
        return reply, reply_files

    def _take_worker(self) -> _Worker:
        worker = next(iter(self._idle), None)
        if worker is None:
            worker = _Worker(self._module)
        else:
            self._idle.pop(worker).cancel()
        self._busy.add(worker)
        return worker

    def _release(self, worker: _Worker, *, is_reusable: bool) -> None:
        """Keep a worker for the next job, for a while."""
        self._busy.discard(worker)
        if is_reusable:
            self._hold_idle(worker)
        else:
            worker.end()

    def _hold_idle(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        self._idle[worker] = loop.call_later(self._idle_timeout_s, self._end_idle, worker)

    def _get_threads(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(MAX_WORKERS, thread_name_prefix=self._name)
        return self._threads

    def _end_idle(self, worker: _Worker) -> None:
        self._idle.pop(worker, None)
        worker.end()

    def _abandon(self, worker: _Worker, job: Future[Any]) -> None:
        """End the job with its process; the thread that waits for it is free with that."""
        self._busy.discard(worker)
        if job.cancel():
            worker.end()
        else:
            worker.kill()

    def close(self) -> None:
        """End all workers, whatever they do."""
        for worker, timer in self._idle.items():
            timer.cancel()
            worker.end()
        self._idle.clear()
        for worker in self._busy:
            worker.kill()
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None


class _Worker:
    """A process that is started with its first job. Only the thread of a job uses its pipes."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_over = False

    def start(self) -> subprocess.Popen[bytes] | None:
        """The process, started where it is not yet; None where it is to be over.

        Raises:
            OSError: The system starts none.

        """
        with self._lock:
            if self._process is None and not self._is_over:
                self._process = _start_process(self._module)
            return self._process

    def exchange(self, header: dict[str, Any], files: list[bytes]) -> Message:
        """The reply to a job.

        Raises:
            OSError, EOFError: The process can't be started, or has ended.

        """
        try:
            process = self.start()
            if process is None or process.stdin is None or process.stdout is None:
                raise EOFError  # noqa: TRY301 - given up before it began
            write_message(process.stdin, header, files)
            return read_message(process.stdout)
        except (OSError, EOFError):
            self.end()
            raise

    def kill(self) -> None:
        """End the process; the thread that is at work with it cleans up."""
        with self._lock:
            self._is_over = True
            if self._process is not None:
                self._process.kill()

    def end(self) -> None:
        """End the process and close its pipes, where no thread is at work with it."""
        self.kill()
        if self._process is None:
            return
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was not written yet can't be written any more
                    stream.close()


def _start_process(module: str) -> subprocess.Popen[bytes]:
    """A worker in this Python, without a window; its errors are reported by replies."""
    return subprocess.Popen(  # noqa: S603 - this program
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
