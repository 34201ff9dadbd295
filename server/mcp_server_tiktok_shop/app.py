"""Puts the parts together, by the settings: the only place that knows them all."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.calls.confirmation import ConfirmationGate
from mcp_server_tiktok_shop.calls.dispatch import ToolDispatcher
from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
from mcp_server_tiktok_shop.calls.paging import Paginator
from mcp_server_tiktok_shop.calls.reads import ReadExecutor
from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
from mcp_server_tiktok_shop.calls.writes import WriteExecutor
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields
from mcp_server_tiktok_shop.catalog.toolsets import UnknownToolError, resolve_tool_names, select_tools
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.authorization import AuthTransport
from mcp_server_tiktok_shop.platform.client import CALL_TIMEOUT_S, DiscoveryOperations, PlatformClient, Runtime
from mcp_server_tiktok_shop.platform.documents import DocumentFetcher
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.platform.rate_limits import InMemoryRateLimiter
from mcp_server_tiktok_shop.platform.sign_in import SignIn
from mcp_server_tiktok_shop.platform.signed_requests import ApiTransport
from mcp_server_tiktok_shop.platform.tokens import TokenProvider, compute_pair_fingerprint
from mcp_server_tiktok_shop.settings import AUTH_URL, Settings, SettingsError
from mcp_server_tiktok_shop.state.accounts import ENVIRONMENT_ID_PREFIX, Account, PartnerApp, Shop, StoredAccounts
from mcp_server_tiktok_shop.state.files.stores import open_file_stores
from mcp_server_tiktok_shop.state.memory import InMemoryAccountStore
from mcp_server_tiktok_shop.state.process_identity import LocalProcesses
from mcp_server_tiktok_shop.state.write_outcomes import WriteOutcomes
from mcp_server_tiktok_shop.tools.check_connection import CheckConnectionTool
from mcp_server_tiktok_shop.tools.discovery import DiscoveryTools
from mcp_server_tiktok_shop.tools.exports import SaveResultTool
from mcp_server_tiktok_shop.tools.labels import ResizePdfTool
from mcp_server_tiktok_shop.tools.list_changes import ListChangesTool
from mcp_server_tiktok_shop.tools.list_shops import ListShopsTool
from mcp_server_tiktok_shop.tools.payouts.reconciliation import ReconcilePayoutsTool
from mcp_server_tiktok_shop.tools.read_result import ReadResultTool
from mcp_server_tiktok_shop.tools.sign_in import SignInTools
from mcp_server_tiktok_shop.tools.summaries.desk import SummaryTools

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox import Sandbox
    from mcp_server_tiktok_shop.state.stores import AccountStore

REAL_RUNTIME = Runtime(time.time, time.monotonic)


@dataclass(frozen=True, slots=True)
class App:
    """What a run is made of. `settings` are those in force, the simulated shop's in its place."""

    settings: Settings
    dispatcher: ToolDispatcher
    tokens: TokenProvider
    sign_in: SignIn
    store: AccountStore
    transport: HttpTransport
    secrets: logs.SecretRedactor

    @property
    def has_shop_choice(self) -> bool:
        """Whether a model is told of `shop`: not where it has no choice."""
        if self.settings.shop is not None:
            return False
        try:
            stored = self.store.read()
        except ShopError:  # an unreadable store: each call says so
            return True
        app_key = self.settings.app_key or (stored.app.key if stored.app else "")
        accounts = [account for account in stored.accounts.values() if account.app_key == app_key]
        shops = {shop.id for account in accounts for shop in account.shops or ()}
        return len(shops) != 1 or any(account.shops is None for account in accounts)

    async def close(self) -> None:
        await self.sign_in.wait_for_pending()
        await self.tokens.wait_for_pending()
        await self.transport.close()


