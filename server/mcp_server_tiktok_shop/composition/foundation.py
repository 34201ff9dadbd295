"""Builds what all other parts of a run stand on: settings in force, state, network, and what is offered and hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.calls.cost_book import CostBook
from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
from mcp_server_tiktok_shop.offer import build_offer
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.simulation import build_simulation
from mcp_server_tiktok_shop.state.files.stores import open_file_stores
from mcp_server_tiktok_shop.state.files.temporary_home import TemporaryHome
from mcp_server_tiktok_shop.state.process_identity import LocalProcesses
from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.offer import Offer
    from mcp_server_tiktok_shop.platform.client import Runtime
    from mcp_server_tiktok_shop.sandbox import Sandbox
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.stores import StateStores


class LocalFiles(Struct, frozen=True):
    """What calls read and write on this computer: files they may be given, costs in them, and where exports go."""

    allowed: AllowedFiles
    cost_book: CostBook
    export_folder: ExportFolder


class Foundation(Struct, frozen=True):
    """What builders of parts take; a part itself is given no more of it than it needs.

    `settings` are those in force, the simulated shop's in its place; `temporary_home` is where copies of it lie.
    `send_webhooks` as in `App`.
    """

    settings: Settings
    runtime: Runtime
    stores: StateStores
    transport: HttpTransport
    metrics: Metrics
    offer: Offer
    files: LocalFiles
    secrets: logs.SecretRedactor
    guard: OutgoingGuard
    processes: LocalProcesses
    temporary_home: TemporaryHome
    send_webhooks: Callable[[str], AbstractAsyncContextManager[None]] | None

    @property
    def operations(self) -> OperationDirectory:
        return self.offer.operations

    @property
    def catalog(self) -> Catalog:
        return self.operations.catalog


def build_foundation(
    settings: Settings,
    runtime: Runtime,
    catalog: Catalog,
    metrics: Metrics,
    *,
    stores: StateStores | None,
    transport: HttpTransport | None,
    sandbox: Sandbox | None,
) -> Foundation:
    """What a run stands on; what is None here is made by the settings, as `build_app` says.

    Raises:
        SettingsError: A toolset or tool is named that does not exist.

    """
    stores = stores or open_file_stores(settings.home_folder, runtime.clock, runtime.monotonic)
    transport = transport or HttpTransport(proxy=settings.proxy, loopback=settings.is_loopback)
    send_webhooks = None
    if settings.sandbox:
        settings, accounts, transport, sandbox = build_simulation(settings, runtime, sandbox)
        stores = replace(stores, accounts=accounts)
        send_webhooks = sandbox.send_webhooks
    secrets = logs.SecretRedactor()
    secrets.register_secrets(*settings.collect_secrets())
    return Foundation(
        settings=settings,
        runtime=runtime,
        stores=stores,
        transport=transport,
        metrics=metrics,
        offer=build_offer(settings, catalog),
        files=_build_local_files(settings, runtime.clock),
        secrets=secrets,
        guard=OutgoingGuard(secrets, settings.buyer_data),
        processes=LocalProcesses(),
        temporary_home=TemporaryHome(),
        send_webhooks=send_webhooks,
    )


def _build_local_files(settings: Settings, clock: Callable[[], float]) -> LocalFiles:
    home_folder = settings.home_folder
    labels_folder = home_folder.labels_folder
    allowed = AllowedFiles(
        (settings.files_folder, labels_folder), settings.home, (labels_folder, home_folder.files_folder)
    )
    return LocalFiles(allowed, CostBook(allowed, clock), ExportFolder(home_folder.exports_folder, clock))
