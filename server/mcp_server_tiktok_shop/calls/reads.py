"""Executes a read at one shop: one page, several or all, projected to the fields that were asked for."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.copy_choice import CopyRequest, sort_rows
from mcp_server_tiktok_shop.calls.own_orders import OwnOrdersReader, list_ids
from mcp_server_tiktok_shop.calls.page_buffer import PageBuffer
from mcp_server_tiktok_shop.calls.page_collector import CLOSING_S
from mcp_server_tiktok_shop.calls.results.field_paths import ALL_FIELDS
from mcp_server_tiktok_shop.calls.results.normalized_answers import EMPTY_DATA, NOTHING_FOUND
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.server_arguments import ALL_PAGES
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.documents import DOCUMENT_URL_FIELD
from mcp_server_tiktok_shop.platform.envelope import ApiResponse
from mcp_server_tiktok_shop.platform.large_answers import run_by_size
from mcp_server_tiktok_shop.table_files.file_names import parse_file_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.copy_choice import CopyChooser
    from mcp_server_tiktok_shop.calls.page_collector import PageCollector
    from mcp_server_tiktok_shop.calls.page_file import PageFile
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.results.projection import Selection
    from mcp_server_tiktok_shop.calls.shared_progress import ReportProgress
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.order_owners import OrderOwners
    from mcp_server_tiktok_shop.platform.paging import Paginator
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import IssuedDocuments
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder

SMALL_ANSWER_BYTES = 1_500  # of an answer that is shown with all its fields: a part of it would spare next to nothing
MAX_REASON_CHARS = 300  # characters of an error in a note
UNLIMITED_BYTES = 2**40  # of a result that is fitted later


class ReadExecutor(Struct, frozen=True):
    """Reads one page, several or all of them, for a result or a file; `zone` is set for all shops, if one is.

    Of several pages come at most `max_rows` rows, 0: as many as there is room for. `shop_count` says that it reads at
    one of so many shops whose answers become one result, by one `deadline`; 0: at one alone, by a deadline of its own.
    """

    platform: PlatformClient
    paginator: Paginator
    result_builder: ResultBuilder
    issued_documents: IssuedDocuments
    export_folder: ExportFolder
    operations: OperationDirectory
    order_owners: OrderOwners
    get_copy_chooser: Callable[[], CopyChooser]
    zone: ZoneInfo | None
    max_rows: int = 0
    shop_count: int = 0
    deadline: float | None = None

    def share(self, shop_count: int) -> ReadExecutor:
        """What reads at one of so many shops: with its share of rows, and a result that is fitted with the others."""
        result_builder = replace(self.result_builder, max_bytes=UNLIMITED_BYTES)
        max_rows = self.max_rows and max(1, self.max_rows // shop_count)
        deadline = self.platform.new_deadline()
        return replace(self, result_builder=result_builder, max_rows=max_rows, shop_count=shop_count, deadline=deadline)

    def _find_deadline(self) -> float:
        return self.platform.new_deadline() if self.deadline is None else self.deadline

    async def execute(
        self, operation: Operation, values: Json, server_arguments: Json, target: Target, report: ReportProgress
    ) -> Json:
        """The result of a read; `values` are coerced and validated. Where nothing is found the list is there, empty.

        `server_arguments` are our own: `fields`, `pages`, `save_as`, which reads all pages where none are named.

        Raises:
            ShopError: What the platform refused; `invalid_arguments` where `fields` names nothing that there is.

        """
        result = await self._execute(operation, values, server_arguments, target, report)
        if result["data"] in EMPTY_DATA and str(result.get("note", "")).startswith(NOTHING_FOUND):
            name = find_main_list(self.result_builder.catalog.get_response_shape(operation))
            fields = server_arguments.get("fields") or [ALL_FIELDS]
            if name and any(field == ALL_FIELDS or field.startswith(name) for field in fields):
                result["data"] = {name: []} | result["data"]
        return result

    async def _execute(
        self, operation: Operation, values: Json, server_arguments: Json, target: Target, report: ReportProgress
    ) -> Json:
        zone, fields = target.resolve_zone(self.zone), server_arguments.get("fields")
        if (request := CopyRequest.read(operation, values, server_arguments, zone)) is not None:
            return await self._read_chosen(operation, request, fields, target, report)
        if "save_as" in server_arguments:
            with self.open_file(operation, server_arguments, zone) as page_file:
                await self.read_pages(operation, values, server_arguments, target, report, page_file)
                return await page_file.to_result(target.shop)
        if "pages" in server_arguments:
            page_buffer = PageBuffer(self.result_builder, operation, fields, self.shop_count)
            await self.read_pages(operation, values, server_arguments, target, report, page_buffer)
            return await page_buffer.to_result(target.shop)
        response = await self._call(operation, values, target)
        await self._remember_document(response.data)
        if fields is None and 0 < response.size_bytes <= SMALL_ANSWER_BYTES:
            fields = []  # all of them
        return await self.result_builder.read(operation, values, response, zone, fields, target.shop)

    async def _call(self, operation: Operation, values: Json, target: Target) -> ApiResponse:
        """The platform's answer; at one of several shops to a batch of ids, about those that it has.

        Raises:
            ShopError: What the platform refused; where none of the ids is the shop's, that.

        """
        deadline, zone = self._find_deadline(), target.resolve_zone(self.zone)
        rule = operation.record.get("answers_each")
        if not self.shop_count or rule is None or target.shop is None:
            return await self.platform.call(bind(operation, values, zone), target, deadline=deadline)
        ids, list_name = values[rule["argument"]], rule["list"]

        async def call(some: list[str]) -> ApiResponse:
            part = values | {rule["argument"]: some}
            return await self.platform.call(bind(operation, part, zone), target, deadline=deadline)

        reader = OwnOrdersReader(
            call, lambda response: list_ids(response.data.get(list_name)), target.shop.id, self.order_owners
        )
        responses = await reader.read_own(ids) or [await call(ids)]  # what is known to be elsewhere, TikTok refuses
        rows = [row for response in responses for row in response.data.get(list_name) or ()]
        places = {order_id: place for place, order_id in enumerate(ids)}
        rows.sort(key=lambda row: places.get("".join(list_ids([row])), len(ids)))  # as they were asked for
        size = sum(response.size_bytes for response in responses)
        return ApiResponse(responses[0].data | {list_name: rows}, responses[0].request_id, size)

    def open_file(self, operation: Operation, server_arguments: Json, zone: ZoneInfo, shop: str = "") -> PageFile:
        """The file that `save_as` names, for the rows of a list; of one of several shops with what it is called."""
        from mcp_server_tiktok_shop.calls.page_file import PageFile  # noqa: PLC0415 - seldom asked for

        return PageFile(
            self.export_folder,
            parse_file_name(server_arguments["save_as"]),
            zone,
            self.result_builder,
            has_chosen_fields=bool(server_arguments.get("fields")),
            is_paged="page_token" in operation.arguments,
            shop=shop,
            shop_count=max(1, self.shop_count),
        )

    async def _read_chosen(
        self,
        operation: Operation,
        request: CopyRequest,
        fields: list[str] | None,
        target: Target,
        report: ReportProgress,
    ) -> Json:
        """The rows that the local copy chooses, as the platform tells them now."""
        choice, zone = request.choice, target.resolve_zone(self.zone)
        reading = self.operations.get(choice.read)
        self.operations.policy.ensure_allowed(reading)
        limit = min(request.limit, self.max_rows or request.limit)
        chosen = await self.get_copy_chooser().choose(choice, request.parameters, request.offset, limit, target, report)
        page = {"page_size": choice.batch} if "page_size" in reading.arguments else {}
        deadline, rows, size, response = self._find_deadline(), [], 0, ApiResponse({}, None)
        for start in range(0, len(chosen.ids), choice.batch):
            if start and self.platform.time_remaining(deadline) < CLOSING_S:
                chosen = replace(chosen, ids=chosen.ids[:start])
                break
            sent_ids = list(chosen.sent_ids[start : start + choice.batch])
            values, problems = coerce_arguments(reading, {choice.ids: sent_ids} | page)
            validate(reading, values, problems)
            response = await self.platform.call(bind(reading, values, zone), target, deadline=deadline)
            rows += response.data.get(choice.rows, ())
            size += response.size_bytes
        listed = {choice.rows: rows} if choice.rows in response.data else {}
        data = sort_rows(response.data | listed, choice, chosen.ids) | {"total_count": chosen.total_count}
        answer = ApiResponse(data | {"next_page_token": request.find_next_token(chosen)}, response.request_id)
        normalized = await run_by_size(size, self.result_builder.normalize, operation, {}, answer, zone)
        normalized["note"] = " ".join(filter(None, (request.build_note(chosen), normalized.get("note"))))
        return await self.result_builder.to_result(operation, normalized, fields, target.shop, size)

    async def _remember_document(self, data: Json) -> None:
        """Remember the link of a document, if there is one: only those that were issued are fetched."""
        if isinstance(url := data.get(DOCUMENT_URL_FIELD), str):
            await self.issued_documents.remember(url)

    async def read_pages(
        self,
        operation: Operation,
        values: Json,
        server_arguments: Json,
        target: Target,
        report: ReportProgress,
        collector: PageCollector,
    ) -> None:
        """Collect as many pages as `pages` says, all where it says nothing, as far as time and room allow.

        Where it ends early it records why; an error on a later page ends it with what came before.
        """
        pages_argument, fields = server_arguments.get("pages"), server_arguments.get("fields")
        max_pages = None if pages_argument in (None, ALL_PAGES) else int(pages_argument)
        zone, deadline = target.resolve_zone(self.zone), self._find_deadline()
        selection: Selection | None = None
        page_stream = self.paginator.iter_pages(operation.name, values, target, deadline=deadline)
        async with aclosing(page_stream) as pages:
            try:
                async for page in pages:
                    await self._remember_document(page.data)
                    response, size = ApiResponse(page.new_data, page.request_id), page.size_bytes
                    normalized = await run_by_size(
                        size, self.result_builder.normalize, operation, values, response, zone
                    )
                    # Resolved once: a field that is rare need not be on every page.
                    selection = selection or (
                        self.result_builder.resolve_selection(operation, normalized, fields) if fields else None
                    )
                    await run_by_size(size, collector.add, page, normalized, selection)
                    if page.rows:
                        await report(collector.row_count, collector.total_count, f"{collector.page_count} pages read")
                    if page.next_token is None or collector.page_count == max_pages:
                        break
                    if self.max_rows and collector.row_count + len(page.rows) > self.max_rows:
                        collector.record_stop(f"no more than {self.max_rows} rows are given here: narrow the time")
                        break
                    if collector.is_full:
                        collector.record_stop("more is not kept at once: narrow the time or the fields")
                        break
                    if self.platform.time_remaining(deadline) < collector.closing_s:
                        collector.record_stop("the time for one call was up")
                        break
            except ShopError as error:
                if not collector.page_count:
                    raise
                collector.record_stop(
                    "the next page could not be had: "
                    f"{self.result_builder.redact_text(error.message)[:MAX_REASON_CHARS]}",
                    is_platforms=error.code is not None,
                )


def find_main_list(shape: Json) -> str:
    """The name of the first list of objects in an answer; empty where it has none."""
    lists = (name for name, schema in shape.get("properties", {}).items() if schema.get("type") == "array")
    return next((name for name in lists if shape["properties"][name]["items"].get("type") == "object"), "")