def build_app(
    settings: Settings,
    *,
    runtime: Runtime = REAL_RUNTIME,
    sandbox: Sandbox | None = None,
    call_timeout_s: float = CALL_TIMEOUT_S,
) -> App:
    """Everything that serves an assistant.

    In sandbox mode `sandbox` is the simulated shop to use; one is made where none is given.
    """
    secrets = logs.SecretRedactor()
    home_folder = settings.home_folder
    stores = open_file_stores(home_folder, runtime.clock, runtime.monotonic)
    transport = HttpTransport(proxy=settings.proxy, loopback=settings.is_loopback)
    if settings.sandbox:
        settings, accounts, transport = _build_simulation(settings, runtime, sandbox)
        stores = replace(stores, accounts=accounts)
    configured_secrets = (settings.app_secret, settings.access_token, settings.refresh_token)
    secrets.register_secrets(*(secret.get_secret_value() for secret in configured_secrets))
    if settings.proxy is not None:
        secrets.register_secrets(*settings.proxy.collect_secrets())

    catalog = Catalog()
    auth = AuthTransport(transport, settings.auth_url)
    app = _read_app(settings)
    tokens = TokenProvider(
        stores.accounts,
        auth,
        app,
        settings.app_key,
        runtime.clock,
        _environment_account(settings),
        secrets,
    )
    platform = PlatformClient(
        ApiTransport(transport, settings.api_url, runtime.clock),
        tokens,
        runtime,
        InMemoryRateLimiter(runtime.monotonic, runtime.sleep, stores.rate_marks),
        catalog,
        DiscoveryOperations(
            catalog.operations["get_authorized_shops"], catalog.operations["get_authorized_category_assets"]
        ),
        call_timeout_s,
        settings.shop,
    )
    consent_url = "" if settings.auth_url == AUTH_URL else settings.auth_url
    sign_in = SignIn(
        tokens,
        auth,
        platform.shops,
        catalog,
        stores.oauth_states,
        secrets,
        consent_url,
    )

    try:
        listed_tools = select_tools(catalog, settings.toolsets, settings.tools)
        excluded = resolve_tool_names(catalog, settings.exclude_tools)
    except UnknownToolError as error:
        raise SettingsError(str(error)) from None
    labels_folder = home_folder.labels_folder
    files = AllowedFiles(
        (settings.files_folder, labels_folder), settings.home, (labels_folder, home_folder.files_folder)
    )
    result_store = ScopedResultStore(stores.results, platform.shops.resolve_pinned_id, settings.buyer_data)
    paginator = Paginator(catalog, platform, settings.time_zone)
    result_builder = ResultBuilder(catalog, SensitiveFields(), result_store, settings.result_bytes, settings.buyer_data)
    reads = ReadExecutor(
        catalog, platform, paginator, result_builder, stores.issued_documents, settings.time_zone, excluded
    )
    writes = WriteExecutor(
        platform,
        ConfirmationGate(settings.confirm, stores.confirmations, result_builder.to_local_result),
        WriteOutcomes(stores.write_outcomes, runtime.clock, LocalProcesses()),
        stores.audit_log,
        result_builder.normalize,
        reads.read_current_state,
        result_builder.redact_arguments,
        result_builder.redact_text,
    )
    local_tools: dict[str, Any] = {}
    dispatcher = ToolDispatcher(
        catalog,
        platform,
        files,
        reads,
        writes,
        result_builder,
        result_store,
        local_tools,
        listed_tools,
        excluded,
        settings.time_zone,
        settings.read_only,
        settings.sandbox,
    )
    discovery_tools = DiscoveryTools(catalog, dispatcher.is_available, dispatcher.get_operation)
    document_fetcher = DocumentFetcher(transport, loopback=settings.is_loopback)
    sign_in_tools = SignInTools(sign_in, tokens, platform.shops, lambda: _read_service(settings, stores.accounts))
    local_tools |= SummaryTools(
        catalog, platform, settings.time_zone, stores.unfinished_summaries, runtime.clock, dispatcher.is_available
    ).create_tools()
    local_tools |= {
        "check_connection": CheckConnectionTool(
            transport,
            settings.api_url,
            settings.auth_url,
            tokens,
            platform,
            catalog.operations["get_active_shops"],
            runtime,
        ),
        "describe_operation": discovery_tools.describe_operation,
        "find_operations": discovery_tools.find_operations,
        "exchange_authorization_code": sign_in_tools.exchange_authorization_code,
        "get_authorization_url": sign_in_tools.get_authorization_url,
        "list_changes": ListChangesTool(stores.audit_log, platform.shops, settings.time_zone, runtime.clock),
        "list_shops": ListShopsTool(platform.shops, settings.time_zone),
        "reconcile_payouts": ReconcilePayoutsTool(
            paginator, platform, dispatcher.is_available, settings.time_zone, runtime.clock
        ),
        "read_result": ReadResultTool(result_store, settings.result_bytes),
        "refresh_access_token": sign_in_tools.refresh_access_token,
        "save_result": SaveResultTool(result_store, home_folder.exports_folder, runtime.clock),
        "resize_pdf": ResizePdfTool(
            files,
            document_fetcher,
            stores.issued_documents,
            labels_folder,
            dispatcher.find_shipping_label,
            runtime.clock,
        ),
    }
    return App(settings, dispatcher, tokens, sign_in, stores.accounts, transport, secrets)


