"""Runs PDF jobs in processes of their own, with limits of time and memory; a call that is given up ends its job."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.pdf.messages import read_message, write_message
from mcp_server_tiktok_shop.tools.pdf.refusals import argument_error
from mcp_server_tiktok_shop.tools.pdf.resized_pdf import ResizedPdf

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mcp_server_tiktok_shop.tools.pdf.page_format import PageFormat

WORKER_MODULE = "mcp_server_tiktok_shop.tools.pdf.worker"
MAX_WORKERS = 2  # jobs at once; more of them wait
JOB_TIMEOUT_S = 30.0
WAIT_TIMEOUT_S = 60.0  # for others' jobs
IDLE_TIMEOUT_S = 300.0  # after which a worker without a job ends
MAX_REUSE_BYTES = 10 * 2**20  # of a job after which its worker goes on: a large one leaves it large


class PdfWorkerPool:
    """Processes that resize PDFs: none before the first job, at most `MAX_WORKERS`, each for many jobs."""

    def __init__(self, job_timeout_s: float = JOB_TIMEOUT_S, idle_timeout_s: float = IDLE_TIMEOUT_S) -> None:
        self._job_timeout_s = job_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._slots = asyncio.Semaphore(MAX_WORKERS)
        self._idle: dict[_Worker, asyncio.TimerHandle] = {}
        self._busy: set[_Worker] = set()
        self._threads: ThreadPoolExecutor | None = None  # its own: whatever hangs here keeps no other tool waiting

    def prepare(self) -> None:
        """Start a worker for a job to come, where none is there: it takes longer than a small job itself."""
        if not self._idle and not self._busy:
            worker = _Worker()
            self._hold_idle(worker)
            self._get_threads().submit(worker.start)

    async def resize(self, contents: dict[str, bytes], page_format: PageFormat) -> ResizedPdf:
        """One PDF of all pages of the files, by the argument that each came in.

        Raises:
            ShopError: `invalid_arguments` of a source, also of one that takes too much time or memory; `rate_limited`
                where too many jobs are under way.

        """
        try:
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                await self._slots.acquire()
        except TimeoutError:
            message = "Too many labels are being laid out at once."
            raise ShopError("rate_limited", message, hint="Try again in a minute.", retryable=True) from None
        try:
            return await self._resize(contents, page_format)
        finally:
            self._slots.release()

    async def _resize(self, contents: dict[str, bytes], page_format: PageFormat) -> ResizedPdf:
        worker = self._take_worker()
        argument = next(iter(contents))
        header = {
            "arguments": list(contents),
            "paper": page_format.paper,
            "scale": page_format.scale,
            "name": page_format.name,
            "sheet": page_format.sheet,
        }
        job = self._get_threads().submit(worker.exchange, header, list(contents.values()))
        try:
            async with asyncio.timeout(self._job_timeout_s):
                reply, files = await asyncio.wrap_future(job)
        except TimeoutError:
            self._abandon(worker, job)
            message = f"takes longer than {self._job_timeout_s:g} s to lay out"
            raise argument_error(argument, message, "simpler pages, or fewer in one call") from None
        except asyncio.CancelledError:
            self._abandon(worker, job)
            raise
        except (OSError, EOFError):  # killed, by the system or a person, or not to be started
            self._busy.discard(worker)
            message = "could not be laid out: the process for it ended, or can't be started"
            raise argument_error(argument, message, "fewer or simpler pages, where memory is short") from None
        self._release(worker, sum(map(len, contents.values())))
        if "fault" in reply:
            raise RuntimeError(f"the PDF worker failed:\n{reply['fault']}")
        if "out_of_memory" in reply:
            raise argument_error(argument, "needs too much memory to lay out", "simpler pages, or fewer in one call")
        if "problem" in reply:
            raise argument_error(**reply["problem"])
        return ResizedPdf.from_json(reply, files[0])

    def _take_worker(self) -> _Worker:
        worker = next(iter(self._idle), None)
        if worker is None:
            worker = _Worker()
        else:
            self._idle.pop(worker).cancel()
        self._busy.add(worker)
        return worker

    def _release(self, worker: _Worker, job_bytes: int) -> None:
        """Keep a worker for the next job, for a while."""
        self._busy.discard(worker)
        if job_bytes > MAX_REUSE_BYTES:
            worker.end()
        else:
            self._hold_idle(worker)

    def _hold_idle(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        self._idle[worker] = loop.call_later(self._idle_timeout_s, self._end_idle, worker)

    def _get_threads(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(MAX_WORKERS, thread_name_prefix="pdf")
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

    def __init__(self) -> None:
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
                self._process = _start_process()
            return self._process

    def exchange(self, header: dict[str, Any], files: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
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


def _start_process() -> subprocess.Popen[bytes]:
    """A worker in this Python, without a window; its errors are reported by replies."""
    return subprocess.Popen(  # noqa: S603 - this program
        [sys.executable, "-P", "-m", WORKER_MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
