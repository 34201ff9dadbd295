"""What was described, and left as it is, when the description was last gone through; `--settle` writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.import_facts import read_json, write_json

if TYPE_CHECKING:
    from scripts.published.comparing import Difference
    from scripts.published.description import Description

SNAPSHOT_FILE = Path(__file__).with_name("settled.json")


@dataclass(frozen=True)
class ReviewSnapshot:
    version: str = "none"
    operations: dict[str, str] = field(default_factory=dict)  # a digest of its text for each address
    settled: dict[str, list[str]] = field(default_factory=dict)  # identities of differences for each operation

    def select_new(self, differences: list[Difference]) -> list[Difference]:
        """What is new since then; a reworded operation only where nothing more exact is known of it."""
        new = [each for each in differences if each.identity not in self.settled.get(each.operation, ())]
        explained = {each.operation for each in new if each.kind != "reworded"}
        return [each for each in new if each.kind != "reworded" or each.operation not in explained]


def load_snapshot(file: Path) -> ReviewSnapshot:
    return ReviewSnapshot(**read_json(file))


def save_snapshot(file: Path, description: Description, differences: list[Difference]) -> None:
    """Remember this version, and every difference to it that still stands, as gone through."""
    settled: dict[str, list[str]] = {}
    for each in differences:
        if each.kind not in ("operation gone", "reworded"):
            settled.setdefault(each.operation, []).append(each.identity)
    operations = {address: published.digest for address, published in sorted(description.operations.items())}
    write_json(
        file, {"version": description.version, "operations": operations, "settled": dict(sorted(settled.items()))}
    )
