"""The list of received requests, for tests and for whoever wants to see what a client sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# A long-running sandbox must not grow with its traffic.
MAX_ENTRIES = 20_000


@dataclass(frozen=True)
class Entry:
    """One request with its outcome.

    `status` and `code` are what was answered: None where the connection was cut, or the answer had no code.
    `ran` tells that the operation was carried out and succeeded, whatever became of the answer; `fault` names
    what was made to go wrong.
    """

    time: float
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    operation: str
    status: int | None
    code: int | None
    ran: bool
    fault: str = ""


class Log(list[Entry]):
    """Entries in the order of their answers; the oldest half goes when there are too many."""

    def append(self, entry: Entry) -> None:
        if len(self) >= MAX_ENTRIES:
            del self[: MAX_ENTRIES // 2]
        super().append(entry)

    def list_entries(self, operation: str) -> list[Entry]:
        return [entry for entry in self if entry.operation == operation]
