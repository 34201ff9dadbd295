"""The processes that work on snapshots, so that the server itself does not load DuckDB."""

from __future__ import annotations

from typing import Any

from mcp_server_tiktok_shop.errors import TikTokShopServerError
from mcp_server_tiktok_shop.workers.pool import WorkerEndedError, WorkerPool

WORKER_MODULE = "mcp_server_tiktok_shop.mirror.snapshot_worker"
IDLE_TIMEOUT_S = 10.0  # more than mostly lies between two snapshots of a history that is being read
MAX_ATTEMPTS = 2  # a process may be killed while it has nothing to do, which shows with the next job


class SnapshotError(TikTokShopServerError):
    """A snapshot can't be read or written; `is_of_storage` says that the disk failed, or has no room."""

    def __init__(self, message: str, *, is_of_storage: bool = False) -> None:
        super().__init__(message)
        self.is_of_storage = is_of_storage


class SnapshotWorkers:
    """Few processes for all shops, which wait for each other however long that takes."""

    def __init__(self) -> None:
        self._pool = WorkerPool(WORKER_MODULE, "snapshot", IDLE_TIMEOUT_S, wait_timeout_s=None)

    def prepare(self) -> None:
        """Make ready for a job to come."""
        self._pool.prepare()

    async def run(self, job: dict[str, Any]) -> Any:
        """The result of a job, as `mirror/snapshot_worker.py` reads it.

        Raises:
            SnapshotError: DuckDB can't do it.
            OSError: A file can't be read or written, or the process was ended again and again.

        """
        for _ in range(MAX_ATTEMPTS):
            try:
                reply, _ = await self._pool.run(job, [], None)
            except WorkerEndedError:
                continue
            if "os_error" in reply:
                raise OSError(*reply["os_error"])
            if "failure" in reply:
                raise SnapshotError(reply["failure"], is_of_storage=reply["is_of_storage"])
            return reply["result"]
        raise OSError(0, "the process at work on it was ended")

    def close(self) -> None:
        """End them, whatever they do: what is not written whole counts for nothing."""
        self._pool.close()
