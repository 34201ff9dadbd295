"""The composition root: builds the server from settings, and is the only place that knows all parts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.application import App, Late
from mcp_server_tiktok_shop.calls.audit_entries import AuditWriter
from mcp_server_tiktok_shop.calls.call_limiter import CallLimiter
from mcp_server_tiktok_shop.calls.confirmation import ConfirmationGate
from mcp_server_tiktok_shop.calls.cost_book import CostBook
from mcp_server_tiktok_shop.calls.current_state import CurrentStateReader
from mcp_server_tiktok_shop.calls.dispatch import ToolDispatcher
from mcp_server_tiktok_shop.calls.listings_abroad import ListingsAbroad
from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
from mcp_server_tiktok_shop.calls.local_tool import LateTool, LocalToolRunner
from mcp_server_tiktok_shop.calls.pending_writes import PendingWrites
from mcp_server_tiktok_shop.calls.promotion_overlaps import PromotionOverlaps
from mcp_server_tiktok_shop.calls.reads import ReadExecutor
from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
from mcp_server_tiktok_shop.calls.results.answer_plans import AnswerPlans
from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
from mcp_server_tiktok_shop.calls.results.normalized_answers import AnswerNormalizer
from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
from mcp_server_tiktok_shop.calls.shops_reader import ShopsReader
from mcp_server_tiktok_shop.calls.targets import TargetResolver
from mcp_server_tiktok_shop.calls.undo_checks import UndoChecker
from mcp_server_tiktok_shop.calls.warning_finder import WarningFinder
from mcp_server_tiktok_shop.calls.writes import WriteExecutor
from mcp_server_tiktok_shop.calls.writes_under_way import WritesUnderWay
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.metrics import NO_METRICS, Metrics
from mcp_server_tiktok_shop.mirror.notification_worker import NotificationWorker
from mcp_server_tiktok_shop.offer import build_offer
from mcp_server_tiktok_shop.platform.authorization import AuthTransport
from mcp_server_tiktok_shop.platform.client import CALL_TIMEOUT_S, DiscoveryOperations, PlatformClient, Runtime
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.platform.paging import Paginator
from mcp_server_tiktok_shop.platform.rate_limits import InMemoryRateLimiter
from mcp_server_tiktok_shop.platform.sign_in import SignIn
from mcp_server_tiktok_shop.platform.signed_requests import ApiTransport
from mcp_server_tiktok_shop.platform.tokens import TokenProvider
from mcp_server_tiktok_shop.settings import AUTH_URL, Settings
from mcp_server_tiktok_shop.simulation import build_simulation
from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp
from mcp_server_tiktok_shop.state.files.stores import open_file_stores
from mcp_server_tiktok_shop.state.files.temporary_home import TemporaryHome
from mcp_server_tiktok_shop.state.process_identity import LocalProcesses
from mcp_server_tiktok_shop.state.steady_clock import SteadyClock
from mcp_server_tiktok_shop.state.write_outcomes import WriteOutcomes
from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
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
    from mcp_server_tiktok_shop.late_parts import LateParts
    from mcp_server_tiktok_shop.mirror.snapshot_workers import SnapshotWorkers
    from mcp_server_tiktok_shop.sandbox import Sandbox
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
    secrets = logs.SecretRedactor()
    home_folder = settings.home_folder
    stores = stores or open_file_stores(home_folder, runtime.clock, runtime.monotonic)
    transport = transport or HttpTransport(proxy=settings.proxy, loopback=settings.is_loopback)
    if settings.sandbox:
        settings, accounts, transport, sandbox = build_simulation(settings, runtime, sandbox)
        stores = replace(stores, accounts=accounts)
    secrets.register_secrets(*settings.collect_secrets())
    guard = OutgoingGuard(secrets, settings.buyer_data)

    catalog = catalog or Catalog()
    offer = build_offer(settings, catalog)
    operations = offer.operations

    auth = AuthTransport(transport, settings.auth_url, guard.redact_platform_words)
    tokens = TokenProvider(
        stores.accounts,
        auth,
        PartnerApp.from_texts(settings.app_key, settings.app_secret),
        settings.app_key,
        runtime.clock,
        Account.from_first_pair(settings.app_key, settings.access_token, settings.refresh_token),
        secrets,
        metrics,
    )
    platform = PlatformClient(
        ApiTransport(transport, settings.api_url, runtime.clock, guard.redact_platform_words),
        tokens,
        runtime,
        InMemoryRateLimiter(runtime.monotonic, runtime.sleep, stores.rate_marks),
        catalog,
        DiscoveryOperations(operations.get("get_authorized_shops"), operations.get("get_authorized_category_assets")),
        stores.write_marks,
        metrics,
        call_timeout_s,
        settings.shop,
    )
    consent_url = "" if settings.auth_url == AUTH_URL else settings.auth_url
    sign_in = SignIn(tokens, auth, platform.shops, catalog, stores.oauth_states, secrets, consent_url)

    labels_folder = home_folder.labels_folder
    files = AllowedFiles(
        (settings.files_folder, labels_folder), settings.home, (labels_folder, home_folder.files_folder)
    )
    cost_book = CostBook(files, runtime.clock)
    result_store = ScopedResultStore(stores.results, platform.shops, settings.buyer_data, settings.time_zone)
    answer_plans = answer_plans or AnswerPlans(catalog)
    sensitive_fields = answer_plans.sensitive_fields
    answers = AnswerNormalizer(answer_plans, settings.buyer_data)
    result_builder = ResultBuilder(
        catalog, sensitive_fields, answers, result_store, settings.result_bytes, settings.buyer_data
    )
    export_folder = ExportFolder(home_folder.exports_folder, runtime.clock)
    paginator = Paginator(catalog, platform, settings.time_zone)
    temporary_home = TemporaryHome()
    mirror_home = temporary_home if settings.sandbox else home_folder  # no other process has the same simulated shop

    def make_late_parts() -> LateParts:
        from mcp_server_tiktok_shop.late_parts import build_late_parts  # noqa: PLC0415 - a third of all modules

        return build_late_parts(
            settings,
            runtime,
            mirror_home,
            stores,
            operations=operations,
            platform=platform,
            transport=transport,
            paginator=paginator,
            write_executor=write_executor,
            processes=processes,
            files=files,
            cost_book=cost_book,
            export_folder=export_folder,
            sensitive_fields=sensitive_fields,
            redact_data=result_builder.redact_data,
            hide_secrets=secrets.redact_secrets,
            metrics=metrics,
            snapshot_workers=snapshot_workers,
        )

    late_parts = Late(make_late_parts)
    confirmation_gate = ConfirmationGate(
        offer.confirmation_rule,
        PendingWrites(stores.confirmations),
        result_builder,
        runtime.clock,
        metrics,
    )
    processes = LocalProcesses()
    write_outcomes = WriteOutcomes(stores.write_outcomes, SteadyClock(runtime.clock, runtime.monotonic), processes)
    current_state_reader = CurrentStateReader(operations, platform, result_builder, settings.time_zone)
    write_executor = WriteExecutor(
        platform,
        confirmation_gate,
        write_outcomes,
        result_builder,
        current_state_reader,
        UndoChecker(stores.audit_log, runtime.clock),
        AuditWriter(stores.audit_log, operations, secrets.redact_secrets),
        WarningFinder(
            cost_book,
            stores.audit_log,
            ListingsAbroad(current_state_reader),
            PromotionOverlaps(current_state_reader),
            runtime.clock,
        ),
        WritesUnderWay(),
    )

    discovery_tools = DiscoveryTools(operations)
    sign_in_tools = SignInTools(
        sign_in,
        tokens,
        platform.shops,
        operations,
        stores.accounts,
        settings.service_id,
        settings.region,
        runtime.monotonic,
        stores.unsaved_pairs,
    )
    read_tools: Mapping[str, LocalTool] = {
        "check_connection": CheckConnectionTool(
            transport,
            settings.api_url,
            settings.auth_url,
            tokens,
            platform,
            operations,
            runtime,
            settings.time_zone,
        ),
        "describe_operation": discovery_tools.describe_operation,
        "find_operations": discovery_tools.find_operations,
        "get_authorization_url": sign_in_tools.get_authorization_url,
        "list_changes": ListChangesTool(
            stores.audit_log, operations, platform.shops, settings.time_zone, runtime.clock
        ),
        "list_shops": ListShopsTool(platform.shops, settings.time_zone),
        "read_result": ReadResultTool(result_store, settings.result_bytes),
        "save_result": SaveResultTool(result_store, export_folder),
        **{name: LateTool(lambda: late_parts.get().tools, name) for name in LATE_TOOLS},
    }
    write_tools: Mapping[str, LocalWrite] = {
        "exchange_authorization_code": sign_in_tools.exchange_authorization_code,
        "refresh_access_token": sign_in_tools.refresh_access_token,
    }
    local_tools = LocalToolRunner(operations, read_tools, write_tools, result_builder)
    targets = TargetResolver(operations, platform)
    read_executor = ReadExecutor(
        platform,
        paginator,
        result_builder,
        stores.issued_documents,
        export_folder,
        operations,
        lambda: late_parts.get().copy_chooser,
        settings.time_zone,
        settings.rows,
    )
    dispatcher = ToolDispatcher(
        operations,
        files,
        ShopsReader(operations, targets, read_executor, result_builder, runtime.clock, settings.time_zone),
        targets,
        write_executor,
        result_builder,
        local_tools,
        lambda: late_parts.get().job_runner,
        export_folder,
        runtime.clock,
        settings.time_zone,
        settings.sandbox,
    )
    notification_worker = NotificationWorker(
        stores.notifications,
        stores.write_marks,
        platform.shops,
        lambda: late_parts.get().mirror,
        runtime.monotonic,
        metrics,
    )
    return App(
        settings=settings,
        offer=offer,
        platform=platform,
        late_parts=late_parts,
        local_tools=local_tools,
        dispatcher=dispatcher,
        result_builder=result_builder,
        result_store=result_store,
        tokens=tokens,
        sign_in=sign_in,
        store=stores.accounts,
        transport=transport,
        secrets=secrets,
        temporary_home=temporary_home,
        guard=guard,
        limiter=CallLimiter(stores.rate_marks, stores.owner, settings.calls_a_minute),
        metrics=metrics,
        notifications=stores.notifications,
        notification_worker=notification_worker,
        send_webhooks=sandbox.send_webhooks if settings.sandbox and sandbox is not None else None,
    )
