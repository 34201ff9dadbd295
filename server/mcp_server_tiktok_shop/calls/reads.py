"""Executes a read: one page, several or all, projected to the fields that were asked for."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.page_buffer import PageBuffer
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.server_arguments import ALL_PAGES
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.documents import DOCUMENT_URL_FIELD
from mcp_server_tiktok_shop.platform.envelope import ApiResponse
from mcp_server_tiktok_shop.platform.large_answers import run_by_size

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.results.projection import Selection
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.paging import Paginator
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import IssuedDocuments

MAX_REASON_CHARS = 300  # characters of an error in a note
DEADLINE_MARGIN_S = 3.0  # seconds before the deadline at which no further page is begun


@dataclass(frozen=True, slots=True)
class ReadExecutor:
    """Reads one page, several or all of them; `zone` is the time zone set for all shops, if one is."""

    platform: PlatformClient
    paginator: Paginator
    result_builder: ResultBuilder
    issued_documents: IssuedDocuments
    zone: ZoneInfo | None

    async def execute(
        self, operation: Operation, values: Json, server_arguments: Json, target: Target, caller: Caller
    ) -> Json:
        """The result of a read; `values` are coerced and validated, `server_arguments` our own (`fields`, `pages`).

        Raises:
            ShopError: What the platform refused; `invalid_arguments` where `fields` names nothing that there is.

        """
        if (pages := server_arguments.get("pages")) is not None:
            max_pages = None if pages == ALL_PAGES else int(pages)
            return await self._read_pages(operation, values, server_arguments.get("fields"), max_pages, target, caller)
        zone = target.resolve_zone(self.zone)
        response = await self.platform.call(bind(operation, values, zone), target)
        if isinstance(url := response.data.get(DOCUMENT_URL_FIELD), str):
            await self.issued_documents.remember(url)
        size = response.size_bytes
        normalized = await run_by_size(size, self.result_builder.normalize, operation, values, response, zone)
        fields = server_arguments.get("fields")
        return await self.result_builder.to_result(operation, normalized, fields, target.shop, size)

    async def _read_pages(
        self,
        operation: Operation,
        values: Json,
        fields: list[str] | None,
        max_pages: int | None,
        target: Target,
        caller: Caller,
    ) -> Json:
        """One result of at most `max_pages` pages (None: all), as far as time and memory allow.

        Where it ends early it says why; an error on a later page ends it with what came before.
        """
        zone, deadline = target.resolve_zone(self.zone), self.platform.new_deadline()
        page_buffer = PageBuffer()
        selection: Selection | None = None
        page_stream = self.paginator.iter_pages(operation.name, values, target, deadline=deadline)
        async with aclosing(page_stream) as pages:
            try:
                async for page in pages:
                    response, size = ApiResponse(page.new_data, page.request_id), page.size_bytes
                    normalized = await run_by_size(
                        size, self.result_builder.normalize, operation, values, response, zone
                    )
                    # Resolved once: a field that is rare need not be on every page.
                    selection = selection or (
                        self.result_builder.resolve_selection(operation, normalized, fields) if fields else None
                    )
                    projection = await run_by_size(
                        size, self.result_builder.project, operation, normalized, fields, selection
                    )
                    await run_by_size(size, page_buffer.add, page, normalized, projection)
                    if page.rows:
                        await caller.report_progress(
                            page_buffer.row_count, page_buffer.total_count, f"{page_buffer.page_count} pages read"
                        )
                    if page.next_token is None or page_buffer.page_count == max_pages:
                        break
                    if page_buffer.is_full:
                        page_buffer.record_stop("more is not kept at once: narrow the time or the fields")
                        break
                    if self.platform.time_remaining(deadline) < DEADLINE_MARGIN_S:
                        page_buffer.record_stop("the time for one call was up")
                        break
            except ShopError as error:
                if not page_buffer.page_count:
                    raise
                page_buffer.record_stop(
                    "the next page could not be had: "
                    f"{self.result_builder.redact_text(error.message)[:MAX_REASON_CHARS]}"
                )
        return await page_buffer.to_result(self.result_builder, target.shop)
