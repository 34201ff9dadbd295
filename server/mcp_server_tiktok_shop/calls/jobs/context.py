"""What a job reads the shop by, and whom it tells how far it is."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.own_orders import MAX_READS_AT_ONCE
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_paths import get_value
from mcp_server_tiktok_shop.platform.envelope import ApiResponse
from mcp_server_tiktok_shop.platform.shop_choice import choose_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.current_state import CurrentState, CurrentStateReader
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.order_owners import OrderOwners
    from mcp_server_tiktok_shop.platform.paging import Paginator
    from mcp_server_tiktok_shop.platform.shops import Target

STEPS_TIME_S = 15.0  # seconds of a call that reading leaves for the writes


class JobContext(Struct, frozen=True):
    """One call of a job: for whom, until when, and the reads. Answers are normalized, and buyers' data redacted.

    Where the call is for other shops as well (`has_other_shops`), what is named and is not here may be there.
    """

    target: Target
    zone: ZoneInfo
    caller: Caller
    deadline: float
    operations: OperationDirectory
    platform: PlatformClient
    paginator: Paginator
    result_builder: ResultBuilder
    current_state_reader: CurrentStateReader
    order_owners: OrderOwners
    has_other_shops: bool = False

    @property
    def shop_id(self) -> str:
        """The id of the call's shop; empty where the call is for no shop."""
        return self.target.shop.id if self.target.shop else ""

    async def read(self, name: str, arguments: Json) -> Json:
        """The `data` of a read.

        Raises:
            ShopError: It was refused, by this server or the platform, or could not be sent.

        """
        operation = self.operations.get(name)
        self.operations.policy.ensure_allowed(operation)
        values, problems = coerce_arguments(operation, arguments)
        validate(operation, values, problems)
        response = await self.platform.call(bind(operation, values, self.zone), self.target, deadline=self.deadline)
        data: Json = self.result_builder.normalize(operation, values, response, self.zone)["data"]
        return data

    async def read_rows(self, name: str, arguments: Json, until: Callable[[Json], object] | None = None) -> list[Json]:
        """Every row of a list, page after page; with `until` no further page than that of a row that it is true of.

        Raises as `read`; also where there is no time for all pages.
        """
        operation = self.operations.get(name)
        self.operations.policy.ensure_allowed(operation)
        values, problems = coerce_arguments(operation, arguments)
        validate(operation, values, problems)
        rows: list[Json] = []
        async with aclosing(
            self.paginator.iter_pages(name, values, self.target, deadline=self.deadline)
        ) as page_stream:
            async for page in page_stream:
                response = ApiResponse(page.new_data, page.request_id)
                data = self.result_builder.normalize(operation, values, response, self.zone)["data"]
                rows += get_value(data, page.list_path.split(".")) or []
                if page.next_token is None or (until is not None and any(map(until, rows))):
                    break
                if self.platform.time_remaining(self.deadline) < STEPS_TIME_S:
                    message = f"There was no time to read the whole list: {len(rows)} came from {name}."
                    raise ShopError("platform", message, hint="Name what is meant by its id, or in smaller parts.")
        return rows

    async def read_each(self, name: str, argument_sets: Iterable[Json]) -> list[Json | ShopError]:
        """The `data` of a read for each set of arguments, or why it failed; some at once, in the order given."""
        slots = asyncio.Semaphore(MAX_READS_AT_ONCE)

        async def read_one(arguments: Json) -> Json | ShopError:
            try:
                async with slots:
                    return await self.read(name, arguments)
            except ShopError as error:
                return error

        return list(await asyncio.gather(*map(read_one, argument_sets)))

    async def read_state(self, operation_name: str, values: Json) -> CurrentState:
        """How the things stand that such a write would be about, by the looks that show it in a preview.

        `values` name them as the write's arguments do, and may name more than one write takes. What can't be read is an
        item with a `problem`.
        """
        timeout_s = max(1.0, self.platform.time_remaining(self.deadline) - STEPS_TIME_S)
        operation = self.operations.get(operation_name)
        return await self.current_state_reader.read_items(operation, values, self.target, timeout_s)


class JobContexts(Struct, frozen=True):
    """Makes the context of each call; `zone` is the time zone set for all shops, if one is."""

    operations: OperationDirectory
    platform: PlatformClient
    paginator: Paginator
    result_builder: ResultBuilder
    current_state_reader: CurrentStateReader
    order_owners: OrderOwners
    zone: ZoneInfo | None

    async def make(self, shop: str | None, caller: Caller) -> JobContext:
        """The context of a call for the shop that its caller chose.

        Raises:
            ShopError: As `ShopResolver.choose`.

        """
        return self._make(await self.platform.shops.choose(shop, "required"), caller, self.platform.new_deadline())

    async def make_each(self, shops: str | None, caller: Caller) -> list[JobContext]:
        """The contexts of a call for one shop, several or all, with one deadline.

        Raises:
            ShopError: As `choose_targets`.

        """
        targets = await choose_targets(self.platform.shops, shops, must_be_named=True)
        deadline = self.platform.new_deadline()
        return [self._make(target, caller, deadline, has_other_shops=len(targets) > 1) for target in targets]

    def _make(
        self,
        target: Target,
        caller: Caller,
        deadline: float,
        *,
        has_other_shops: bool = False,
    ) -> JobContext:
        return JobContext(
            target,
            target.resolve_zone(self.zone),
            caller,
            deadline,
            self.operations,
            self.platform,
            self.paginator,
            self.result_builder,
            self.current_state_reader,
            self.order_owners,
            has_other_shops,
        )
