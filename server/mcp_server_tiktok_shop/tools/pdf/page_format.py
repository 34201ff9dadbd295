"""The format of the result: a paper or a scale, and how many pages share a sheet."""

from __future__ import annotations

from msgspec import Struct

from mcp_server_tiktok_shop.tools.pdf.geometry import Box

POINTS_PER_MM = 72 / 25.4  # PDF points in a millimetre
PAPER_SIZES_MM = {
    "A6": (105.0, 148.0),
    "A5": (148.0, 210.0),
    "A4": (210.0, 297.0),
    "4x6in": (101.6, 152.4),
    "Letter": (215.9, 279.4),
}
DEFAULT_PAPER, DEFAULT_SHEET_PAPER = "A6", "A4"
TWO_UP, FOUR_UP, SPLIT_FOUR_UP = "2-up", "4-up", "split-4-up"
PLACES = {TWO_UP: 2, FOUR_UP: 4}  # on one sheet


class PageFormat(Struct, frozen=True):
    """A paper in millimetres, or a multiple of what a page is; `sheet` lays several on one, or takes one apart.

    Of the first sheet `skipped_cells` are left as they are: labels were peeled off there before.
    """

    paper: tuple[float, float] | None
    scale: float
    name: str
    sheet: str = ""
    skipped_cells: int = 0

    @property
    def paper_box(self) -> Box | None:
        """The paper in points."""
        if self.paper is None:
            return None
        return Box(0, 0, self.paper[0] * POINTS_PER_MM, self.paper[1] * POINTS_PER_MM)

    @property
    def cells(self) -> tuple[Box, ...]:
        """Where pages go on one paper; nowhere, where each keeps a paper of its own size."""
        if self.paper_box is None:
            return ()
        if self.sheet == TWO_UP:
            return self.paper_box.split_into_halves()
        return self.paper_box.split_into_quarters() if self.sheet == FOUR_UP else (self.paper_box,)

    @property
    def splits_pages(self) -> bool:
        return self.sheet == SPLIT_FOUR_UP
