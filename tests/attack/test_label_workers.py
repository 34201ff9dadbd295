"""Labels are laid out beside the server: a call that is given up ends its job, and none keeps other tools waiting."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import time
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pypdf import PdfReader

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.pdf.page_format import PAPER_SIZES_MM, PageFormat
from mcp_server_tiktok_shop.tools.pdf.worker_pool import JOB_TIMEOUT_S, PdfWorkerPool
from mcp_server_tiktok_shop.workers.pool import MAX_WORKERS
from tests.protocol.test_server import MODERN, children, process
from tests.tools.pdf_files import stream, write_pdf
from tests.tools.test_labels import pdf
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from tests.protocol.test_server import Process

A6 = PageFormat(PAPER_SIZES_MM["A6"], 1.0, "A6")
MB = 2**20


def write_slow_pdf() -> bytes:
    """A plain page whose instructions unpack to much: some seconds of work, nothing else."""
    lines = b"".join(b"%d %d m 1 1 l S\n" % (number % 300, number % 400) for number in range(200_000))
    packed = zlib.compress(lines * (60 * MB // len(lines)), 1).decode("latin-1")
    return write_pdf(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents [4 0 R 4 0 R 4 0 R] >>",
            stream(packed, "/Filter /FlateDecode"),
        ]
    )


async def start(server: Process, tool: str, arguments: dict[str, Any], era: str) -> int:
    envelope = {} if era == "legacy" else MODERN
    return await server.send("tools/call", {"name": tool, "arguments": arguments} | envelope)


async def wait_for_workers(pid: int, count: int) -> list[int]:
    await until(lambda: len(children(pid)) == count)
    return children(pid)


def is_any_running(pids: list[int]) -> bool:
    return any(map(is_running, pids))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def find_busy_seconds(pid: int) -> float:
    """The processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell")
async def test_eight_jobs_that_are_given_up_end_and_stop_no_other_tool(home: Path, tmp_path: Path, era: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "slow.pdf").write_bytes(write_slow_pdf())
    (folder / "label.pdf").write_bytes(pdf((300, 400)))
    async with process(home, "--sandbox", files=str(folder)) as server:
        if era == "legacy":
            await server.initialize()
        jobs = [await start(server, "resize_pdf", {"source": "slow.pdf"}, era) for _ in range(8)]
        workers = await wait_for_workers(server.process.pid, MAX_WORKERS)
        await until(lambda: min(map(find_busy_seconds, workers)) >= 0.5)
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)  # they come to no end by themselves
        other = await start(server, "save_result", {"id": "0123456789abcdef"}, era)  # a tool that uses a thread
        assert (await server.answer())["id"] == other, "it waited for a label"
        for job in jobs:
            await server.send("notifications/cancelled", {"requestId": job, "reason": "given up"}, notify=True)
        await until(lambda: not is_any_running(workers), patience=JOB_TIMEOUT_S / 2)
        label = await start(server, "resize_pdf", {"source": "label.pdf"}, era)
        while (told := await server.answer()).get("id") != label:
            pass
        assert not told["result"].get("isError"), told
        assert len(children(server.process.pid)) == 1, "what was given up was begun"
        await server.end()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell")
async def test_a_client_that_goes_leaves_no_worker_behind(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "slow.pdf").write_bytes(write_slow_pdf())
    for kill in (False, True):
        async with process(home, "--sandbox", files=str(folder)) as server:
            await server.initialize()
            for _ in range(3):
                await start(server, "resize_pdf", {"source": "slow.pdf"}, "legacy")
            workers = await wait_for_workers(server.process.pid, MAX_WORKERS)
            if kill:
                server.process.kill()
            else:
                await server.end()
            await until(partial(is_any_running, workers), False)


async def test_a_job_that_takes_too_long_is_ended_and_the_next_one_done() -> None:
    pool = PdfWorkerPool(job_timeout_s=0.8)
    try:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ShopError, match="longer than") as caught:
                await pool.resize({"source[0]": write_slow_pdf()}, A6)
        assert caught.value.kind == "invalid_arguments"
        assert caught.value.problems[0].argument == "source[0]"
        pool._job_timeout_s = PATIENCE_S
        resized = await pool.resize({"source[0]": pdf((300, 400))}, A6)
        assert len(PdfReader(io.BytesIO(resized.content)).pages) == 1
    finally:
        pool.close()


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit")
async def test_a_job_that_takes_too_much_memory_is_told_and_the_server_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is the worker's own: here it is started with a lower one."""
    code = "import mcp_server_tiktok_shop.tools.pdf.worker as w; w.MAX_MEMORY_BYTES = 2**28; w.run()"
    real = subprocess.Popen

    def start_small(command: list[str], **more: Any) -> Any:
        return real([*command[:2], "-c", code], **more)

    monkeypatch.setattr(subprocess, "Popen", start_small)
    pool = PdfWorkerPool()
    try:
        with pytest.raises(ShopError, match="memory") as caught:
            await pool.resize({"source": write_slow_pdf()}, A6)
        assert caught.value.kind == "invalid_arguments"
        assert (await pool.resize({"source": pdf((300, 400))}, A6)).content
    finally:
        pool.close()


async def test_a_worker_that_is_killed_is_replaced() -> None:
    pool = PdfWorkerPool()
    try:
        for _ in range(3):
            assert (await pool.resize({"source": pdf((300, 400))}, A6)).content
            (worker,) = pool._pool._idle
            assert worker._process is not None
            worker._process.kill()
            worker._process.wait()
            with pytest.raises(ShopError) as caught:
                await pool.resize({"source": pdf((300, 400))}, A6)
            assert caught.value.kind == "invalid_arguments"
    finally:
        pool.close()


async def test_a_worker_without_a_job_ends_after_a_while() -> None:
    pool = PdfWorkerPool(idle_timeout_s=0.2)
    try:
        await pool.resize({"source": pdf((300, 400))}, A6)
        (worker,) = pool._pool._idle
        assert worker._process is not None
        await until(lambda: worker._process is None or worker._process.poll() is not None)
        await until(lambda: not pool._pool._idle)
    finally:
        pool.close()


async def test_small_jobs_are_fast_once_a_worker_is_there() -> None:
    pool = PdfWorkerPool()
    try:
        times = []
        for _ in range(12):
            began = time.perf_counter()
            await pool.resize({"source": pdf((300, 400))}, A6)
            times.append(time.perf_counter() - began)
        assert sorted(times)[5] < times[0] / 4  # the first starts a process with all imports
    finally:
        pool.close()


async def test_what_a_worker_refuses_is_refused_as_before() -> None:
    pool = PdfWorkerPool()
    try:
        for content, word in (
            (b"no pdf", "not a PDF"),
            (b"%PDF-1.7 broken", "damaged"),
            (pdf(*[(9, 9)] * 501), "501 pages"),
        ):
            with pytest.raises(ShopError, match=word) as caught:
                await pool.resize({"source[3]": content}, A6)
            assert caught.value.problems[0].argument == "source[3]"
        assert len(pool._pool._idle) == 1  # the same worker did all of it
    finally:
        pool.close()
