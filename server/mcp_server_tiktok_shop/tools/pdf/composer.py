"""Composes one PDF: each page of the sources becomes a form, drawn through a matrix where it belongs on paper."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from msgspec import Struct
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, FloatObject, NameObject

from mcp_server_tiktok_shop.tools.pdf.annotations import find_appearance, lacks_appearance, list_annotations
from mcp_server_tiktok_shop.tools.pdf.geometry import IDENTITY, enlarge, fit
from mcp_server_tiktok_shop.tools.pdf.layers import Layers
from mcp_server_tiktok_shop.tools.pdf.page_format import POINTS_PER_MM
from mcp_server_tiktok_shop.tools.pdf.refusals import argument_error, reject_damaged_pdf
from mcp_server_tiktok_shop.tools.pdf.resized_pdf import PlacedPart, ResizedPdf
from mcp_server_tiktok_shop.tools.pdf.source import MAX_PAGES, open_pdf, read_pages

if TYPE_CHECKING:
    from pypdf import PdfReader
    from pypdf.generic import PdfObject, StreamObject

    from mcp_server_tiktok_shop.tools.pdf.geometry import Box, Matrix, Placement
    from mcp_server_tiktok_shop.tools.pdf.page_format import PageFormat
    from mcp_server_tiktok_shop.tools.pdf.source import SourcePage

PDF_HEADER = "%PDF-1.7"  # of an older version, viewers may pass over layers and transparency
BYTES_PER_MB = 2**20
MAX_CONTENT_BYTES = 200 * BYTES_PER_MB  # of all pages' drawing instructions, unpacked and packed again


class Drawing(Struct, frozen=True):
    """One thing that is drawn of a page: a form, the map to the page's own units, the layer it belongs to."""

    form: PdfObject
    matrix: Matrix
    layer: PdfObject | None = None


class Part(Struct, frozen=True):
    """A piece of a page as it is shown, the whole of it or a quarter, and what is drawn there."""

    argument: str
    page: SourcePage
    box: Box
    drawings: list[Drawing]
    is_complete: bool
    group: PdfObject | None


def resize_pages(contents: dict[str, bytes], page_format: PageFormat) -> ResizedPdf:
    """One PDF of all pages, each fitted to its place on the paper.

    Raises:
        ShopError: `invalid_arguments`, where a source is no PDF that can be read, or there are too many pages.

    """
    composer = _Composer(page_format)
    for argument, content in contents.items():
        with reject_damaged_pdf(argument):
            composer.add(argument, content)
    with reject_damaged_pdf(argument):
        return composer.compose()


