"""Makes one PDF of the labels of many parcels, waiting for those that the platform is still making."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.pdf.page_format import PAPER_SIZES_MM, PageFormat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.platform.client import Runtime
    from mcp_server_tiktok_shop.platform.documents import DocumentFetcher
    from mcp_server_tiktok_shop.tools.output_files import OutputFolder
    from mcp_server_tiktok_shop.tools.pdf.page_pictures import PagePictures
    from mcp_server_tiktok_shop.tools.pdf.worker_pool import PdfWorkerPool
    from mcp_server_tiktok_shop.tools.shipping_labels import ShippingLabelLookup

POLL_INTERVAL_S = 1.5
POLL_PROGRESS = 0.01  # of a label, that a round of waiting counts for: progress has to rise
CONCURRENT_FETCHES = 4
BYTES_PER_MB = 2**20
MAX_TOTAL_BYTES = 100 * BYTES_PER_MB  # of all labels of one file


class LabelFile(Struct, frozen=True):
    """One PDF of labels: `pages` are the numbers, from 1, of each parcel's pages, by package id.

    `missing` says of the other parcels why their labels are not in it. `path` is None where there is no file. `picture`
    says whether the first page is shown; empty where nobody asked for it.
    """

    path: Path | None = None
    pages: dict[str, list[int]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    picture: str = ""


class LabelFileMaker(Struct, frozen=True):
    """Looks up, fetches, joins and saves labels; `runtime` is what waiting goes by."""

    label_lookup: ShippingLabelLookup
    document_fetcher: DocumentFetcher
    output_folder: OutputFolder
    pdf_workers: PdfWorkerPool
    page_pictures: PagePictures
    runtime: Runtime

    async def make(
        self,
        shops: Mapping[str, str | None],
        paper: str,
        wait_s: float,
        caller: Caller,
        *,
        is_shown: bool = False,
        has_slips: bool = False,
    ) -> LabelFile:
        """The labels of these parcels in this order, as far as they can be had within so many seconds.

        `shops` are the parcels' shops by package id, as a caller would name them.
        Where it `is_shown`, the person sees the first page; where it `has_slips`, each packing slip follows its label.

        It never fails, since the parcels are shipped: what can't be had, or put on paper, is missing and says why.
        """
        self.pdf_workers.prepare()
        deadline = self.runtime.monotonic() + wait_s
        contents, missing = await self._fetch_all(shops, deadline, caller, has_slips=has_slips)
        if not contents:
            return LabelFile(missing=missing)
        ordered_contents = {package_id: contents[package_id] for package_id in shops if package_id in contents}
        page_format = PageFormat(PAPER_SIZES_MM[paper], 1.0, paper)
        try:
            has_picture = is_shown and not self.page_pictures.find_obstacle(caller)
            resized = await self.pdf_workers.resize(ordered_contents, page_format, has_picture=has_picture)
            path = await self.output_folder.save(f"labels-{page_format.name}", "pdf", resized.content)
        except ShopError as error:
            return LabelFile(missing=missing | dict.fromkeys(ordered_contents, error.message))
        pages: dict[str, list[int]] = {}
        for part in resized.parts:
            pages.setdefault(part.argument, []).append(part.page)
        return LabelFile(path, pages, missing, self.page_pictures.show(resized, caller) if is_shown else "")

    async def _fetch_all(
        self, shops: Mapping[str, str | None], deadline: float, caller: Caller, *, has_slips: bool
    ) -> tuple[dict[str, bytes], dict[str, str]]:
        """The labels by package id, and of the others why they did not come."""
        contents: dict[str, bytes] = {}
        errors: dict[str, ShopError] = {}
        pending_ids = list(shops)
        slots = asyncio.Semaphore(CONCURRENT_FETCHES)

        async def fetch(package_id: str) -> None:
            remaining_s = max(deadline - self.runtime.monotonic(), POLL_INTERVAL_S)
            try:
                async with asyncio.timeout(remaining_s), slots:
                    label = await self.label_lookup.find(package_id, shops[package_id], has_slip=has_slips)
                    content = await self.document_fetcher.fetch(label.url, label.proxy)
            except ShopError as error:
                errors[package_id] = error
            except TimeoutError:
                errors[package_id] = ShopError("platform", "The label did not come in time.", retryable=True)
            else:
                contents[package_id] = content
                errors.pop(package_id, None)
                await caller.report_progress(len(contents), len(shops), "labels fetched")

        rounds = 0
        while pending_ids:
            await asyncio.gather(*map(fetch, pending_ids))
            pending_ids = [i for i in pending_ids if i in errors and errors[i].retryable]
            if not pending_ids or self.runtime.monotonic() + POLL_INTERVAL_S >= deadline:
                break
            rounds += 1
            done = len(contents) + rounds * POLL_PROGRESS
            await caller.report_progress(done, len(shops), f"waiting for {len(pending_ids)} labels")
            await self.runtime.sleep(POLL_INTERVAL_S)
        _limit_size(contents, errors)
        return contents, {package_id: error.message for package_id, error in errors.items()}


def _limit_size(contents: dict[str, bytes], errors: dict[str, ShopError]) -> None:
    """Take out what goes beyond the size of one file."""
    total = 0
    for package_id, content in list(contents.items()):
        total += len(content)
        if total > MAX_TOTAL_BYTES:
            del contents[package_id]
            message = f"one file takes {MAX_TOTAL_BYTES // BYTES_PER_MB} MB of labels, and this one goes beyond"
            errors[package_id] = ShopError("platform", message)
