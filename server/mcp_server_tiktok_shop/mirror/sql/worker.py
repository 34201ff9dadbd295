"""Runs questions in its own process, started by `python -m`, because DuckDB can't limit or stop everything itself."""

from __future__ import annotations

from typing import Any

from mcp_server_tiktok_shop.mirror.duckdb_extension import initialize
from mcp_server_tiktok_shop.mirror.sql.execution import QueryError, SnapshotFileError, run_job
from mcp_server_tiktok_shop.workers.serving import serve_jobs

MAX_MEMORY_BYTES = 3 * 2**30  # of addresses, of which threads and libraries take a part without using it
OUT_OF_MEMORY = "OutOfMemoryException"


def _answer(job: dict[str, Any], _files: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    try:
        return run_job(job), []
    except QueryError as failure:
        return {"failure": failure.kind, "message": failure.message}, []
    except SnapshotFileError as failure:
        return {"damaged": failure.place, "message": str(failure)}, []
    except MemoryError:
        return {"failure": OUT_OF_MEMORY, "message": ""}, []


if __name__ == "__main__":
    initialize()
    serve_jobs(_answer, MAX_MEMORY_BYTES)