class _Composer:
    def __init__(self, page_format: PageFormat) -> None:
        self._format = page_format
        self._writer = PdfWriter()
        self._writer.pdf_header = PDF_HEADER
        self._layers = Layers()
        self._result = ResizedPdf()
        self._parts: list[Part] = []
        self._readers: list[PdfReader] = []  # kept: clones and packed contents are known by their source's identity
        self._packed_contents: dict[tuple[int, ...], bytes] = {}
        self._resources: dict[int, PdfObject] = {}
        self._content_bytes = 0

    def add(self, argument: str, content: bytes) -> None:
        """Take in a file's pages, in their order."""
        reader = open_pdf(content, argument)
        self._readers.append(reader)
        self._layers.add(reader, self._writer)
        for page in read_pages(reader, argument):
            annotations = list_annotations(page)
            drawings = [self._draw_content(page, argument), *self._draw_annotations(annotations, page)]
            is_complete = not any(lacks_appearance(annotation, page) for annotation in annotations)
            group = page.attributes.get("/Group")
            group = group.get_object().clone(self._writer) if group is not None else None
            boxes = page.shown_box.split_into_quarters() if self._format.splits_pages else (page.shown_box,)
            self._parts += [Part(argument, page, box, drawings, is_complete, group) for box in boxes]
            if len(self._parts) > MAX_PAGES:
                message = f"goes beyond {MAX_PAGES} pages"
                raise argument_error(argument, message, f"at most {MAX_PAGES} pages in all")

    def compose(self) -> ResizedPdf:
        """Lay the pages out and write the file."""
        result, first = self._result, 0
        while first < len(self._parts):
            cells = self._format.cells[self._format.skipped_cells if first == 0 else 0 :]
            parts = self._parts[first : first + (len(cells) or 1)]
            first += len(parts)
            if cells:
                placements = [fit(part.box, cell) for part, cell in zip(parts, cells, strict=False)]
            else:
                placements = [enlarge(part.box, self._format.scale) for part in parts]
            sheet = self._format.paper_box or placements[0].room
            self._write_page(sheet, parts, placements)
            result.page_sizes_mm.append((round(sheet.width / POINTS_PER_MM, 1), round(sheet.height / POINTS_PER_MM, 1)))
            result.parts += [
                PlacedPart(part.argument, len(result.page_sizes_mm), placement.scale, placement.turn_degrees)
                for part, placement in zip(parts, placements, strict=True)
            ]
            if not all(part.is_complete for part in parts):
                result.incomplete_pages.append(len(result.page_sizes_mm))
        self._layers.write_to(self._writer)
        buffer = io.BytesIO()
        self._writer.write(buffer)
        result.content = buffer.getvalue()
        return result

    def _draw_content(self, page: SourcePage, argument: str) -> Drawing:
        """A page's own content as a form: patterns move along, and an unbalanced state can't leave it."""
        form = DecodedStreamObject()
        form.set_data(self._pack_content(page.content_streams, argument))
        box = page.box
        form.update(
            {
                NameObject("/Filter"): NameObject("/FlateDecode"),
                NameObject("/Type"): NameObject("/XObject"),
                NameObject("/Subtype"): NameObject("/Form"),
                NameObject("/BBox"): ArrayObject(map(FloatObject, (box.left, box.bottom, box.right, box.top))),
                NameObject("/Resources"): self._copy_resources(page),
            }
        )
        return Drawing(self._register(form), IDENTITY)

    def _pack_content(self, streams: list[StreamObject], argument: str) -> bytes:
        """A page's drawing instructions as one stream, packed once for all pages that share them."""
        key = tuple(map(id, streams))
        if key not in self._packed_contents:
            contents = []
            for stream in streams:
                contents.append(stream.get_data())
                self._count_content(len(contents[-1]), argument)
            self._packed_contents[key] = zlib.compress(b"\n".join(contents))
        packed = self._packed_contents[key]
        self._count_content(len(packed), argument)
        return packed

    def _count_content(self, size: int, argument: str) -> None:
        self._content_bytes += size
        if self._content_bytes > MAX_CONTENT_BYTES:
            message = f"has pages that unpack to more than {MAX_CONTENT_BYTES // BYTES_PER_MB} MB"
            raise argument_error(argument, message, "simpler pages, or fewer in one call")

    def _copy_resources(self, page: SourcePage) -> PdfObject:
        """A page's fonts and pictures; those that pages inherit are copied once for all."""
        resources = page.resources
        if id(resources) not in self._resources:
            self._resources[id(resources)] = self._register(resources.clone(self._writer))
        return self._resources[id(resources)]

    def _draw_annotations(self, annotations: list[DictionaryObject], page: SourcePage) -> list[Drawing]:
        drawings = []
        for appearance in filter(None, (find_appearance(annotation, page) for annotation in annotations)):
            form = appearance.form.clone(self._writer)
            form[NameObject("/Type")] = NameObject("/XObject")
            form[NameObject("/Subtype")] = NameObject("/Form")
            if "/Resources" not in form:
                form[NameObject("/Resources")] = self._copy_resources(page)
            layer = self._register(appearance.layer.clone(self._writer)) if appearance.layer is not None else None
            drawings.append(Drawing(self._register(form), appearance.matrix, layer))
        return drawings

    def _write_page(self, sheet: Box, parts: list[Part], placements: list[Placement]) -> None:
        page = self._writer.add_blank_page(sheet.width, sheet.height)
        forms, layers, lines = DictionaryObject(), DictionaryObject(), []
        for part, placement in zip(parts, placements, strict=True):
            room = placement.room
            lines.append(f"q {_write_numbers(room.left, room.bottom, room.width, room.height)} re W n")
            lines.append(f"{_write_numbers(*part.page.upright_matrix.then(placement.matrix))} cm")
            for drawing in part.drawings:
                form_name = NameObject(f"/P{len(forms)}")
                forms[form_name] = drawing.form
                line = f"q {_write_numbers(*drawing.matrix)} cm {form_name} Do Q"
                if drawing.layer is not None:
                    layer_name = NameObject(f"/L{len(layers)}")
                    layers[layer_name] = drawing.layer
                    line = f"/OC {layer_name} BDC {line} EMC"
                lines.append(line)
            lines.append("Q")
        content = DecodedStreamObject()
        content.set_data("\n".join(lines).encode())
        page[NameObject("/Contents")] = self._register(content)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/XObject"): forms} | ({NameObject("/Properties"): layers} if layers else {})
        )
        # A page that mixes colours does so in its own way: so does the one that it stands on.
        if group := next((part.group for part in parts if part.group is not None), None):
            page[NameObject("/Group")] = group

    def _register(self, item: PdfObject) -> PdfObject:
        """The reference by which other objects name this one."""
        reference = getattr(item, "indirect_reference", None)
        return reference or self._writer._add_object(item)  # noqa: SLF001 - there is no public way


def _write_numbers(*numbers: float) -> str:
    return " ".join(f"{number:.6f}" for number in numbers)