def _read_app(settings: Settings) -> PartnerApp | None:
    if not settings.app_key or not settings.app_secret.get_secret_value():
        return None
    return PartnerApp(key=settings.app_key, secret=settings.app_secret)


def _environment_account(settings: Settings) -> Account | None:
    """The account that the environment's tokens make up."""
    if settings.sandbox or not settings.access_token.get_secret_value():
        return None
    return Account(
        id=ENVIRONMENT_ID_PREFIX + compute_pair_fingerprint(settings.access_token, settings.refresh_token),
        app_key=settings.app_key,
        access_token=settings.access_token,
        refresh_token=settings.refresh_token,
    )


def _read_service(settings: Settings, store: AccountStore) -> tuple[str, str]:
    """The app's service id and region, as set or as stored at sign-in."""
    stored_app = store.read().app
    return (
        settings.service_id or (stored_app.service_id if stored_app else ""),
        settings.region or (stored_app.region if stored_app else ""),
    )


def _build_simulation(
    settings: Settings, runtime: Runtime, sandbox: Sandbox | None
) -> tuple[Settings, AccountStore, HttpTransport]:
    """The simulated shop in place of network, keys and store: nothing real is read or written."""
    if sandbox is None:
        from mcp_server_tiktok_shop.sandbox import Sandbox  # noqa: PLC0415 - only where it is asked for

        sandbox = Sandbox(shops=settings.sandbox_shops, orders=settings.sandbox_orders, clock=runtime.clock)
    accounts = {
        account.open_id: Account(
            id=account.open_id,
            app_key=sandbox.app_key,
            name=account.name,
            region=account.region,
            access_token=SecretStr(account.access_token),
            access_token_expire_in=account.access_token_expire_in,
            refresh_token=SecretStr(account.refresh_token),
            refresh_token_expire_in=account.refresh_token_expire_in,
            granted_scopes=tuple(account.granted_scopes),
            shops=tuple(
                Shop(
                    id=shop.id,
                    name=shop.name,
                    region=shop.region,
                    seller_type=shop.seller_type,
                    code=shop.code,
                    cipher=SecretStr(shop.cipher),
                )
                for shop in account.shops
            ),
        )
        for account in sandbox.accounts
    }
    sandbox_settings = replace(
        settings,
        app_key=sandbox.app_key,
        app_secret=SecretStr(sandbox.app_secret),
        access_token=SecretStr(""),
        refresh_token=SecretStr(""),
        service_id="sandbox",
        proxy=None,
        api_url=sandbox.base_url,
        auth_url=sandbox.base_url,
    )
    return (
        sandbox_settings,
        InMemoryAccountStore(StoredAccounts(None, accounts)),
        HttpTransport(application=sandbox.app),
    )
