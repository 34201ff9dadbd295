"""Puts the parts together, by the settings: the only place that knows them all."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.calls.confirmation import Confirming
from mcp_server_tiktok_shop.calls.dispatch import Assistant
from mcp_server_tiktok_shop.calls.local_files import Files
from mcp_server_tiktok_shop.calls.paging import Walker
from mcp_server_tiktok_shop.calls.reads import Reads
from mcp_server_tiktok_shop.calls.results.builder import Answers
from mcp_server_tiktok_shop.calls.results.scoped_results import Keeping
from mcp_server_tiktok_shop.calls.writes import Writes
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.sensitive_fields import Personal
from mcp_server_tiktok_shop.catalog.toolsets import UnknownToolError, known_tools, listed
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.authorization import AuthHost
from mcp_server_tiktok_shop.platform.client import Platform, Rim, Sources
from mcp_server_tiktok_shop.platform.documents import Documents, HandedOut
from mcp_server_tiktok_shop.platform.http_transport import Network
from mcp_server_tiktok_shop.platform.rate_limits import PaceInMemory
from mcp_server_tiktok_shop.platform.sign_in import SignIn, States
from mcp_server_tiktok_shop.platform.signed_requests import ApiHost
from mcp_server_tiktok_shop.platform.tokens import Tokens, lineage
from mcp_server_tiktok_shop.settings import AUTH_URL, Settings, SettingsError
from mcp_server_tiktok_shop.state.account_store import Contents, FileStore, MemoryStore
from mcp_server_tiktok_shop.state.accounts import ENVIRONMENT, Account, App, Shop
from mcp_server_tiktok_shop.state.audit_log import Journal
from mcp_server_tiktok_shop.state.expiring_records import FileRecords
from mcp_server_tiktok_shop.state.process_identity import has_ended, own_name
from mcp_server_tiktok_shop.state.result_store import Kept
from mcp_server_tiktok_shop.state.write_outcomes import Ledger
from mcp_server_tiktok_shop.tools.check_connection import Connection
from mcp_server_tiktok_shop.tools.discovery import Reach
from mcp_server_tiktok_shop.tools.exports import Spreadsheets
from mcp_server_tiktok_shop.tools.labels import Labels
from mcp_server_tiktok_shop.tools.list_changes import Changes
from mcp_server_tiktok_shop.tools.list_shops import ShopList
from mcp_server_tiktok_shop.tools.payouts.reconciliation import Reconciliation
from mcp_server_tiktok_shop.tools.read_result import ReadResult
from mcp_server_tiktok_shop.tools.sign_in import SignInTools
from mcp_server_tiktok_shop.tools.summaries.desk import Desk

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox import Sandbox
    from mcp_server_tiktok_shop.state.account_store import Store

REAL = Rim(time.time, time.monotonic)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of. `settings` are those in force, the simulated shop's in its place."""

    settings: Settings
    assistant: Assistant
    tokens: Tokens
    sign_in: SignIn
    store: Store
    network: Network
    secrets: logs.Secrets

    @property
    def lists_shop(self) -> bool:
        """Whether a model is told of `shop`: not where it has no choice."""
        if self.settings.shop is not None:
            return False
        try:
            contents = self.store.now()
        except ShopError:  # an unreadable store: each call says so
            return True
        key = self.settings.app_key or (contents.app.key if contents.app else "")
        ours = [account for account in contents.accounts.values() if account.app_key == key]
        shops = {shop.id for account in ours for shop in account.shops or ()}
        return len(shops) != 1 or any(account.shops is None for account in ours)

    async def close(self) -> None:
        await self.sign_in.settle()
        await self.tokens.settle()
        await self.network.close()


