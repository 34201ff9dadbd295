"""Reads the known gaps: what people ask for that no operation does, and the nearest alternative."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

GAPS_FILE = Path(__file__).with_name("gaps.json")


class Gap(Struct, frozen=True, eq=False):
    """One record of gaps.json, searched like an operation: `title`, `summary`, `keywords`, and what to do `instead`."""

    name: str
    record: Json

    @property
    def area(self) -> str | None:
        """The area to which a search that finds it may be narrowed; None for any."""
        area: str | None = self.record.get("area")
        return area

    @property
    def nearest(self) -> list[str]:
        """The names of the operations that come nearest, best first."""
        names: list[str] = self.record["nearest"]
        return names

    @property
    def explanation(self) -> str:
        """That nothing does this, and what to do instead, in words."""
        return f"{self.record['summary']} {self.record['instead']}"


def load_gaps() -> list[Gap]:
    """Every known gap."""
    records: Json = json.loads(GAPS_FILE.read_text(encoding="utf-8"))
    return [Gap(name, record) for name, record in records.items()]
