"""Fits labels to a printer's paper: fetched or read, merged in order, saved as a file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.documents import MAX_DOCUMENT_BYTES
from mcp_server_tiktok_shop.tools.jobs.parcels import find_parcels_waiting
from mcp_server_tiktok_shop.tools.pdf.page_format import (
    DEFAULT_PAPER,
    DEFAULT_SHEET_PAPER,
    PAPER_SIZES_MM,
    PLACES,
    PageFormat,
)
from mcp_server_tiktok_shop.tools.pdf.refusals import argument_error

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.jobs.context import JobContexts
    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.documents import DocumentFetcher
    from mcp_server_tiktok_shop.state.stores import IssuedDocuments
    from mcp_server_tiktok_shop.tools.output_files import OutputFolder
    from mcp_server_tiktok_shop.tools.pdf.page_pictures import PagePictures
    from mcp_server_tiktok_shop.tools.pdf.resized_pdf import ResizedPdf
    from mcp_server_tiktok_shop.tools.pdf.worker_pool import PdfWorkerPool
    from mcp_server_tiktok_shop.tools.shipping_labels import ShippingLabelLookup

BYTES_PER_MB = 2**20
WITHOUT_ONE_HINT = "Nothing was written: leave this one out, or let waiting: true choose those that have labels."
MAX_TOTAL_BYTES = 100 * BYTES_PER_MB  # of all sources of one call
CONCURRENT_FETCHES = 4
MAX_WAITING = 200  # parcels that wait for the carrier, whose labels are put into one file
OWN_SIZE_PERCENT = (99, 101)  # of a page that comes out as large as it is, as far as anybody sees


class ResizePdfTool(Struct, frozen=True):
    """The tool `resize_pdf`; `files` may be read, and of URLs those that the platform issued may be fetched."""

    files: AllowedFiles
    document_fetcher: DocumentFetcher
    issued_documents: IssuedDocuments
    label_lookup: ShippingLabelLookup
    output_folder: OutputFolder
    pdf_workers: PdfWorkerPool
    page_pictures: PagePictures
    contexts: JobContexts

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json:
        """Resize the label of a package, or PDFs by path or URL: where the file is, its pages, sizes in mm.

        Raises:
            ShopError: `invalid_arguments` of a source or size; what a label or document can't be had for.

        """
        page_format = _parse_page_format(values)
        package_ids, sources = _name_packages(values), _name_sources(values)
        is_waiting = bool(values.get("waiting"))
        if bool(package_ids) + bool(sources) + is_waiting != 1:
            message = "give package_ids, waiting or source, one of them"
            raise argument_error("package_ids", message, "package ids, waiting: true, or sources")
        has_slips = bool(values.get("packing_slips"))
        if has_slips and sources:
            raise argument_error("packing_slips", "are of parcels, not of a source", "package_ids or waiting beside it")
        missing: list[Json] = []
        more = 0
        if is_waiting:
            package_ids, shop, more = await self._find_waiting(shop, caller)
        if package_ids:
            lacking = missing if is_waiting else None
            contents = await self._fetch_labels(package_ids, shop, caller, lacking, has_slips=has_slips)
            name = f"label-{next(iter(package_ids.values()))}" if len(package_ids) == 1 else "labels"
        else:
            contents = await self._read_sources(sources, caller)
            name = "label" if len(sources) == 1 else "labels"
        is_shown = bool(values.get("show_page"))
        has_picture = is_shown and not self.page_pictures.find_obstacle(caller)
        resized = await self.pdf_workers.resize(contents, page_format, has_picture=has_picture)
        path = await self.output_folder.save(f"{name}-{page_format.name}", "pdf", resized.content)
        picture = {"picture": self.page_pictures.show(resized, caller)} if is_shown else {}
        rest: Json = {"missing": missing} if missing else {}
        rest |= {"not_in_it": more} if more else {}
        return {"path": str(path)} | _describe(resized, package_ids) | rest | picture

    async def _find_waiting(self, shop: str | None, caller: Caller) -> tuple[dict[str, str], str | None, int]:
        """The parcels that wait for the carrier, by the argument; their shop; and how many more there are.

        Raises:
            ShopError: `not_found` where there is none; what a read was refused with.

        """
        context = await self.contexts.make(shop, caller)
        parcels = await find_parcels_waiting(context)
        if not parcels:
            raise ShopError("not_found", "No parcel is shipped and waits for the carrier.", hint="Nothing was written.")
        package_ids = {f"waiting[{index}]": parcel.id for index, parcel in enumerate(parcels[:MAX_WAITING])}
        shop_id = context.target.shop.id if context.target.shop else None
        return package_ids, shop_id, max(len(parcels) - MAX_WAITING, 0)

    async def _fetch_labels(
        self,
        package_ids: dict[str, str],
        shop: str | None,
        caller: Caller,
        missing: list[Json] | None,
        *,
        has_slips: bool,
    ) -> dict[str, bytes]:
        """The labels by the argument; with a list for those that are `missing` none of them stops the others."""
        self.pdf_workers.prepare()
        contents: dict[str, bytes] = {}
        arguments = list(package_ids)
        for first in range(0, len(arguments), CONCURRENT_FETCHES):
            batch = arguments[first : first + CONCURRENT_FETCHES]
            fetched = await asyncio.gather(
                *(self._fetch_label(name, package_ids[name], shop, missing, has_slip=has_slips) for name in batch)
            )
            for argument, content in zip(batch, fetched, strict=True):
                if content is not None:
                    _keep(contents, argument, content)
            await caller.report_progress(len(contents), len(arguments), "labels fetched")
        if missing and not contents:
            raise ShopError("platform", str(missing[0]["reason"]), hint="Nothing was written.")
        return contents

    async def _fetch_label(
        self, argument: str, package_id: str, shop: str | None, missing: list[Json] | None, *, has_slip: bool
    ) -> bytes | None:
        try:
            label = await self.label_lookup.find(package_id, shop, has_slip=has_slip)
            return await self.document_fetcher.fetch(label.url, label.proxy)
        except ShopError as error:
            if missing is None:
                raise _name_package(error, argument, package_id) from None
            missing.append({"package_id": package_id, "reason": error.message})
            return None

    async def _read_sources(self, sources: dict[str, str], caller: Caller) -> dict[str, bytes]:
        """The content of files and URLs; none is fetched before all are found to be allowed."""
        file_contents = {argument: await self._read_file(argument, source) for argument, source in sources.items()}
        self.pdf_workers.prepare()
        contents: dict[str, bytes] = {}
        for argument, content in file_contents.items():
            fetched = await self.document_fetcher.fetch(sources[argument]) if content is None else content
            _keep(contents, argument, fetched)
            await caller.report_progress(len(contents), len(sources), "labels fetched")
        return contents

    async def _read_file(self, argument: str, source: str) -> bytes | None:
        """A file's content; None of a URL."""
        if "://" not in source:
            return await asyncio.to_thread(self.files.read, argument, source, MAX_DOCUMENT_BYTES)
        if not await self.issued_documents.is_issued(source):
            expected = "a doc_url from get_package_shipping_document of the last 24 hours, or an allowed path"
            raise argument_error(argument, "is not a document that this server was given by the platform", expected)
        return None


