"""What was described, and left as it is, when the description was last gone through; `--settle` writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.import_facts import read, write

if TYPE_CHECKING:
    from scripts.published.comparing import Difference
    from scripts.published.description import Description

FILE = Path(__file__).with_name("settled.json")


@dataclass(frozen=True)
class Memory:
    version: str = "none"
    operations: dict[str, str] = field(default_factory=dict)  # a digest of its text for each address
    settled: dict[str, list[str]] = field(default_factory=dict)  # identities of differences for each operation

    def unsettled(self, differences: list[Difference]) -> list[Difference]:
        """What is new since then; a reworded operation only where nothing more exact is known of it."""
        left = [each for each in differences if each.identity not in self.settled.get(each.operation, ())]
        exact = {each.operation for each in left if each.kind != "reworded"}
        return [each for each in left if each.kind != "reworded" or each.operation not in exact]


def recall(file: Path) -> Memory:
    return Memory(**read(file))


def settle(file: Path, description: Description, differences: list[Difference]) -> None:
    """Remember this version, and every difference to it that still stands, as gone through."""
    settled: dict[str, list[str]] = {}
    for each in differences:
        if each.kind not in ("operation gone", "reworded"):
            settled.setdefault(each.operation, []).append(each.identity)
    operations = {address: published.digest for address, published in sorted(description.operations.items())}
    write(file, {"version": description.version, "operations": operations, "settled": dict(sorted(settled.items()))})
