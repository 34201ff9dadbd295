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
from mcp_server_tiktok_shop.platform.documents import LARGEST
from mcp_server_tiktok_shop.state.account_store import write_private

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.local_files import Files
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.documents import Documents, HandedOut

POINT = 72 / 25.4  # PDF points in a millimetre
PAPERS = {"A6": (105.0, 148.0), "A5": (148.0, 210.0), "A4": (210.0, 297.0), "4x6in": (101.6, 152.4)}
MOST_SOURCES = 50
MOST_PAGES = 500
# What the PDF library raises on damaged files, besides errors of its own.
DAMAGE = (
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
class Target:
    """What a page is to become: a paper in millimetres, or a multiple of what it is."""

    paper: tuple[float, float] | None
    scale: float
    name: str


@dataclass(frozen=True, slots=True)
class Labels:
    """`find_label` gives the document URL of a package's label; `clock` names the files."""

    files: Files
    documents: Documents
    handed_out: HandedOut
    folder: Path
    find_label: Callable[[str, str | None], Awaitable[tuple[str, SecretStr]]]
    clock: Callable[[], float]

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json:
        target = _target(values)
        package_id: str | None = values.get("package_id")
        sources: list[str] = values.get("source", [])
        if (package_id is None) == (not sources):
            raise _refused("package_id", "give package_id or source, one of them", "a package id, or a source")
        if package_id is not None:
            url, proxy = await self.find_label(package_id, shop)
            contents = [await self.documents.fetch(url, proxy)]
            name = f"label-{package_id}"
        else:
            if len(sources) > MOST_SOURCES:
                raise _refused("source", f"holds {len(sources)} items", f"at most {MOST_SOURCES} in one call")
            read = [await self._read(source, i) for i, source in enumerate(sources)]
            contents = []
            for source, content in zip(sources, read, strict=True):
                contents.append(await self.documents.fetch(source) if content is None else content)
                await caller.progress(len(contents), len(sources), "labels fetched")
            name = "labels" if len(sources) > 1 else "label"
        pdf, sizes = await asyncio.to_thread(fitted, contents, target)
        stamp = datetime.fromtimestamp(self.clock(), UTC).strftime("%Y%m%d-%H%M%S")
        path = self.folder / f"{name}-{target.name}-{stamp}-{secrets.token_hex(3)}.pdf"
        await asyncio.to_thread(write_private, path, pdf)
        return {
            "path": str(path),
            "pages": len(sizes),
            "page_sizes_mm": [list(size) for size in dict.fromkeys(sizes)],
            "bytes": len(pdf),
        }

    async def _read(self, source: str, index: int) -> bytes | None:
        """A file's content; None of a URL, which is fetched only when all sources are found to be allowed."""
        argument = f"source[{index}]"
        if "://" not in source:
            return await asyncio.to_thread(self.files.read, argument, source, LARGEST)
        if not await self.handed_out.knows(source):
            allowed = "a doc_url from get_package_shipping_document of the last 24 hours, or an allowed path"
            raise _refused(argument, "is not a document that this server was given by the platform", allowed)
        return None


def _target(values: Json) -> Target:
    width, height, scale = (values.get(name) for name in ("width_mm", "height_mm", "scale"))
    paper: str | None = values.get("paper_size")
    if (width is None) != (height is None):
        missing = "width_mm" if width is None else "height_mm"
        raise _refused(missing, "is missing beside its twin", "width_mm and height_mm together")
    ways = [n for n, way in (("paper_size", paper), ("width_mm", width), ("scale", scale)) if way is not None]
    if len(ways) > 1:
        raise _refused(ways[-1], "give one target only", "paper_size, or width_mm and height_mm, or scale")
    if scale is not None:
        return Target(None, float(scale), f"x{scale:g}")
    if width is not None and height is not None:
        return Target((float(width), float(height)), 1.0, f"{width:g}x{height:g}mm")
    return Target(PAPERS[paper or "A6"], 1.0, paper or "A6")


def fitted(contents: list[bytes], target: Target) -> tuple[bytes, list[tuple[float, float]]]:
    """One PDF of all pages, each fitted to the target and centred on it, and the page sizes in millimetres.

    Raises:
        ShopError: `invalid_arguments`, where a source is no PDF that can be read.

    """
    from pypdf import PdfWriter  # noqa: PLC0415 - heavy, and only for labels

    writer = PdfWriter()
    sizes: list[tuple[float, float]] = []
    for index, content in enumerate(contents):
        with _damage_told(index):
            sizes += [_place(writer, page, target) for page in _pages(content, index)]
        if len(sizes) > MOST_PAGES:
            raise _refused("source", f"has more than {MOST_PAGES} pages", f"at most {MOST_PAGES} pages in all")
    out = io.BytesIO()
    with _damage_told(len(contents) - 1):
        writer.write(out)
    return out.getvalue(), sizes


@contextmanager
def _damage_told(index: int) -> Iterator[None]:
    """A damaged file makes the PDF library stumble in many ways; all of them mean the same to the caller."""
    from pypdf.errors import DependencyError, PyPdfError  # noqa: PLC0415

    try:
        yield
    except (PyPdfError, DependencyError, *DAMAGE) as error:
        told = f"is a damaged PDF ({type(error).__name__})"
        raise _refused(f"source[{index}]", told, "a PDF that opens") from None


def _pages(content: bytes, index: int) -> list[Any]:
    from pypdf import PdfReader, PdfWriter  # noqa: PLC0415

    argument = f"source[{index}]"
    if not content.lstrip()[:5] == b"%PDF-":
        raise _refused(argument, "is not a PDF", "a PDF; pictures and ZPL can't be resized")
    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise _refused(argument, "is locked with a password", "a PDF that opens without a password")
    if len(reader.pages) > MOST_PAGES:
        raise _refused(argument, f"has {len(reader.pages)} pages", f"at most {MOST_PAGES} pages in all")
    pages = list(PdfWriter(clone_from=reader).pages)  # only a writer's pages can be turned upright
    for page in pages:
        page.transfer_rotation_to_content()
    if not pages:
        raise _refused(argument, "is a PDF without a page", "a PDF with pages")
    if any(float(page.cropbox.width) < 1 or float(page.cropbox.height) < 1 for page in pages):
        raise _refused(argument, "has a page without a size", "a PDF with pages that can be printed")
    return pages


def _place(writer: Any, page: Any, target: Target) -> tuple[float, float]:
    from pypdf import Transformation  # noqa: PLC0415

    box = page.cropbox
    width, height = float(box.width), float(box.height)
    if target.paper is None:
        paper = (width * target.scale, height * target.scale)
        scale = target.scale
    else:
        paper = (target.paper[0] * POINT, target.paper[1] * POINT)
        scale = min(paper[0] / width, paper[1] / height)
    across, up = (paper[0] - width * scale) / 2, (paper[1] - height * scale) / 2
    move = Transformation().translate(-float(box.left), -float(box.bottom)).scale(scale).translate(across, up)
    sheet = writer.add_blank_page(*paper)
    sheet.merge_transformed_page(page, move)
    return round(paper[0] / POINT, 1), round(paper[1] / POINT, 1)


def _refused(argument: str, message: str, allowed: str) -> ShopError:
    problem = Problem(argument, message, allowed)
    hint = "Correct it and call resize_pdf again; nothing was written."
    return ShopError("invalid_arguments", f"{argument}: {message}", hint=hint, problems=(problem,))
