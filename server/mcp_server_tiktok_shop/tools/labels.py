"""Fits labels to a printer's paper: fetched or read, merged in order, proportions kept, saved for a person to find."""

from __future__ import annotations

import asyncio
import io
import secrets
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.platform.documents import MAX_DOCUMENT_BYTES
from mcp_server_tiktok_shop.state.files.private_files import write_private_file

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.documents import DocumentFetcher
    from mcp_server_tiktok_shop.state.stores import IssuedDocuments

POINTS_PER_MM = 72 / 25.4  # PDF points in a millimetre
PAPER_SIZES_MM = {"A6": (105.0, 148.0), "A5": (148.0, 210.0), "A4": (210.0, 297.0), "4x6in": (101.6, 152.4)}
MAX_SOURCES = 50
MAX_PAGES = 500
# What the PDF library raises on damaged files, besides errors of its own.
DAMAGED_PDF_ERRORS = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    NotImplementedError,
    OSError,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class PageFormat:
    """What a page is to become: a paper in millimetres, or a multiple of what it is."""

    paper: tuple[float, float] | None
    scale: float
    name: str


@dataclass(frozen=True, slots=True)
class ResizePdfTool:
    """`find_label` gives the document URL of a package's label; `clock` names the files."""

    files: AllowedFiles
    document_fetcher: DocumentFetcher
    issued_documents: IssuedDocuments
    folder: Path
    find_label: Callable[[str, str | None], Awaitable[tuple[str, SecretStr]]]
    clock: Callable[[], float]

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json:
        page_format = _parse_page_format(values)
        package_id: str | None = values.get("package_id")
        sources: list[str] = values.get("source", [])
        if (package_id is None) == (not sources):
            raise _argument_error("package_id", "give package_id or source, one of them", "a package id, or a source")
        if package_id is not None:
            url, proxy = await self.find_label(package_id, shop)
            contents = [await self.document_fetcher.fetch(url, proxy)]
            name = f"label-{package_id}"
        else:
            if len(sources) > MAX_SOURCES:
                raise _argument_error("source", f"holds {len(sources)} items", f"at most {MAX_SOURCES} in one call")
            file_contents = [await self._read_file(source, i) for i, source in enumerate(sources)]
            contents = []
            for source, content in zip(sources, file_contents, strict=True):
                contents.append(await self.document_fetcher.fetch(source) if content is None else content)
                await caller.report_progress(len(contents), len(sources), "labels fetched")
            name = "labels" if len(sources) > 1 else "label"
        pdf, sizes = await asyncio.to_thread(resize_pages, contents, page_format)
        timestamp = datetime.fromtimestamp(self.clock(), UTC).strftime("%Y%m%d-%H%M%S")
        path = self.folder / f"{name}-{page_format.name}-{timestamp}-{secrets.token_hex(3)}.pdf"
        await asyncio.to_thread(write_private_file, path, pdf)
        return {
            "path": str(path),
            "pages": len(sizes),
            "page_sizes_mm": [list(size) for size in dict.fromkeys(sizes)],
            "bytes": len(pdf),
        }

    async def _read_file(self, source: str, index: int) -> bytes | None:
        """A file's content; None of a URL, which is fetched only when all sources are found to be allowed."""
        argument = f"source[{index}]"
        if "://" not in source:
            return await asyncio.to_thread(self.files.read, argument, source, MAX_DOCUMENT_BYTES)
        if not await self.issued_documents.is_issued(source):
            expected = "a doc_url from get_package_shipping_document of the last 24 hours, or an allowed path"
            raise _argument_error(argument, "is not a document that this server was given by the platform", expected)
        return None


def _parse_page_format(values: Json) -> PageFormat:
    width, height, scale = (values.get(name) for name in ("width_mm", "height_mm", "scale"))
    paper: str | None = values.get("paper_size")
    if (width is None) != (height is None):
        missing_name = "width_mm" if width is None else "height_mm"
        raise _argument_error(missing_name, "is missing beside its twin", "width_mm and height_mm together")
    alternatives = [
        n for n, value in (("paper_size", paper), ("width_mm", width), ("scale", scale)) if value is not None
    ]
    if len(alternatives) > 1:
        raise _argument_error(
            alternatives[-1], "give one target only", "paper_size, or width_mm and height_mm, or scale"
        )
    if scale is not None:
        return PageFormat(None, float(scale), f"x{scale:g}")
    if width is not None and height is not None:
        return PageFormat((float(width), float(height)), 1.0, f"{width:g}x{height:g}mm")
    return PageFormat(PAPER_SIZES_MM[paper or "A6"], 1.0, paper or "A6")


