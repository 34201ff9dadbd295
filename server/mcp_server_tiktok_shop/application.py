"""One run of this server: its parts, the server it runs, and how it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.offer import has_shop_choice
from mcp_server_tiktok_shop.protocol.call_handler import CallHandler
from mcp_server_tiktok_shop.protocol.client_view import ClientView, ToolListing
from mcp_server_tiktok_shop.protocol.delivery import ImmediateDelivery
from mcp_server_tiktok_shop.protocol.resources import ResourceProvider
from mcp_server_tiktok_shop.protocol.server import RequestHandlers, SoleHandlers, build_server
from mcp_server_tiktok_shop.protocol.skill_extension import SkillExtension
from mcp_server_tiktok_shop.state.files.private_files import find_folder_fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from mcp_server_tiktok_shop.calls.call_limiter import CallLimiter
    from mcp_server_tiktok_shop.calls.dispatch import ToolDispatcher
    from mcp_server_tiktok_shop.calls.jobs.runner import JobRunner
    from mcp_server_tiktok_shop.calls.local_tool import LocalToolRunner
    from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard, SafeText
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.composition.late_parts import LateParts
    from mcp_server_tiktok_shop.logs import SecretRedactor
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.mirror.mirror import Mirror
    from mcp_server_tiktok_shop.mirror.notification_worker import NotificationWorker
    from mcp_server_tiktok_shop.mirror.query import QueryRunner
    from mcp_server_tiktok_shop.offer import Offer
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
    from mcp_server_tiktok_shop.platform.sign_in import SignIn
    from mcp_server_tiktok_shop.platform.tokens import TokenProvider
    from mcp_server_tiktok_shop.protocol.access_log import AccessLog
    from mcp_server_tiktok_shop.protocol.delivery import Delivery
    from mcp_server_tiktok_shop.protocol.first_answers import Introduction
    from mcp_server_tiktok_shop.protocol.server import McpServer
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.files.temporary_home import TemporaryHome
    from mcp_server_tiktok_shop.state.stores import AccountStore, NotificationStore
    from mcp_server_tiktok_shop.tools.worklist.tool import GetWorklistTool

Part = TypeVar("Part")


class Late(Struct, Generic[Part]):
    """A part that is made when it is first asked for; `part` is None until then."""

    make: Callable[[], Part]
    part: Part | None = None

    def get(self) -> Part:
        if self.part is None:
            self.part = self.make()
        return self.part


class App(Struct, frozen=True):
    """What a run is made of. `settings` are those in force, the simulated shop's in its place.

    `local_tools` are the tools that this server answers itself. `send_webhooks` has the simulated shop send its
    notifications to an address on this computer; None where the shop is no simulation.
    """

    settings: Settings
    offer: Offer
    platform: PlatformClient
    late_parts: Late[LateParts]
    local_tools: LocalToolRunner
    dispatcher: ToolDispatcher
    result_builder: ResultBuilder
    result_store: ScopedResultStore
    tokens: TokenProvider
    sign_in: SignIn
    store: AccountStore
    transport: HttpTransport
    secrets: SecretRedactor
    temporary_home: TemporaryHome
    guard: OutgoingGuard
    limiter: CallLimiter
    metrics: Metrics
    notifications: NotificationStore
    notification_worker: NotificationWorker
    send_webhooks: Callable[[str], AbstractAsyncContextManager[None]] | None

    @property
    def operations(self) -> OperationDirectory:
        """The operations as this server offers them."""
        return self.offer.operations

    @property
    def mirror(self) -> Mirror:
        return self.late_parts.get().mirror

    @property
    def query_runner(self) -> QueryRunner:
        return self.late_parts.get().query_runner

    @property
    def job_runner(self) -> JobRunner:
        return self.late_parts.get().job_runner

    @property
    def worklist(self) -> GetWorklistTool:
        return self.late_parts.get().worklist

    @property
    def has_shop_choice(self) -> bool:
        """Whether `shop` is listed: not where a model has no choice."""
        return has_shop_choice(self.settings, self.store)

    def build_server(
        self,
        delivery: Delivery | None = None,
        introduction: Introduction | None = None,
        access_log: AccessLog | None = None,
    ) -> McpServer:
        """The MCP server of this run, which closes it at its end.

        `delivery` knows when a client has an answer; `introduction` is what it was told already; calls are entered in
        `access_log`, where there is one.
        """
        delivery = delivery or ImmediateDelivery()

        async def close() -> None:
            await delivery.finish()
            await self.close()

        introduction = introduction or self.offer.introduce(self.settings, self.guard, list_shop=self.has_shop_choice)
        listing = ToolListing(introduction.tools, self.operations)
        handlers = SoleHandlers(self.make_handlers(introduction.instructions, listing, delivery, access_log))
        catalog = self.operations.catalog
        return build_server(introduction.instructions, handlers, self.guard, close, self.metrics, catalog)

    def make_handlers(
        self,
        instructions: SafeText,
        tool_listing: ToolListing,
        delivery: Delivery,
        access_log: AccessLog | None = None,
    ) -> RequestHandlers:
        """What answers requests; `delivery` and `access_log` as in `build_server`."""
        return RequestHandlers(
            CallHandler(
                self.dispatcher, self.result_builder, self.guard, delivery, self.metrics, self.limiter, access_log
            ),
            ResourceProvider(self.operations, self.result_store, self.local_tools, self.guard, self.limiter),
            ClientView(instructions, tool_listing, SkillExtension(self.operations, self.guard)),
        )

    async def find_home_fault(self) -> str:
        """Why what has to be remembered can't be stored; empty where it can."""
        is_bad = await asyncio.to_thread(find_folder_fault, self.settings.home_folder.root)
        return "The folder of this server's state can't be written, or is full." if is_bad else ""

    async def find_app_fault(self) -> str:
        """Why no request to the platform could be signed; empty where one can."""
        try:
            await self.tokens.load_accounts()
        except ShopError:  # whose words may name a place
            return "There are no key and secret of an app, or what is stored of them can't be read."
        return ""

    async def find_account_fault(self) -> str:
        """Why no call would reach a shop although the app is there; empty where one may."""
        try:
            has_account = bool(await self.tokens.load_accounts())
        except ShopError:
            return ""
        return "" if has_account else "No seller has signed in yet."

    async def wait_for_pairs(self) -> None:
        """Wait until token pairs that are under way are stored."""
        await self.sign_in.wait_for_pending()
        await self.tokens.wait_for_pending()

    async def close(self) -> None:
        """Finish what was sent and what is being stored, and close the connections; labels under way are given up."""
        await self.notification_worker.close()
        await self.dispatcher.write_executor.writes_under_way.wait()
        if self.late_parts.part is not None:
            await self.late_parts.part.close()
        self.temporary_home.close()
        await self.wait_for_pairs()
        await self.transport.close()
