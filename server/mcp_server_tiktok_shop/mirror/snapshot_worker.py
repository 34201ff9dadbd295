"""Works on snapshots in its own process, started by `python -m`, so that DuckDB's memory is freed with it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from mcp_server_tiktok_shop.mirror.batches import Batch, BatchKey
from mcp_server_tiktok_shop.mirror.duckdb_extension import Error, IOException, initialize
from mcp_server_tiktok_shop.mirror.snapshot_database import SnapshotDatabase
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.state.files.home import MirrorFolder
from mcp_server_tiktok_shop.workers.serving import serve_jobs


@cache
def _get_catalog() -> TableCatalog:
    return TableCatalog()


def _answer(job: dict[str, Any], _files: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    try:
        return {"result": _do(job)}, []
    except OSError as error:
        return {"os_error": [error.errno or 0, error.strerror or str(error)]}, []
    except Error as error:
        return {"failure": str(error).splitlines()[0], "is_of_storage": isinstance(error, IOException)}, []


def _do(job: dict[str, Any]) -> Any:
    catalog = _get_catalog()
    database = SnapshotDatabase(MirrorFolder(Path(job["folder"])), catalog, Path(job["base"]) if job["base"] else None)
    task, source = job["task"], catalog.sources.get(job["source"])
    if task == "read_through":
        return database.read_through()
    if task == "count_all_rows":
        return database.count_all_rows()
    assert source is not None  # noqa: S101 - all else is of a source
    if task == "count_rows":
        return database.count_rows(source, job["start"], job["end"])
    if task == "list_parents":
        return database.list_parents(source, job["since"])
    if task == "find_oldest_reading":
        return database.find_oldest_reading(source, job["since"])
    path, unreadable_count = database.lay_in(
        source, [_read_batch(each) for each in job["batches"]], job["history_from"]
    )
    return {"path": str(path) if path is not None else None, "unreadable_count": unreadable_count}


def _read_batch(fields: dict[str, Any]) -> Batch:
    key, path = BatchKey(**fields["key"]), Path(fields["path"])
    parents, stable_parents = set(fields["parents"]), set(fields["stable_parents"])
    return Batch(key, path, fields["read_at"], parents=parents, stable_parents=stable_parents)


if __name__ == "__main__":
    initialize()
    serve_jobs(_answer, None)
