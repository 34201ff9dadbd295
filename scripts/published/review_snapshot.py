"""Stores what the description said at its last review, and the differences settled there; `--settle` writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.import_facts import read_json, write_json

if TYPE_CHECKING:
    from scripts.published.comparison import Difference
    from scripts.published.description import Description

SNAPSHOT_FILE = Path(__file__).with_name("settled.json")


@dataclass(frozen=True)
class ReviewSnapshot:
    """The description at its last review."""

    version: str = "none"
    operations: dict[str, str] = field(default_factory=dict)  # a digest of its text for each address
    settled: dict[str, list[str]] = field(default_factory=dict)  # identities of differences for each operation

    def select_new(self, differences: list[Difference]) -> list[Difference]:
        """Select what is new since then; a reworded operation only where nothing more exact is known of it."""
        new = [each for each in differences if each.identity not in self.settled.get(each.operation, ())]
        explained_operations = {each.operation for each in new if each.kind != "reworded"}
        return [each for each in new if each.kind != "reworded" or each.operation not in explained_operations]


def load_snapshot(file: Path) -> ReviewSnapshot:
    """The snapshot in a file; an empty one where there is no file."""
    return ReviewSnapshot(**read_json(file))


def save_snapshot(file: Path, description: Description, differences: list[Difference]) -> None:
    """Save this version as reviewed, and every difference to it that is left as settled."""
    settled: dict[str, list[str]] = {}
    for each in differences:
        if each.kind not in ("operation gone", "reworded"):
            settled.setdefault(each.operation, []).append(each.identity)
    operations = {address: published.digest for address, published in sorted(description.operations.items())}
    write_json(
        file, {"version": description.version, "operations": operations, "settled": dict(sorted(settled.items()))}
    )
