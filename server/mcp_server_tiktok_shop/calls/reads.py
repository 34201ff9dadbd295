"""A read from its checked values to the part of the answer that was asked for; one page, several, or all."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.page_buffer import PageBuffer
from mcp_server_tiktok_shop.calls.results.json_paths import find_values
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.common_arguments import ALL_PAGES
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.envelope import ApiResponse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.paging import Paginator
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.results.projection import Selection
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.related_reads import RelatedRead
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import IssuedDocuments

log = logging.getLogger(__name__)

DOCUMENT_URL_FIELD = "doc_url"
MAX_REASON_CHARS = 300  # characters of an error in a note
DEADLINE_MARGIN_S = 3.0  # seconds before the deadline at which no further page is begun


@dataclass(frozen=True, slots=True)
class ReadExecutor:
    """`zone` is the time zone set for all shops, if one is; what is `excluded` is not looked up either."""

    catalog: Catalog
    platform: PlatformClient
    paginator: Paginator
    result_builder: ResultBuilder
    issued_documents: IssuedDocuments
    zone: ZoneInfo | None
    excluded_tools: frozenset[str]

    async def execute(
        self, operation: Operation, values: Json, server_arguments: Json, target: Target, caller: Caller
    ) -> Json:
        """The result of a read, as it is told."""
        if (pages := server_arguments.get("pages")) is not None:
            max_pages = None if pages == ALL_PAGES else int(pages)
            return await self._read_pages(operation, values, server_arguments.get("fields"), max_pages, target, caller)
        zone = target.resolve_zone(self.zone)
        response = await self.platform.call(bind(operation, values, zone), target)
        if isinstance(url := response.data.get(DOCUMENT_URL_FIELD), str):
            await self.remember_document(url)
        normalized = self.result_builder.normalize(operation, values, response, zone)
        return await self.result_builder.to_result(operation, normalized, server_arguments.get("fields"), target.shop)

    async def _read_pages(
        self,
        operation: Operation,
        values: Json,
        fields: list[str] | None,
        max_pages: int | None,
        target: Target,
        caller: Caller,
    ) -> Json:
        """Pages, one after the other, as far as wanted and as time and room allow; never a part unsaid."""
        zone, deadline = target.resolve_zone(self.zone), self.platform.new_deadline()
        page_buffer = PageBuffer()
        selection: Selection | None = None
        page_stream = self.paginator.iter_pages(operation.name, values, target, deadline=deadline)
        async with aclosing(page_stream) as pages:
            try:
                async for page in pages:
                    response = ApiResponse(replace_rows(page.data, page.list_path, page.rows), page.request_id)
                    normalized = self.result_builder.normalize(operation, values, response, zone)
                    # Judged once: a field that is rare need not be on every page.
                    selection = selection or (
                        self.result_builder.resolve_selection(operation, normalized, fields) if fields else None
                    )
                    page_buffer.add(
                        page, normalized, self.result_builder.project(operation, normalized, fields, selection)
                    )
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

    async def read_current_state(self, related_read: RelatedRead, target: Target) -> list[tuple[str, Any]]:
        """What a look before a write tells, path by path; what is not there is told, too."""
        operation = self.catalog.operations[related_read.operation]
        if operation.name in self.excluded_tools:
            return []
        values, problems = coerce_arguments(operation, related_read.values)
        validate(operation, values, problems)  # an id that a body takes need not be one that a path does
        zone = target.resolve_zone(self.zone)
        response = await self.platform.call(bind(operation, values, zone), target)
        normalized = self.result_builder.normalize(operation, values, response, zone)
        missing_rows = [("not found", missing_id) for missing_id in normalized.get("not_found", ())]
        return [*_iter_current_values(normalized["data"], related_read), *missing_rows]

    async def remember_document(self, url: str) -> None:
        """Remember a document's link, so that it may be fetched."""
        try:
            await self.issued_documents.remember(url)
        except (OSError, TimeoutError) as error:  # the call itself is done; resize_pdf can still go by package_id
            log.warning("a document's link could not be remembered: %s", type(error).__name__)


def replace_rows(data: Json, path: str, rows: list[Any]) -> Json:
    """The data with other rows in the list at a path; as it is where there is no such path."""
    if not path:
        return data
    name, _, inner_path = path.partition(".")
    if not inner_path:
        return {**data, name: rows}
    inner = data.get(name)
    return {**data, name: replace_rows(inner if isinstance(inner, dict) else {}, inner_path, rows)}


def _iter_current_values(data: Json, related_read: RelatedRead) -> Iterator[tuple[str, str]]:
    """What is told, by path; of a list item by item, those that the write names before all others."""
    lists: dict[str, list[str]] = {}
    for path in related_read.response_paths:
        name, _, inner_path = path.partition(".")
        if isinstance(data.get(name), list) and inner_path:
            lists.setdefault(name, []).append(inner_path)
        elif value := _join_values(find_values(data, path.split("."))):
            yield path, value
    for name, fields in lists.items():
        rows = [row for row in data[name] if isinstance(row, dict)]
        named_rows = [row for row in rows if related_read.subject_ids & {str(row.get("id")), str(row.get("order_id"))}]
        for index, row in enumerate(named_rows or rows):
            for field in fields:
                if value := _join_values(find_values(row, field.split("."))):
                    yield f"{name}[{index}].{field}" if len(rows) > 1 else f"{name}.{field}", value


def _join_values(values: list[Any]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))
