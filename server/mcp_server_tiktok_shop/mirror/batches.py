"""Batches of pages that are in no snapshot yet: what each contains, and how many are applied at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mcp_server_tiktok_shop.catalog.operation import Json

SPOOL_SUFFIX = ".ndjson"
MAX_STAGED_BYTES = 4 * 2**20  # of batches that are laid in at once: of more, memory; of less, time for each
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

    `key` is what `path` is named after, but for a batch that was cut: it begins at a later time.
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
