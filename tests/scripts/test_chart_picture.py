"""The chart in the README is drawn by the script that says so, and comes out the same each time."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from scripts.chart_picture import draw_chart

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "chart.png"


def test_the_picture_is_the_same_each_time_and_as_large_as_that_in_the_documents() -> None:
    content = draw_chart()
    assert content == draw_chart()
    with Image.open(PICTURE) as shown, Image.open(io.BytesIO(content)) as made:  # letters differ by the system's fonts
        assert shown.size == made.size
        assert len(shown.convert("RGB").getcolors(2**20) or ()) > 10