def _name_packages(values: Json) -> dict[str, str]:
    """The packages asked for, by the argument that each came in."""
    if "package_id" in values:
        if "package_ids" in values:
            raise argument_error("package_id", "stands beside package_ids", "package_ids alone")
        return {"package_id": values["package_id"]}
    return {f"package_ids[{index}]": package_id for index, package_id in enumerate(values.get("package_ids", []))}


def _name_sources(values: Json) -> dict[str, str]:
    return {f"source[{index}]": source for index, source in enumerate(values.get("source", []))}


def _keep(contents: dict[str, bytes], argument: str, content: bytes) -> None:
    contents[argument] = content
    if sum(map(len, contents.values())) > MAX_TOTAL_BYTES:
        limit = f"{MAX_TOTAL_BYTES // BYTES_PER_MB} MB in all"
        raise argument_error(argument, f"brings the sources beyond {limit}", f"at most {limit}: use several calls")


def _name_package(error: ShopError, argument: str, package_id: str) -> ShopError:
    """The same error, saying which of the packages it is about."""
    if argument == "package_id":
        return error
    message = error.message if package_id in error.message else f"Package {package_id}: {error.message}"
    return ShopError(
        error.kind,
        message,
        hint=f"{error.hint} {WITHOUT_ONE_HINT}".strip(),
        retryable=error.retryable,
        problems=tuple(replace(problem, argument=argument) for problem in error.problems),
        code=error.code,
        request_id=error.request_id,
        **error.details,
    )


