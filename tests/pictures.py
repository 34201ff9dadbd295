"""What is measured of pictures: colours, how they stand out from each other, where they fill more than an edge."""

from __future__ import annotations

from collections import Counter

from PIL import Image, ImageChops

Color = tuple[int, ...]
MAX_PALE_GRAY = 24  # between the channels of what is gray, softened edges included
NO_COLOR = (255, 0, 254)  # stands for what is not looked at, and occurs in no picture of ours


def measure_contrast(one: Color, other: Color) -> float:
    """The contrast ratio of the guidelines for web content (WCAG 2), 1 to 21."""
    low, high = sorted((_measure_luminance(one), _measure_luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _measure_luminance(color: Color) -> float:
    channels = [each / 255 for each in color[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def count_colors(picture: Image.Image) -> Counter[Color]:
    """How many pixels there are of each colour."""
    found = picture.getcolors(picture.width * picture.height) or ()
    return Counter({color: count for count, color in found if isinstance(color, tuple)})


def count_solid_colors(picture: Image.Image) -> Counter[Color]:
    """The same of pixels that are alike with those to the right and below: edges that were softened are left out."""
    unlike = Image.new("L", picture.size)
    for right, below in ((1, 0), (0, 1), (1, 1)):
        difference = ImageChops.difference(picture, ImageChops.offset(picture, -right, -below))
        for channel in difference.split():
            unlike = ImageChops.lighter(unlike, channel)
    edges = unlike.point([0] + [255] * 255)
    counts = count_colors(Image.composite(Image.new("RGB", picture.size, NO_COLOR), picture, edges))
    del counts[NO_COLOR]
    return counts


def is_gray(color: Color) -> bool:
    return max(color) - min(color) <= MAX_PALE_GRAY


def count_legible(picture: Image.Image, background: Color, ratio: float) -> int:
    """How many gray pixels, as text has them, stand out from the background by this ratio."""
    colors = count_colors(picture).items()
    return sum(count for color, count in colors if is_gray(color) and measure_contrast(color, background) >= ratio)
