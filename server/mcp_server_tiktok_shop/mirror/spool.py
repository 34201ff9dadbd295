"""Spools pages that are in no snapshot yet, one file per batch, so that an interrupted sync resumes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from msgspec.json import Encoder
from msgspec.structs import replace

from mcp_server_tiktok_shop.mirror.batches import SPOOL_SUFFIX, Batch, BatchKey
from mcp_server_tiktok_shop.state.files.private_files import make_private_folder, open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.batches import BatchKind

OLD_NAME = "rows"  # of all rows of a page in one line, as earlier versions wrote them: that page is read anew
_ENCODER = Encoder()


class Spool:
    """The batches in a folder. `hide_secrets` goes over what is written."""

    def __init__(self, folder: Path, hide_secrets: Callable[[str], str]) -> None:
        self._folder = folder
        self._hide_secrets = hide_secrets

    def open_batch(self, key: BatchKey, read_at: float) -> Batch:
        """A batch to go on with, or a new one."""
        return self._read_batch(key) or Batch(key, self._folder / key.file_name, read_at)

    def append(self, batch: Batch, rows: Mapping[str, list[list[Any]]], at: float, **mark: Any) -> None:
        """Append a page's rows by table, asked for `at` a moment; `mark` is what the batch's fields are from now on.

        Raises:
            OSError: It can't be written.

        """
        mark = {"read_at": batch.read_at, **mark}
        text = self._hide_secrets(_to_text(_iter_lines(rows, at, mark)))
        make_private_folder(self._folder)
        with open(batch.path, "ab", opener=open_private) as file:
            size = file.tell()
            try:
                file.write(text.encode())
                file.flush()
            except OSError:  # a part of it would spoil what comes after
                os.truncate(batch.path, size)
                raise
        _apply_mark(batch, mark)

    def list_batches(self, source: str, kind: BatchKind) -> list[Batch]:
        """The batches of a source that lie here."""
        keys = (BatchKey.from_file_name(path.name) for path in self._folder.glob(f"{source}.{kind}.*{SPOOL_SUFFIX}"))
        return [batch for key in keys if key is not None and (batch := self._read_batch(key)) is not None]

    def delete(self, batch: Batch) -> None:
        batch.path.unlink(missing_ok=True)

    def delete_source(self, source: str) -> None:
        """Delete every batch of a source."""
        for path in self._folder.glob(f"{source}.*{SPOOL_SUFFIX}"):
            path.unlink(missing_ok=True)

    def delete_all(self) -> None:
        """Delete every batch."""
        for path in self._folder.glob(f"*{SPOOL_SUFFIX}"):
            path.unlink(missing_ok=True)

    def _read_batch(self, key: BatchKey) -> Batch | None:
        """The batch as far as it was written whole: half a last line is cut off. None where there is none."""
        path = self._folder / key.file_name
        batch: Batch | None = None
        end = size = 0
        try:
            with path.open("rb") as file:
                for line in file:
                    try:
                        fields = json.loads(line) if line.endswith(b"\n") else None
                    except ValueError:
                        fields = None
                    if not isinstance(fields, dict) or OLD_NAME in fields:
                        break
                    size += len(line)
                    if "read_at" in fields:  # the last of a page's
                        batch = batch or Batch(key, path, fields["read_at"])
                        _apply_mark(batch, fields)
                        end += size
                        size = 0
        except FileNotFoundError:
            return None
        if batch is None:
            path.unlink(missing_ok=True)
        elif end < path.stat().st_size:
            os.truncate(path, end)
        return batch


def _iter_lines(rows: Mapping[str, list[list[Any]]], at: float, mark: Mapping[str, Any]) -> Iterator[Json]:
    """The lines of a page: each row by itself, which DuckDB reads with less memory than many; the last has the mark."""
    for table, table_rows in rows.items():
        for place, cells in enumerate(table_rows, start=1):
            yield {"table": table, "moment": at, "place": place, "cells": cells}
    yield dict(mark)


def _to_text(lines: Iterable[Json]) -> str:
    """Lines of JSON."""
    listed = list(lines)
    try:
        return _ENCODER.encode_lines(listed).decode()
    except (ValueError, OverflowError):  # half a character in a text, which UTF-8 has no bytes for; a huge number
        return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in listed)


def _apply_mark(batch: Batch, line: Mapping[str, Any]) -> None:
    batch.page_count += 1
    if "start" in line:  # with the page after which it was cut
        batch.key = replace(batch.key, start=line["start"])
    batch.resume = line.get("resume", {})
    batch.is_complete = bool(line.get("is_complete"))
    batch.parents |= set(line.get("parents", ()))
    batch.stable_parents |= set(line.get("stable_parents", ()))
