"""Spools pages that are in no snapshot yet, a file for each batch, so that a sync that was cut goes on."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal, get_args

from msgspec import Struct, field
from pydantic_core import to_json

from mcp_server_tiktok_shop.state.files.private_files import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mcp_server_tiktok_shop.catalog.operation import Json

SPOOL_SUFFIX = ".ndjson"
MAX_STAGED_BYTES = 6 * 2**20  # of batches that are laid in at once
MAX_LINE_BYTES = 2**19  # DuckDB makes room for several lines of the size that it is told of
BatchKind = Literal["all", "history", "again", "changes", "parents"]
BATCH_KINDS = get_args(BatchKind)


class BatchKey(Struct, frozen=True):
    """What a batch is of: a source, and what is read of it. Its times are Unix seconds.

    `all` of a list is all that there is; `history` is what was made from `start` until before `end`, `again` the same
    once more, `changes` what was changed in that time; `parents` are rows of the table that the source is asked for
    each row of.
    """

    source: str
    kind: BatchKind
    start: int = 0
    end: int = 0

    @property
    def file_name(self) -> str:
        return f"{self.source}.{self.kind}.{self.start}.{self.end}{SPOOL_SUFFIX}"

    @classmethod
    def from_file_name(cls, name: str) -> BatchKey | None:
        """The key of a spool file's name; None where it is none."""
        source, kind, start, end = (name.removesuffix(SPOOL_SUFFIX).split(".") + [""] * 4)[:4]
        if kind not in BATCH_KINDS or not start.isdigit() or not end.isdigit():
            return None
        return cls(source, kind, int(start), int(end))  # type: ignore[arg-type] # one of those above


class Batch(Struct):
    """Pages of one key, as far as they were read. `read_at` is when the first was asked for, in Unix seconds.

    `resume` are the arguments that lead to the next page, `is_complete` says that there is none. `parents` are the
    values that were asked for, `stable_parents` those of them that need never be read again.
    """

    key: BatchKey
    path: Path
    read_at: float
    resume: Json = field(default_factory=dict)
    is_complete: bool = False
    page_count: int = 0
    parents: set[str] = field(default_factory=set)
    stable_parents: set[str] = field(default_factory=set)


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
        text = self._hide_secrets(b"".join(_iter_lines(rows, at, mark)).decode())
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
                    if not isinstance(fields, dict):
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


def _iter_lines(rows: Mapping[str, list[list[Any]]], at: float, mark: Mapping[str, Any]) -> Iterator[bytes]:
    """The lines of a page, none of them longer than what DuckDB is told to make room for; the last one has the mark."""
    line = _to_line({"moment": at, "rows": rows, **mark})
    largest = max(rows, key=lambda name: len(rows[name]), default="")
    if len(line) <= MAX_LINE_BYTES or len(rows[largest]) <= 1:
        yield line
        return
    for table, cells in rows.items():
        middle = len(cells) // 2
        yield from _iter_lines({table: cells[:middle]}, at, {}) if middle else ()
    yield from _iter_lines({table: cells[len(cells) // 2 :] for table, cells in rows.items()}, at, mark)


def _to_line(fields: Mapping[str, Any]) -> bytes:
    try:
        return to_json(fields, inf_nan_mode="constants") + b"\n"
    except ValueError:  # half a character in a text, which UTF-8 has no bytes for
        return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def open_private(path: str, flags: int) -> int:
    """An opener of files that are their owner's alone."""
    return os.open(path, flags, 0o600)


def _apply_mark(batch: Batch, line: Mapping[str, Any]) -> None:
    batch.page_count += 1
    batch.resume = line.get("resume", {})
    batch.is_complete = bool(line.get("is_complete"))
    batch.parents |= set(line.get("parents", ()))
    batch.stable_parents |= set(line.get("stable_parents", ()))


def divide_batches(batches: Sequence[Batch]) -> Iterator[Sequence[Batch]]:
    """The batches in parts that are staged at once, by their size."""
    part: list[Batch] = []
    size = 0
    for batch in batches:
        batch_size = batch.path.stat().st_size
        if part and size + batch_size > MAX_STAGED_BYTES:
            yield part
            part, size = [], 0
        part.append(batch)
        size += batch_size
    if part:
        yield part


def measure_batches(batches: Sequence[Batch]) -> int:
    return sum(batch.path.stat().st_size for batch in batches)
