"""How far a local copy reaches: how recent each source is, how far back it goes, what is in the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace

from mcp_server_tiktok_shop.state.files.private_files import write_private_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class SourceState(Struct, frozen=True):
    """How far a source reaches. All moments are Unix seconds, 0 where there is none.

    `as_of` is the moment from which on what changed may be missing: when the reading of it began, to the fraction of a
    second, since questions of one second are told apart by it. The history is whole from `history_from` on, and is
    being read from `backfill_end` back to `history_start`. `listed_at` is when all of it was read last.
    `problem` says why the source is not up to date, `problem_at` since when. `unreadable_count` are values and
    rows that were passed over.
    """

    as_of: float = 0
    history_from: int = 0
    history_start: int = 0
    backfill_end: int = 0
    listed_at: int = 0
    is_complete: bool = False
    problem: str = ""
    problem_at: float = 0
    unreadable_count: int = 0

    def is_fresh(self, since: float) -> bool:
        """Whether all of it is there, as of a moment or later."""
        return self.is_complete and self.as_of >= since


class MirrorState(Struct, frozen=True):
    """What is in force of a shop's copy: the number of its snapshot (0: none yet), and its sources by name.

    `fingerprint` is that of the records by which it was made. `revision` is that of the shared copy on which it
    rests, 0 where it rests on none.
    """

    fingerprint: str
    snapshot: int = 0
    size: int = 0
    sources: Mapping[str, SourceState] = field(default_factory=dict)
    revision: int = 0

    def get_source(self, name: str) -> SourceState:
        return self.sources.get(name, SourceState())

    def with_source(self, name: str, **changes: Any) -> MirrorState:
        """This state with changes of one source."""
        return replace(self, sources={**self.sources, name: replace(self.get_source(name), **changes)})


def load_state(path: Path, fingerprint: str) -> MirrorState:
    """The stored state; an empty one where there is none by these records, or none that can be read."""
    try:
        return parse_state(path.read_bytes(), fingerprint)
    except OSError:
        return MirrorState(fingerprint)


def parse_state(text: bytes | str, fingerprint: str) -> MirrorState:
    """The state that a text tells; an empty one where it is none by these records."""
    names = set(SourceState.__struct_fields__)
    try:
        stored = json.loads(text)
        sources = {
            source: SourceState(**{name: value for name, value in values.items() if name in names})
            for source, values in stored["sources"].items()
        }
        snapshot, size, revision = (int(stored.get(name, 0)) for name in ("snapshot", "size", "revision"))
        state = MirrorState(str(stored["fingerprint"]), snapshot, size, sources, revision)
    except (ValueError, TypeError, KeyError, AttributeError):
        return MirrorState(fingerprint)
    return state if state.fingerprint == fingerprint else MirrorState(fingerprint)


def format_state(state: MirrorState) -> str:
    return json.dumps(to_builtins(state))


def store_state(path: Path, state: MirrorState) -> None:
    """Put a state in force, whole.

    Raises:
        OSError: It can't be written; the old one is in force.

    """
    write_private_file(path, format_state(state).encode())