def put_together(
    settings: Settings, *, rim: Rim = REAL, sandbox: Sandbox | None = None, deadline: float = 45.0
) -> Parts:
    """Everything that serves an assistant.

    In sandbox mode `sandbox` is the simulated shop to use; one is made where none is given.
    """
    secrets = logs.Secrets()
    store: Store = FileStore(settings.home)
    network = Network(proxy=settings.proxy, loopback=settings.loopback)
    home = settings.home
    if settings.sandbox:
        settings, store, network = _simulated(settings, rim, sandbox)
    given = (settings.app_secret, settings.access_token, settings.refresh_token)
    secrets.learn(*(secret.get_secret_value() for secret in given))
    if settings.proxy is not None:
        secrets.learn(*settings.proxy.secrets())

    catalog = Catalog()
    auth = AuthHost(network, settings.auth_url)
    app = _app(settings)
    tokens = Tokens(store, auth, app, settings.app_key, rim.clock, _given(settings), secrets.learn)
    platform = Platform(
        ApiHost(network, settings.api_url, rim.clock),
        tokens,
        rim,
        PaceInMemory(rim.monotonic, rim.sleep),
        catalog.error,
        Sources(catalog.operations["get_authorized_shops"], catalog.operations["get_authorized_category_assets"]),
        deadline,
        settings.shop,
    )
    states = States(settings.state / "sign-ins.json", rim.clock)
    consent = "" if settings.auth_url == AUTH_URL else settings.auth_url
    sign_in = SignIn(tokens, auth, platform.shops, catalog.error, states, secrets.learn, consent)

    try:
        shown = listed(catalog, settings.toolsets, settings.tools)
        excluded = known_tools(catalog, settings.exclude_tools)
    except UnknownToolError as error:
        raise SettingsError(str(error)) from None
    labels = settings.state / "labels"
    files = Files((settings.folder, labels), home, (labels, settings.state / "files"))
    handed_out = HandedOut(settings.state / "documents.txt", rim.clock)
    kept = Keeping(Kept(settings.state / "results", rim.clock), platform.shops.pinned_id, settings.buyer_data)
    walker = Walker(catalog, platform, settings.time_zone)
    answers = Answers(catalog, Personal(), kept, settings.result_bytes, settings.buyer_data)
    reads = Reads(catalog, platform, walker, answers, handed_out, settings.time_zone, excluded)
    journal = Journal(settings.journal)
    writes = Writes(
        platform,
        Confirming(settings.confirm, FileRecords(settings.state / "confirmations.json", rim.clock), answers.plain),
        Ledger(FileRecords(settings.state / "unknown.json", rim.clock), rim.clock, own_name(), has_ended),
        journal,
        answers.opened,
        reads.look,
        answers.shown,
        answers.said,
    )
    local: dict[str, Any] = {}
    assistant = Assistant(
        catalog,
        platform,
        files,
        reads,
        writes,
        answers,
        kept,
        local,
        shown,
        excluded,
        settings.time_zone,
        settings.read_only,
        settings.sandbox,
    )
    reach = Reach(catalog, assistant.offers, assistant.operation)
    documents = Documents(network, loopback=settings.loopback)
    signing = SignInTools(sign_in, tokens, platform.shops, lambda: _service(settings, store))
    sums = Kept(settings.state / "sums", rim.clock)
    local |= Desk(catalog, platform, settings.time_zone, sums, rim.clock, assistant.offers).tools()
    local |= {
        "check_connection": Connection(
            network,
            settings.api_url,
            settings.auth_url,
            tokens,
            platform,
            catalog.operations["get_active_shops"],
            rim,
        ),
        "describe_operation": reach.describe,
        "find_operations": reach.find,
        "exchange_authorization_code": signing.exchange,
        "get_authorization_url": signing.link,
        "list_changes": Changes(journal, platform.shops, settings.time_zone, rim.clock),
        "list_shops": ShopList(platform.shops, settings.time_zone),
        "reconcile_payouts": Reconciliation(walker, platform, assistant.offers, settings.time_zone, rim.clock),
        "read_result": ReadResult(kept, settings.result_bytes),
        "refresh_access_token": signing.renew,
        "save_result": Spreadsheets(kept, settings.state / "exports", rim.clock),
        "resize_pdf": Labels(files, documents, handed_out, labels, assistant.document, rim.clock),
    }
    return Parts(settings, assistant, tokens, sign_in, store, network, secrets)


def _app(settings: Settings) -> App | None:
    if not settings.app_key or not settings.app_secret.get_secret_value():
        return None
    return App(key=settings.app_key, secret=settings.app_secret)


def _given(settings: Settings) -> Account | None:
    """The account that the environment's tokens make up."""
    if settings.sandbox or not settings.access_token.get_secret_value():
        return None
    return Account(
        id=ENVIRONMENT + lineage(settings.access_token, settings.refresh_token),
        app_key=settings.app_key,
        access_token=settings.access_token,
        refresh_token=settings.refresh_token,
    )


def _service(settings: Settings, store: Store) -> tuple[str, str]:
    """The app's service id and region, as set or as stored at sign-in."""
    kept = store.now().app
    return (
        settings.service_id or (kept.service_id if kept else ""),
        settings.region or (kept.region if kept else ""),
    )


def _simulated(settings: Settings, rim: Rim, sandbox: Sandbox | None) -> tuple[Settings, Store, Network]:
    """The simulated shop in place of network, keys and store: nothing real is read or written."""
    if sandbox is None:
        from mcp_server_tiktok_shop.sandbox import Sandbox  # noqa: PLC0415 - only where it is asked for

        sandbox = Sandbox(shops=settings.sandbox_shops, orders=settings.sandbox_orders, clock=rim.clock)
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
    simulated = replace(
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
    return simulated, MemoryStore(Contents(None, accounts)), Network(application=sandbox.app)
