"""Charts can be read by people who see little: measured in the pixels of the pictures, in both themes.

Lines and areas stand out by 3:1 and texts by 4.5:1, as the guidelines for web content (WCAG 2) want it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.protocol.board.page import read_page
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.tools.charts.choice import MAX_SERIES
from mcp_server_tiktok_shop.tools.charts.vega_spec import COLORS
from tests.pictures import count_colors, count_legible, count_solid_colors, is_gray, measure_contrast
from tests.tools.test_charts import DAYS, draw, parse_color

if TYPE_CHECKING:
    from PIL import Image

    from tests.conftest import Connect

MIN_MARK_RATIO, MIN_TEXT_RATIO = 3.0, 4.5
MIN_PIXELS = 60  # of a mark that is told from what softens its edges
PARTS = "SELECT i AS a, 10 + (i * 7 + s * 3) % 5 AS b, 'part ' || s AS part FROM range(1, 12) a(i), range(1, 9) b(s)"
CELLS = "SELECT i AS hour, s AS weekday, i * s AS n FROM range(0, 24) a(i), range(1, 8) b(s)"
themes = pytest.mark.parametrize("theme", ["light", "dark"])


def list_marks(picture: Image.Image) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The background, and all other colours that fill more than an edge."""
    counts = count_solid_colors(picture)
    ((background, _),) = counts.most_common(1)
    return background, [color for color, count in counts.items() if count >= MIN_PIXELS and color != background]


@pytest.fixture
def era() -> str:
    """A picture is the same in both."""
    return "legacy"


@themes
async def test_every_series_and_the_axes_stand_out(connect: Connect, theme: str) -> None:
    async with connect(sandbox="1") as client:
        for kind in ("line", "bar", "stacked", "area", "scatter"):
            chart = {"kind": kind, "x": "a", "y": "b", "series": "part", "theme": theme}
            _, _, picture = await draw(client, "query_shop", sql=PARTS, chart=chart)
            background, marks = list_marks(picture)
            pale = [color for color in marks if measure_contrast(color, background) < MIN_MARK_RATIO]
            assert [color for color in pale if not is_gray(color)] == [], f"{kind}: only the grid's lines are faint"
            assert len(pale) <= 1, kind
            assert len([color for color in marks if color not in pale]) >= MAX_SERIES + 1, f"{kind}: and the axes"


@themes
async def test_title_names_and_numbers_are_legible(connect: Connect, theme: str) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=200)) as client:
        _, _, picture = await draw(client, "query_shop", sql=DAYS, chart={"theme": theme})
    ((background, _),) = count_colors(picture).most_common(1)
    width, height = picture.size
    bands = {
        "title": (0, 0, width, 45),
        "name of the axis": (0, 45, 45, height),
        "numbers": (45, 60, 105, height - 60),
        "days": (105, height - 40, width, height),
    }
    for place, band in bands.items():
        assert count_legible(picture.crop(band), background, MIN_TEXT_RATIO) >= MIN_PIXELS, place


@themes
async def test_the_most_and_the_least_of_a_heat_map_are_told_apart(connect: Connect, theme: str) -> None:
    async with connect(sandbox="1") as client:
        _, _, picture = await draw(client, "query_shop", sql=CELLS, chart={"kind": "heat", "theme": theme})
    background, marks = list_marks(picture)
    cells = [color for color in marks if not is_gray(color)]
    ratios = [measure_contrast(one, other) for one in cells for other in cells]
    assert max(ratios) >= MIN_TEXT_RATIO
    assert max(measure_contrast(cell, background) for cell in cells) >= MIN_MARK_RATIO


def test_the_board_has_the_colours_of_the_pictures() -> None:
    pairs = re.findall(r"\.series-\d \{ --colour: light-dark\((#\w{6}), (#\w{6})\); \}", read_page())
    assert [[parse_color(color) for color in pair] for pair in pairs] == [
        [parse_color(color) for color in pair] for pair in zip(COLORS["light"], COLORS["dark"], strict=True)
    ]
