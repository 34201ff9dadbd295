"""The outcome of putting PDFs on paper: the new file, and what to say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import asdict

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json


class PlacedPart(Struct, frozen=True):
    """What became of a page, or of a quarter of one; `page` counts from 1."""

    argument: str
    page: int
    scale: float
    turn_degrees: int


class ResizedPdf(Struct):
    """The new file, and what there is to say of it."""

    content: bytes = b""
    page_sizes_mm: list[tuple[float, float]] = field(default_factory=list)
    parts: list[PlacedPart] = field(default_factory=list)
    incomplete_pages: list[int] = field(default_factory=list)  # without what the file says nothing of how it looks
    picture: bytes = b""  # PNG of the first page, where it was asked for and could be drawn

    def to_json(self) -> Json:
        """All but the content and the picture."""
        parts = [asdict(part) for part in self.parts]
        return {"page_sizes_mm": self.page_sizes_mm, "parts": parts, "incomplete_pages": self.incomplete_pages}

    @classmethod
    def from_json(cls, data: Json, content: bytes, picture: bytes) -> ResizedPdf:
        sizes = [(width, height) for width, height in data["page_sizes_mm"]]
        return cls(content, sizes, [PlacedPart(**part) for part in data["parts"]], data["incomplete_pages"], picture)
