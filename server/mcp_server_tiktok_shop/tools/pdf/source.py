"""Reads a PDF's pages as a viewer shows them: the visible box, upright, in points."""

from __future__ import annotations

import io
import math
from typing import Any

from msgspec import Struct
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

from mcp_server_tiktok_shop.tools.pdf.geometry import Box, Matrix, scale_by, turn_clockwise
from mcp_server_tiktok_shop.tools.pdf.refusals import argument_error

HEADER = b"%PDF-"
MAX_HEADER_OFFSET_BYTES = 1024  # as far in as viewers look for it: a mark or a mail's head may stand before
MAX_PAGES = 500
MIN_SIDE_POINTS = 1.0
NO_RESOURCES = DictionaryObject()


class SourcePage(Struct, frozen=True):
    """A page as its file has it: `box` is what is seen of it, in its own units, before it is turned by `rotation`."""

    attributes: DictionaryObject
    box: Box
    rotation: int
    user_unit: float

    @property
    def upright_matrix(self) -> Matrix:
        """From the page's own units to points, the corner of what is shown at the origin."""
        return turn_clockwise(self.box, self.rotation).then(scale_by(self.user_unit, self.user_unit))

    @property
    def shown_box(self) -> Box:
        return self.box.map_by(self.upright_matrix)

    @property
    def resources(self) -> DictionaryObject:
        resources = self.attributes.get("/Resources")
        resources = resources.get_object() if resources is not None else None
        return resources if isinstance(resources, DictionaryObject) else NO_RESOURCES

    @property
    def content_streams(self) -> list[StreamObject]:
        """What draws the page, in order; nothing, of an empty page.

        Raises:
            ValueError: where a part of it is missing: a label without it would be no label.

        """
        contents = self.attributes.get("/Contents", ArrayObject()).get_object()
        parts = [part.get_object() for part in (contents if isinstance(contents, ArrayObject) else [contents])]
        streams = [part for part in parts if isinstance(part, StreamObject)]
        if len(streams) < len(parts):
            raise ValueError("a part of a page is missing")
        return streams


def open_pdf(content: bytes, argument: str) -> PdfReader:
    """The file, ready to be read.

    Raises:
        ShopError: `invalid_arguments`, where it is no PDF or is locked.

    """
    start = content.find(HEADER, 0, MAX_HEADER_OFFSET_BYTES + len(HEADER))
    if start < 0:
        raise argument_error(argument, "is not a PDF", "a PDF; pictures and ZPL can't be resized")
    reader = PdfReader(io.BytesIO(content[start:]))
    if reader.is_encrypted and not reader.decrypt(""):
        raise argument_error(argument, "is locked with a password", "a PDF that opens without a password")
    return reader


def read_pages(reader: PdfReader, argument: str) -> list[SourcePage]:
    """All pages of a file.

    Raises:
        ShopError: `invalid_arguments`, where there are none, too many, or one has no size.

    """
    count = len(reader.pages)
    if not count:
        raise argument_error(argument, "is a PDF without a page", "a PDF with pages")
    if count > MAX_PAGES:
        raise argument_error(argument, f"has {count} pages", f"at most {MAX_PAGES} pages in all")
    pages = [_read_page(page) for page in reader.pages]
    if any(min(page.shown_box.width, page.shown_box.height) < MIN_SIDE_POINTS for page in pages):
        raise argument_error(argument, "has a page without a size", "a PDF with pages that can be printed")
    return pages


def _read_page(page: DictionaryObject) -> SourcePage:
    media = read_box(page["/MediaBox"])
    box = read_box(page["/CropBox"]).intersect(media) if "/CropBox" in page else media
    if box.width <= 0 or box.height <= 0:
        box = media  # where the two don't meet, the whole page is better than none
    rotation = _read_number(page.get("/Rotate", 0))
    user_unit = _read_number(page.get("/UserUnit", 1))
    return SourcePage(
        page,
        box,
        rotation=int(rotation) % 360 if rotation % 90 == 0 else 0,
        user_unit=user_unit if user_unit > 0 else 1.0,
    )


def read_box(value: Any) -> Box:
    """A box from any two of its opposite corners.

    Raises:
        ValueError: where it isn't four numbers.

    """
    x0, y0, x1, y1 = read_numbers(value, 4)
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def read_numbers(value: Any, count: int) -> list[float]:
    """The numbers of an array.

    Raises:
        ValueError: where it isn't so many, or one has no end.

    """
    numbers = [_read_number(number) for number in value.get_object()]
    if len(numbers) != count:
        raise ValueError(f"{count} numbers are expected")
    return numbers


def _read_number(value: Any) -> float:
    number = float(value.get_object() if hasattr(value, "get_object") else value)
    if not math.isfinite(number):
        raise ValueError("a number has no end")
    return number
