"""Remembers why this process can't write a source, since that can't be written down either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.private_files import make_storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mcp_server_tiktok_shop.mirror.states import MirrorState

DAMAGE_MESSAGE = "The local copy was damaged; it is being made anew."


class _Fault(Struct, frozen=True):
    message: str
    hint: str
    at: float


class StorageFaults:
    """What was in the way of writing each source in a folder. `clock` gives Unix seconds."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        self._faults: dict[str, _Fault] = {}  # by source

    def add(self, source_name: str, error: OSError) -> str:
        """Remember what was in the way of a source, and answer it in words."""
        refusal = make_storage_error(self._folder, "written", error)
        self._faults[source_name] = _Fault(refusal.message, refusal.hint, self._clock())
        return refusal.message

    def remove(self, source_name: str) -> None:
        """Forget what was in the way of a source: it is tried again."""
        self._faults.pop(source_name, None)

    def mark(self, state: MirrorState) -> MirrorState:
        """The state with these problems, but for sources that somebody wrote since."""
        for name, fault in self._faults.items():
            if fault.at >= state.get_source(name).as_of:
                state = state.with_source(name, problem=fault.message, problem_at=fault.at)
        return state

    def find_error(self, source_names: Iterable[str]) -> ShopError | None:
        """The refusal for the first of these sources that can't be written; None where there is none."""
        faults = [self._faults[name] for name in source_names if name in self._faults]
        return ShopError("not_configured", faults[0].message, hint=faults[0].hint) if faults else None
