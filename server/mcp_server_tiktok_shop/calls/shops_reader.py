"""Reads at the shop that a call is for, or asks several and makes one result of their answers."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.copy_choice import CopyRequest
from mcp_server_tiktok_shop.calls.page_collector import RESUME_FILTER
from mcp_server_tiktok_shop.calls.results.builder import Projection
from mcp_server_tiktok_shop.calls.results.normalized_answers import NEXT_PAGE_FIELD
from mcp_server_tiktok_shop.calls.several_answers import ReadAnswer, join_answers
from mcp_server_tiktok_shop.calls.shared_progress import SharedProgress
from mcp_server_tiktok_shop.catalog.amounts import validate_amounts
from mcp_server_tiktok_shop.catalog.binding import has_local_time
from mcp_server_tiktok_shop.catalog.looks import find_lookup_ids
from mcp_server_tiktok_shop.catalog.time_limits import validate_times
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.shops import Target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.page_file import PageFile
    from mcp_server_tiktok_shop.calls.reads import ReadExecutor
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.shared_progress import ReportProgress
    from mcp_server_tiktok_shop.calls.targets import SeveralTargets, ShopTarget, TargetResolver
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory

MAX_SHOPS_AT_ONCE = 8  # that are asked: the answers of each take memory until they are fitted
ZONES_NOTE = "Times given without offset were read in each shop's own time zone."
CURRENCIES_NOTE = "The file's amounts are in {}, each shop's own: none was converted."


class ReadCall(Struct, frozen=True):
    """A read as it was called: its arguments are coerced and validated, `server_arguments` are our own."""

    operation: Operation
    values: Json
    server_arguments: Json

    @property
    def has_local_times(self) -> bool:
        """Whether a time was given that is another moment in each zone."""
        schemas = self.operation.arguments
        return self.operation.takes_times and any(
            has_local_time(schemas[name], value) for name, value in self.values.items()
        )

    @property
    def is_of_one(self) -> bool:
        """Whether a single id is named: the shop that has it is the only one."""
        return len(find_lookup_ids(self.operation, self.values)) == 1


class ShopsReader(Struct, frozen=True):
    """The arm of reads; `zone` is the time zone set for all shops, if one is, `clock` gives Unix seconds."""

    operations: OperationDirectory
    targets: TargetResolver
    executor: ReadExecutor
    result_builder: ResultBuilder
    clock: Callable[[], float]
    zone: ZoneInfo | None

    async def read(self, operation: Operation, values: Json, server_arguments: Json, caller: Caller) -> Json:
        """The result of a read. Several shops are asked at once; what one of them lacks is told beside the others.

        Raises:
            ShopError: As `ReadExecutor.execute`; of several shops where none answered, or none has what was named.

        """
        call = ReadCall(operation, values, server_arguments)
        shop, asset = server_arguments.get("shop"), server_arguments.get("category_asset")
        targets = await self.targets.resolve_read(operation, values, shop, asset)
        if isinstance(targets, Target):
            return await self._read_one(self.executor, call, targets, caller.report_progress)
        executor = self.executor.share(len(targets.shops))
        progress = SharedProgress(caller, len(targets.shops))
        try:
            if "save_as" in server_arguments:
                return await self._save_each(executor, call, targets, progress)
            slots = asyncio.Semaphore(MAX_SHOPS_AT_ONCE)
            readings = [
                _catch_error(
                    shop,
                    partial(self._read_one, executor, _go_on(call, shop), shop.target, progress.create_reporter(place)),
                    slots,
                )
                for place, shop in enumerate(targets.shops)
            ]
            answers = await (_find(call, readings) if targets.is_search else asyncio.gather(*readings))
        finally:
            progress.is_over = True
        return await self._join(call, targets, answers)

    async def _read_one(self, executor: ReadExecutor, call: ReadCall, target: Target, report: ReportProgress) -> Json:
        """The result of a read at one shop, with a note on how times were read that came without offset."""
        values = self._complete(call, target)
        result = await executor.execute(call.operation, values, call.server_arguments, target, report)
        if call.has_local_times and not executor.shop_count:
            note = f"Times given without offset were read in {target.resolve_zone(self.zone).key}."
            result["note"] = " ".join(filter(None, (result.get("note"), note)))
        return result

    def _complete(self, call: ReadCall, target: Target) -> Json:
        """The values as they hold at a shop, checked by its currency and zone."""
        values, shop = call.values, target.shop
        if shop is not None:
            values = self.operations.complete_by_market(call.operation, values, shop.region)
        validate_amounts(call.operation, values, shop.currency if shop is not None else "")
        validate_times(call.operation, values, target.resolve_zone(self.zone), self.clock())
        return values

    async def _join(
        self, call: ReadCall, targets: SeveralTargets, answers: Sequence[ReadAnswer], saved: Json | None = None
    ) -> Json:
        """One result of the answers, within the budget of one; what was saved of them stands in place of their data."""
        joined = join_answers(answers, self.result_builder.redact_text, is_search=targets.is_search)
        result = joined.result if saved is None else joined.result | {"data": saved}
        zone_note = ZONES_NOTE if call.has_local_times and self.zone is None else ""
        projection = Projection({}, joined.untrusted, [note for note in (*joined.notes, zone_note) if note])
        return await self.result_builder.truncate(result, projection, lambda: result["data"], joined.shop)

    async def _save_each(
        self, executor: ReadExecutor, call: ReadCall, targets: SeveralTargets, progress: SharedProgress
    ) -> Json:
        """One file of the rows of all shops, those of each together."""

        async def collect(place: int, shop: ShopTarget, page_file: PageFile) -> Json:
            own_call = _go_on(call, shop)
            values = self._complete(own_call, shop.target)
            CopyRequest.read(call.operation, values, call.server_arguments, shop.target.resolve_zone(self.zone))
            reporter = progress.create_reporter(place)
            await executor.read_pages(call.operation, values, call.server_arguments, shop.target, reporter, page_file)
            token = {NEXT_PAGE_FIELD: page_file.next_page_token} if page_file.next_page_token else {}
            more = token | {RESUME_FILTER: page_file.resume_filter}
            return page_file.extras | more | {"data": {}, "note": " ".join(filter(None, page_file.describe()))}

        with ExitStack() as stack:
            files = [
                stack.enter_context(
                    executor.open_file(
                        call.operation, call.server_arguments, shop.target.resolve_zone(self.zone), shop.label
                    )
                )
                for shop in targets.shops
            ]
            slots = asyncio.Semaphore(MAX_SHOPS_AT_ONCE)
            answers = await asyncio.gather(
                *(
                    _catch_error(shop, partial(collect, place, shop, page_file), slots)
                    for place, (shop, page_file) in enumerate(zip(targets.shops, files, strict=True))
                )
            )
            counts = {shop.label: page_file.row_count for shop, page_file in zip(targets.shops, files, strict=True)}
            first, *others = files
            for other in others:
                await first.absorb(other)
            saved = await first.save() if any(answer.error is None for answer in answers) else {}
        saved["rows_by_shop"] = {label: count for label, count in counts.items() if count}
        currencies = sorted({shop.target.shop.currency for shop in targets.shops if shop.target.shop} - {""})
        if len(currencies) > 1:
            saved["advice"] = " ".join(
                filter(None, (saved.get("advice"), CURRENCIES_NOTE.format(", ".join(currencies))))
            )
        return await self._join(call, targets, answers, saved)


def _go_on(call: ReadCall, shop: ShopTarget) -> ReadCall:
    """The call with the page at which it goes on in a shop."""
    return ReadCall(call.operation, call.values | shop.page, call.server_arguments)


async def _find(call: ReadCall, readings: Sequence[Coroutine[Any, Any, ReadAnswer]]) -> list[ReadAnswer]:
    """The answers of all shops; where one alone can have what is named, that one as soon as it answers.

    A shop that hangs, or refuses what it does not know by a code of its own, is then of no matter.
    """
    tasks = [asyncio.create_task(reading) for reading in readings]
    pending = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if call.is_of_one and (owners := [task.result() for task in done if task.result().has_data]):
                return owners
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
    return [task.result() for task in tasks]


async def _catch_error(shop: ShopTarget, read: Callable[[], Awaitable[Json]], slots: asyncio.Semaphore) -> ReadAnswer:
    try:
        async with slots:
            return ReadAnswer(shop, await read())
    except ShopError as error:
        return ReadAnswer(shop, error=error)
