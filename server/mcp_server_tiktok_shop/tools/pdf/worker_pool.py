"""Runs PDF jobs in separate processes, with limits of time and memory; a cancelled call ends its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.pdf.refusals import argument_error
from mcp_server_tiktok_shop.tools.pdf.resized_pdf import ResizedPdf
from mcp_server_tiktok_shop.workers.pool import IDLE_TIMEOUT_S, WorkerEndedError, WorkerPool, WorkersBusyError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.tools.pdf.page_format import PageFormat

WORKER_MODULE = "mcp_server_tiktok_shop.tools.pdf.worker"
JOB_TIMEOUT_S = 30.0
MAX_REUSE_BYTES = 10 * 2**20  # of a job after which its worker goes on: a large one leaves it large


class PdfWorkerPool:
    """Processes that resize PDFs: none before the first job."""

    def __init__(self, job_timeout_s: float = JOB_TIMEOUT_S, idle_timeout_s: float = IDLE_TIMEOUT_S) -> None:
        self._job_timeout_s = job_timeout_s
        self._pool = WorkerPool(WORKER_MODULE, "pdf", idle_timeout_s)

    def prepare(self) -> None:
        """Start a worker for a job to come, where none is there."""
        self._pool.prepare()

    async def resize(
        self, contents: dict[str, bytes], page_format: PageFormat, *, has_picture: bool = False
    ) -> ResizedPdf:
        """One PDF of all pages of the files, by the argument that each came in; with a picture of the first page.

        Raises:
            ShopError: `invalid_arguments` of a source, also of one that takes too much time or memory; `rate_limited`
                where too many jobs are under way.

        """
        argument = next(iter(contents))
        header = {
            "arguments": list(contents),
            "paper": page_format.paper,
            "scale": page_format.scale,
            "name": page_format.name,
            "sheet": page_format.sheet,
            "skipped_cells": page_format.skipped_cells,
            "has_picture": has_picture,
        }
        is_small = sum(map(len, contents.values())) <= MAX_REUSE_BYTES
        try:
            reply, files = await self._pool.run(
                header, list(contents.values()), self._job_timeout_s, lambda _reply: is_small
            )
        except WorkersBusyError:
            message = "Too many labels are being laid out at once."
            raise ShopError("rate_limited", message, hint="Try again in a minute.", retryable=True) from None
        except TimeoutError:
            message = f"takes longer than {self._job_timeout_s:g} s to lay out"
            raise argument_error(argument, message, "simpler pages, or fewer in one call") from None
        except WorkerEndedError:
            message = "could not be laid out: the process for it ended, or can't be started"
            raise argument_error(argument, message, "fewer or simpler pages, where memory is short") from None
        if "out_of_memory" in reply:
            raise argument_error(argument, "needs too much memory to lay out", "simpler pages, or fewer in one call")
        if "problem" in reply:
            raise argument_error(**reply["problem"])
        return ResizedPdf.from_json(reply, *files)

    def close(self) -> None:
        """End all workers, whatever they do."""
        self._pool.close()