def resize_pages(contents: list[bytes], page_format: PageFormat) -> tuple[bytes, list[tuple[float, float]]]:
    """One PDF of all pages, each fitted to the target and centred on it, and the page sizes in millimetres.

    Raises:
        ShopError: `invalid_arguments`, where a source is no PDF that can be read.

    """
    from pypdf import PdfWriter  # noqa: PLC0415 - heavy, and only for labels

    writer = PdfWriter()
    sizes: list[tuple[float, float]] = []
    for index, content in enumerate(contents):
        with _reject_damaged_pdf(index):
            sizes += [_place_page(writer, page, page_format) for page in _read_pages(content, index)]
        if len(sizes) > MAX_PAGES:
            raise _argument_error("source", f"has more than {MAX_PAGES} pages", f"at most {MAX_PAGES} pages in all")
    buffer = io.BytesIO()
    with _reject_damaged_pdf(len(contents) - 1):
        writer.write(buffer)
    return buffer.getvalue(), sizes


@contextmanager
def _reject_damaged_pdf(index: int) -> Iterator[None]:
    """A damaged file makes the PDF library stumble in many ways; all of them mean the same to the caller."""
    from pypdf.errors import DependencyError, PyPdfError  # noqa: PLC0415

    try:
        yield
    except (PyPdfError, DependencyError, *DAMAGED_PDF_ERRORS) as error:
        message = f"is a damaged PDF ({type(error).__name__})"
        raise _argument_error(f"source[{index}]", message, "a PDF that opens") from None


def _read_pages(content: bytes, index: int) -> list[Any]:
    from pypdf import PdfReader, PdfWriter  # noqa: PLC0415

    argument = f"source[{index}]"
    if not content.lstrip()[:5] == b"%PDF-":
        raise _argument_error(argument, "is not a PDF", "a PDF; pictures and ZPL can't be resized")
    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise _argument_error(argument, "is locked with a password", "a PDF that opens without a password")
    if len(reader.pages) > MAX_PAGES:
        raise _argument_error(argument, f"has {len(reader.pages)} pages", f"at most {MAX_PAGES} pages in all")
    pages = list(PdfWriter(clone_from=reader).pages)  # only a writer's pages can be turned upright
    for page in pages:
        page.transfer_rotation_to_content()
    if not pages:
        raise _argument_error(argument, "is a PDF without a page", "a PDF with pages")
    if any(float(page.cropbox.width) < 1 or float(page.cropbox.height) < 1 for page in pages):
        raise _argument_error(argument, "has a page without a size", "a PDF with pages that can be printed")
    return pages


def _place_page(writer: Any, page: Any, page_format: PageFormat) -> tuple[float, float]:
    from pypdf import Transformation  # noqa: PLC0415

    box = page.cropbox
    width, height = float(box.width), float(box.height)
    if page_format.paper is None:
        page_size = (width * page_format.scale, height * page_format.scale)
        scale = page_format.scale
    else:
        page_size = (page_format.paper[0] * POINTS_PER_MM, page_format.paper[1] * POINTS_PER_MM)
        scale = min(page_size[0] / width, page_size[1] / height)
    offset_x, offset_y = (page_size[0] - width * scale) / 2, (page_size[1] - height * scale) / 2
    transformation = (
        Transformation().translate(-float(box.left), -float(box.bottom)).scale(scale).translate(offset_x, offset_y)
    )
    new_page = writer.add_blank_page(*page_size)
    new_page.merge_transformed_page(page, transformation)
    return round(page_size[0] / POINTS_PER_MM, 1), round(page_size[1] / POINTS_PER_MM, 1)


def _argument_error(argument: str, message: str, allowed: str) -> ShopError:
    problem = Problem(argument, message, allowed)
    hint = "Correct it and call resize_pdf again; nothing was written."
    return ShopError("invalid_arguments", f"{argument}: {message}", hint=hint, problems=(problem,))
