"""Shows a page of a PDF to the person, as a picture not meant for the model: labels carry addresses."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.caller import Picture

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.tools.pdf.resized_pdf import ResizedPdf

LIBRARY = "pypdfium2"
PICTURE_WIDTH_PX = 600
MAX_PICTURE_HEIGHT_PX = 2_000
GREYS = 16  # of a label, which is black and white
MISSING_EXTRA = (
    "To show a page, this server needs the extra `label-pictures`: install mcp-server-tiktok-shop[label-pictures] and "
    "start it again."
)
NOT_ALLOWED = "No page is shown: labels bear buyers' addresses, and this server was started to keep those back."
NO_VIEWER = "No page is shown: nobody sees a picture here."
UNREADABLE = "No page is shown: it could not be drawn."
PAGE_NOTE = "page 1, for the person to look at"


def render_first_page(content: bytes) -> bytes:
    """The first page of a PDF as PNG; empty where it can't be drawn."""
    import pypdfium2  # noqa: PLC0415 - of an extra

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError:
        return b""
    try:
        page = document[0]
        width, height = page.get_size()
        scale = min(PICTURE_WIDTH_PX / width, MAX_PICTURE_HEIGHT_PX / height)
        image = page.render(scale=scale, grayscale=True).to_pil()
        stream = io.BytesIO()
        image.quantize(GREYS).save(stream, "PNG", optimize=True)
        return stream.getvalue()
    finally:
        document.close()


class PagePictures(Struct, frozen=True):
    """Shows pages, where this server hands out buyers' data at all."""

    are_allowed: bool

    def find_obstacle(self, caller: Caller) -> str:
        """Why no page can be shown to the caller's person; empty where one can."""
        if not self.are_allowed:
            return NOT_ALLOWED
        if not caller.sees_pictures:
            return NO_VIEWER
        return "" if find_spec(LIBRARY) is not None else MISSING_EXTRA

    def show(self, resized: ResizedPdf, caller: Caller) -> str:
        """Show the first page, and say so, or why not."""
        obstacle = self.find_obstacle(caller)
        if obstacle or not resized.picture:
            return obstacle or UNREADABLE
        caller.add_picture(Picture(resized.picture, for_person_alone=True))
        return PAGE_NOTE
