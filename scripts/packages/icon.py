"""Draws the icon: a shopping bag with a spark, in two colours that read on light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from pathlib import Path

SIDE_PX = 512
OVERSAMPLING = 4  # drawn larger and scaled down: smooth edges
GROUND, BAG, SPARK = "#12324a", "#f4f6f8", "#ff8a3d"


def draw_icon(path: Path) -> None:
    """Write the icon as PNG."""
    unit = SIDE_PX * OVERSAMPLING / 100
    image = Image.new("RGBA", (SIDE_PX * OVERSAMPLING,) * 2)
    draw = ImageDraw.Draw(image)

    def scale(*numbers: float) -> list[float]:
        return [number * unit for number in numbers]

    draw.rounded_rectangle(scale(2, 2, 98, 98), radius=22 * unit, fill=GROUND)
    draw.arc(scale(36, 18, 64, 50), 180, 360, fill=BAG, width=round(5 * unit))
    draw.rounded_rectangle(scale(24, 34, 76, 80), radius=7 * unit, fill=BAG)
    draw.polygon(scale(50, 42, 54, 53, 65, 57, 54, 61, 50, 72, 46, 61, 35, 57, 46, 53), fill=SPARK)
    image.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS).save(path, optimize=True)