def _parse_page_format(values: Json) -> PageFormat:
    width, height, scale = (values.get(name) for name in ("width_mm", "height_mm", "scale"))
    paper: str | None = values.get("paper_size")
    sheet: str = values.get("sheet", "")
    if (width is None) != (height is None):
        missing_name = "width_mm" if width is None else "height_mm"
        raise argument_error(missing_name, "is missing beside its twin", "width_mm and height_mm together")
    alternatives = [
        n for n, value in (("paper_size", paper), ("width_mm", width), ("scale", scale)) if value is not None
    ]
    if len(alternatives) > 1:
        raise argument_error(
            alternatives[-1], "give one target only", "paper_size, or width_mm and height_mm, or scale"
        )
    first_place: int = values.get("first_place", 1)
    if first_place > 1 and sheet not in PLACES:
        raise argument_error("first_place", "is of a sheet of several labels", f"sheet {' or '.join(PLACES)} beside it")
    if first_place > PLACES.get(sheet, 1):
        raise argument_error("first_place", f"is beyond a sheet {sheet}", f"1 to {PLACES[sheet]}")
    suffix = f"-{sheet}" if sheet else ""
    if scale is not None:
        if sheet in PLACES:
            raise argument_error("scale", "says nothing of the sheet's paper", "paper_size, or width_mm and height_mm")
        return PageFormat(None, float(scale), f"x{scale:g}{suffix}", sheet)
    if width is not None and height is not None:
        return PageFormat((float(width), float(height)), 1.0, f"{width:g}x{height:g}mm{suffix}", sheet, first_place - 1)
    paper = paper or (DEFAULT_SHEET_PAPER if sheet in PLACES else DEFAULT_PAPER)
    return PageFormat(PAPER_SIZES_MM[paper], 1.0, f"{paper}{suffix}", sheet, first_place - 1)


def _describe(resized: ResizedPdf, package_ids: dict[str, str]) -> Json:
    """What a caller is to know of the new file: among it which page is whose, and how large it came out."""
    result: Json = {
        "pages": len(resized.page_sizes_mm),
        "page_sizes_mm": [list(size) for size in dict.fromkeys(resized.page_sizes_mm)],
        "page_table": [],
    }
    rows: dict[tuple[str, float, int], Json] = {}
    for part in resized.parts:
        scale_percent = round(part.scale * 100, 1)
        key = (part.argument, scale_percent, part.turn_degrees)
        if key not in rows:
            owner = {"package_id": package_ids[part.argument]} if package_ids else {"source": part.argument}
            rows[key] = owner | {"pages": []}
            is_own_size = OWN_SIZE_PERCENT[0] <= scale_percent <= OWN_SIZE_PERCENT[1]
            rows[key] |= {} if is_own_size else {"scale_percent": scale_percent}
            rows[key] |= {"turned_degrees": part.turn_degrees} if part.turn_degrees else {}
        if part.page not in rows[key]["pages"][-1:]:
            rows[key]["pages"].append(part.page)
    scales = {row.get("scale_percent") for row in rows.values()}
    if len(scales) == 1 < len(rows) and scales != {None}:  # told once, not for each of fifty labels
        result["scale_percent"] = scales.pop()
        rows = {key: {n: value for n, value in row.items() if n != "scale_percent"} for key, row in rows.items()}
    result["page_table"] = list(rows.values())
    if resized.incomplete_pages:
        pages = ", ".join(map(str, resized.incomplete_pages))
        result["note"] = f"Comments or form fields that have no stored look are left out on page {pages}."
    return result
