"""The composition root: builds the server from settings, and is the only place that knows all parts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.application import App, Late
from mcp_server_tiktok_shop.calls.audit_entries import AuditWriter
from mcp_server_tiktok_shop.calls.call_limiter import CallLimiter
from mcp_server_tiktok_shop.calls.confirmation import ConfirmationGate
from mcp_server_tiktok_shop.calls.current_state import CurrentStateReader
from mcp_server_tiktok_shop.calls.dispatch import ToolDispatcher
from mcp_server_tiktok_shop.calls.listings_abroad import ListingsAbroad
from mcp_server_tiktok_shop.calls.local_tool import LateTool, LocalToolRunner
from mcp_server_tiktok_shop.calls.pending_writes import PendingWrites
from mcp_server_tiktok_shop.calls.promotion_overlaps import PromotionOverlaps
from mcp_server_tiktok_shop.calls.reads import ReadExecutor
from mcp_server_tiktok_shop.calls.shops_reader import ShopsReader
from mcp_server_tiktok_shop.calls.targets import TargetResolver
from mcp_server_tiktok_shop.calls.undo_checks import UndoChecker
from mcp_server_tiktok_shop.calls.warning_finder import WarningFinder
from mcp_server_tiktok_shop.calls.writes import WriteExecutor
from mcp_server_tiktok_shop.calls.writes_under_way import WritesUnderWay
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.composition.foundation import build_foundation
from mcp_server_tiktok_shop.composition.platform_parts import build_platform_parts
from mcp_server_tiktok_shop.composition.result_parts import build_result_parts
from mcp_server_tiktok_shop.metrics import NO_METRICS, Metrics
from mcp_server_tiktok_shop.mirror.notification_worker import NotificationWorker
from mcp_server_tiktok_shop.platform.client import CALL_TIMEOUT_S, Runtime
from mcp_server_tiktok_shop.state.steady_clock import SteadyClock
from mcp_server_tiktok_shop.state.write_outcomes import WriteOutcomes
from mcp_server_tiktok_shop.tools.check_connection import CheckConnectionTool
from mcp_server_tiktok_shop.tools.discovery import DiscoveryTools
from mcp_server_tiktok_shop.tools.exports import SaveResultTool
from mcp_server_tiktok_shop.tools.list_changes import ListChangesTool
from mcp_server_tiktok_shop.tools.list_shops import ListShopsTool
from mcp_server_tiktok_shop.tools.read_result import ReadResultTool
from mcp_server_tiktok_shop.tools.sign_in import SignInTools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.calls.local_tool import LocalTool, LocalWrite
    from mcp_server_tiktok_shop.calls.results.answer_plans import AnswerPlans
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.composition.foundation import Foundation
    from mcp_server_tiktok_shop.composition.late_parts import LateParts
    from mcp_server_tiktok_shop.composition.platform_parts import PlatformParts
    from mcp_server_tiktok_shop.composition.result_parts import ResultParts
    from mcp_server_tiktok_shop.mirror.snapshot_workers import SnapshotWorkers
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
    from mcp_server_tiktok_shop.sandbox import Sandbox
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.stores import StateStores

# What answers from the local copy or lays out labels: made when the first of them is called.
LATE_TOOLS = (
    "describe_tables",
    "get_profit",
    "get_report",
    "get_worklist",
    "query_shop",
    "reconcile_payouts",
    "resize_pdf",
    "summarize_finance",
    "summarize_inventory",
    "summarize_orders",
)
REAL_RUNTIME = Runtime(time.time, time.monotonic)


def build_app(
    settings: Settings,
    *,
    runtime: Runtime = REAL_RUNTIME,
    sandbox: Sandbox | None = None,
    catalog: Catalog | None = None,
    answer_plans: AnswerPlans | None = None,
    transport: HttpTransport | None = None,
    metrics: Metrics = NO_METRICS,
    call_timeout_s: float = CALL_TIMEOUT_S,
    stores: StateStores | None = None,
    snapshot_workers: SnapshotWorkers | None = None,
) -> App:
    """Makes every part, each whole when it is made: what it needs comes before it.

    In sandbox mode `sandbox` is the simulated shop to use; one is made where none is given. Servers in one process
    can share a `catalog`, with the schemas that were made ready to check by, its `answer_plans`, the connections of a
    `transport`, and the processes of `snapshot_workers`. `metrics` counts what happens in this run. `call_timeout_s` is
    the deadline of one call to the platform, retries included. Without `stores` state lies in the files of the home
    folder.

    Raises:
        SettingsError: A toolset or tool is named that does not exist.

    """
    foundation = build_foundation(
        settings, runtime, catalog or Catalog(), metrics, stores=stores, transport=transport, sandbox=sandbox
    )
    platform = build_platform_parts(foundation, call_timeout_s)
    results = build_result_parts(foundation, platform.client.shops, answer_plans)
    write_executor = _build_write_executor(foundation, platform.client, results.builder)

    def make_late_parts() -> LateParts:
        from mcp_server_tiktok_shop.composition.late_parts import build_late_parts  # noqa: PLC0415 - a third of all

        return build_late_parts(foundation, platform, results, write_executor, snapshot_workers)

    late_parts = Late(make_late_parts)
    local_tools = _build_local_tools(foundation, platform, results, late_parts)
    stores = foundation.stores
    return App(
        settings=foundation.settings,
        offer=foundation.offer,
        platform=platform.client,
        late_parts=late_parts,
        local_tools=local_tools,
        dispatcher=_build_dispatcher(foundation, platform, write_executor, local_tools, late_parts),
        result_builder=results.builder,
        result_store=results.store,
        tokens=platform.tokens,
        sign_in=platform.sign_in,
        store=stores.accounts,
        transport=foundation.transport,
        secrets=foundation.secrets,
        temporary_home=foundation.temporary_home,
        guard=foundation.guard,
        limiter=CallLimiter(stores.rate_marks, stores.owner, foundation.settings.calls_a_minute),
        metrics=metrics,
        notifications=stores.notifications,
        notification_worker=NotificationWorker(
            stores.notifications,
            stores.write_marks,
            platform.client.shops,
            lambda: late_parts.get().mirror,
            runtime.monotonic,
            metrics,
        ),
        send_webhooks=foundation.send_webhooks,
    )


def _build_write_executor(
    foundation: Foundation, client: PlatformClient, result_builder: ResultBuilder
) -> WriteExecutor:
    stores, clock = foundation.stores, foundation.runtime.clock
    state_reader = CurrentStateReader(foundation.operations, client, result_builder, foundation.settings.time_zone)
    return WriteExecutor(
        client,
        ConfirmationGate(
            foundation.offer.confirmation_rule,
            PendingWrites(stores.confirmations),
            result_builder,
            clock,
            foundation.metrics,
        ),
        WriteOutcomes(stores.write_outcomes, SteadyClock(clock, foundation.runtime.monotonic), foundation.processes),
        result_builder,
        state_reader,
        UndoChecker(stores.audit_log, clock),
        AuditWriter(stores.audit_log, foundation.operations, foundation.secrets.redact_secrets),
        WarningFinder(
            foundation.files.cost_book,
            stores.audit_log,
            ListingsAbroad(state_reader),
            PromotionOverlaps(state_reader),
            clock,
        ),
        WritesUnderWay(),
    )


def _build_local_tools(
    foundation: Foundation, platform: PlatformParts, results: ResultParts, late_parts: Late[LateParts]
) -> LocalToolRunner:
    settings, stores, runtime = foundation.settings, foundation.stores, foundation.runtime
    operations, shops = foundation.operations, platform.client.shops
    discovery_tools = DiscoveryTools(operations)
    sign_in_tools = SignInTools(
        platform.sign_in,
        platform.tokens,
        shops,
        operations,
        stores.accounts,
        settings.service_id,
        settings.region,
        runtime.monotonic,
        stores.unsaved_pairs,
    )
    check_connection = CheckConnectionTool(
        foundation.transport,
        settings.api_url,
        settings.auth_url,
        platform.tokens,
        platform.client,
        operations,
        runtime,
        settings.time_zone,
    )
    reads: Mapping[str, LocalTool] = {
        "check_connection": check_connection,
        "describe_operation": discovery_tools.describe_operation,
        "find_operations": discovery_tools.find_operations,
        "get_authorization_url": sign_in_tools.get_authorization_url,
        "list_changes": ListChangesTool(stores.audit_log, operations, shops, settings.time_zone, runtime.clock),
        "list_shops": ListShopsTool(shops, settings.time_zone),
        "read_result": ReadResultTool(results.store, settings.result_bytes),
        "save_result": SaveResultTool(results.store, foundation.files.export_folder),
        **{name: LateTool(lambda: late_parts.get().tools, name) for name in LATE_TOOLS},
    }
    writes: Mapping[str, LocalWrite] = {
        "exchange_authorization_code": sign_in_tools.exchange_authorization_code,
        "refresh_access_token": sign_in_tools.refresh_access_token,
    }
    return LocalToolRunner(operations, reads, writes, results.builder)


def _build_dispatcher(
    foundation: Foundation,
    platform: PlatformParts,
    write_executor: WriteExecutor,
    local_tools: LocalToolRunner,
    late_parts: Late[LateParts],
) -> ToolDispatcher:
    settings, operations, clock = foundation.settings, foundation.operations, foundation.runtime.clock
    result_builder, export_folder = write_executor.result_builder, foundation.files.export_folder
    targets = TargetResolver(operations, platform.client)
    read_executor = ReadExecutor(
        platform.client,
        platform.paginator,
        result_builder,
        foundation.stores.issued_documents,
        export_folder,
        operations,
        platform.order_owners,
        lambda: late_parts.get().copy_chooser,
        settings.time_zone,
        settings.rows,
    )
    return ToolDispatcher(
        operations,
        foundation.files.allowed,
        ShopsReader(operations, targets, read_executor, result_builder, clock, settings.time_zone),
        targets,
        write_executor,
        result_builder,
        local_tools,
        lambda: late_parts.get().job_runner,
        export_folder,
        clock,
        settings.time_zone,
        settings.sandbox,
    )
