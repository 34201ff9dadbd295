"""Token provider: accounts with valid access tokens; a pair is renewed once, however many calls wait for it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import SecretStr

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.metrics import watch_renewal
from mcp_server_tiktok_shop.platform.api_codes import (
    HTTP_SERVER_ERROR,
    INTERNAL_ERROR_CODE,
    UPSTREAM_TIMEOUT_CODE,
)
from mcp_server_tiktok_shop.platform.envelope import ApiError, ConnectError, UnknownOutcomeError
from mcp_server_tiktok_shop.platform.token_errors import SIGN_IN_HINT, make_not_configured_error, make_renewal_error
from mcp_server_tiktok_shop.platform.unsaved_accounts import UnsavedAccounts
from mcp_server_tiktok_shop.state.accounts import ENVIRONMENT_ID_PREFIX, Account
from mcp_server_tiktok_shop.state.token_answers import read_account_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.platform.authorization import AuthTransport
    from mcp_server_tiktok_shop.state.accounts import PartnerApp, StoredAccounts
    from mcp_server_tiktok_shop.state.stores import AccountStore, AccountTransaction

log = logging.getLogger(__name__)

UNKNOWN_OUTCOME_CODES = (INTERNAL_ERROR_CODE, UPSTREAM_TIMEOUT_CODE)
RENEWAL_PAUSE_S = 60  # before a renewal ahead of expiry is tried again, once it failed
RENEW_AHEAD_S = 15 * 60  # before expiry: longer than any call, short beside the seven days of a token


class SecretRegistry(Protocol):
    """Where secrets are registered, so that logs and results are cleared of them."""

    def register_secrets(self, *values: str) -> None:
        """From now on none of the values appears in a log or a result."""


class TokenProvider:
    """The accounts of one app, with tokens that work. `clock` gives Unix seconds.

    `app` is the one in the settings, if its key and secret are there; `app_key` alone limits the stored one.
    `environment_account` is made of the environment's tokens; once an account of its id was stored, the stored pair
    counts. Every secret that comes by is registered in `secrets`.
    """

    def __init__(
        self,
        store: AccountStore,
        auth: AuthTransport,
        app: PartnerApp | None,
        app_key: str,
        clock: Callable[[], float],
        environment_account: Account | None,
        secrets: SecretRegistry,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._auth = auth
        self._app = app
        self._app_key = app_key
        self._clock = clock
        self._environment_account = environment_account
        self._secrets = secrets
        self._metrics = metrics
        self._renewals: dict[str, asyncio.Task[Account]] = {}
        self._started_at = 0
        self._unsaved_accounts = UnsavedAccounts(store)
        self._paused_until: dict[str, float] = {}
        self._accounts_cache: tuple[StoredAccounts, dict[str, Account]] | None = None

    @property
    def app(self) -> PartnerApp:
        """The app's key and secret: those in the settings, else those stored at sign-in.

        Raises:
            ShopError: `not_configured` where either is missing.

        """
        app = self._app or self._unsaved_accounts.app or self._store.read().app
        if app is None or (self._app_key and app.key != self._app_key):
            raise make_not_configured_error()
        self._secrets.register_secrets(app.secret.get_secret_value())
        return app

    def list_apps(self) -> list[PartnerApp]:
        """Every app whose secret is here: of the settings, and stored at sign-in. Raises ShopError as the store."""
        apps = {app.key: app for app in (self._store.read().app, self._unsaved_accounts.app, self._app) if app}
        self._secrets.register_secrets(*(app.secret.get_secret_value() for app in apps.values()))
        return list(apps.values())

    async def load_accounts(self) -> dict[str, Account]:
        """The accounts of this app by id, oldest first.

        Raises:
            ShopError: `not_configured` where there is no app, or the store can't be read.

        """
        self._unsaved_accounts.save_soon()
        return self._load_cached()

    def _load_cached(self) -> dict[str, Account]:
        """The accounts, selected anew only where the store answers another object than last time."""
        contents = self._store.read()
        if self._accounts_cache is None or self._accounts_cache[0] is not contents:
            self._accounts_cache = (contents, self._select_own(contents.accounts))
        return self._unsaved_accounts.overlay(self._accounts_cache[1])

    def _select_own(self, stored: dict[str, Account]) -> dict[str, Account]:
        app_key = self.app.key
        accounts = {
            account_id: account
            for account_id, account in stored.items()
            if account.app_key == app_key and not account_id.startswith(ENVIRONMENT_ID_PREFIX)
        }
        if (environment_account := self._environment_account) is not None:
            self._started_at = self._started_at or int(self._clock())
            initial_account = environment_account.model_copy(update={"app_key": app_key, "since": self._started_at})
            accounts[environment_account.id] = stored.get(environment_account.id) or initial_account
        for account in accounts.values():
            self._secrets.register_secrets(*account.collect_secrets())
        # Of two made in the same second, the one that was signed in is the newer.
        return dict(
            sorted(accounts.items(), key=lambda item: (item[1].since, not item[0].startswith(ENVIRONMENT_ID_PREFIX)))
        )

    def get_valid_account(self, account_id: str) -> Account | None:
        """The account, if its access token has time left; None where `ensure_fresh` is to renew it first.

        Raises:
            ShopError: `signed_out` where there is no such account.

        """
        account = self._load_cached().get(account_id)
        if account is None:
            raise ShopError("signed_out", "This account is no longer signed in.", hint=SIGN_IN_HINT)
        now, expires = self._clock(), account.access_token_expire_in
        paused = now < expires and now < self._paused_until.get(account_id, 0)
        return account if not expires or now < expires - RENEW_AHEAD_S or paused else None

    async def ensure_fresh(self, account: Account) -> Account:
        """The account renewed ahead of its expiry, or as it is where that fails and it still works.

        Raises:
            ShopError: As `renew`.

        """
        try:
            return await self.renew(account.id, account.access_token)
        except ShopError:
            if self._clock() < account.access_token_expire_in:
                self._paused_until[account.id] = self._clock() + RENEWAL_PAUSE_S
                return account  # when it no longer works, the call itself says so
            raise

    async def renew(self, account_id: str, rejected_token: SecretStr) -> Account:
        """The account with another access token than the rejected one.

        One renewal serves every caller, and runs on to its stored end when its callers are gone.

        Raises:
            ShopError: `signed_out` where there is no refresh token or it is refused; else `network`, `rate_limited`
                or `unknown_outcome`; as the store's `edit`.

        """
        renewal = self._renewals.get(account_id)
        if renewal is None or renewal.done():
            renewal = asyncio.create_task(self._renew_once(account_id, rejected_token))
            renewal.add_done_callback(_consume_exception)
            self._renewals[account_id] = renewal
        return await asyncio.shield(renewal)

    async def _renew_once(self, account_id: str, rejected_token: SecretStr) -> Account:
        async with self._store.edit() as transaction:
            account = self._unsaved_accounts.overlay(self._select_own(transaction.accounts)).get(account_id)
            if account is None:
                raise ShopError("signed_out", "This account is no longer signed in.", hint=SIGN_IN_HINT)
            if account.access_token != rejected_token:
                return account  # another process was first
            if not account.refresh_token.get_secret_value():
                message = "The access token has expired and there is no refresh token to renew it with."
                raise ShopError("signed_out", message, hint=SIGN_IN_HINT)
            with watch_renewal(self._metrics):
                return await self._renew_in_transaction(transaction, account)

    async def _renew_in_transaction(self, transaction: AccountTransaction, account: Account) -> Account:
        """Store a mark, send, store the pair: it is on disk before anyone uses it."""
        interrupted_at = account.renewing_since
        marked_account = account.model_copy(update={"renewing_since": int(self._clock())})
        transaction.accounts[account.id] = marked_account
        await transaction.save(is_another_sure=True)
        try:
            data = await self._auth.renew_pair(self.app, account)
        except (ConnectError, ShopError) as error:  # surely not sent, or refused on the way
            transaction.accounts[account.id] = account
            await transaction.save()
            if isinstance(error, ShopError):
                raise
            message = f"The auth host was not reached: {error}."
            hint = "check_connection tells what is in the way."
            raise ShopError("network", message, hint=hint, retryable=error.is_transient) from None
        except (ApiError, UnknownOutcomeError) as error:
            if isinstance(error, ApiError) and not is_outcome_unknown(error):
                transaction.accounts[account.id] = account
                await transaction.save()
                raise make_renewal_error(error, interrupted_at) from None
            message = (
                f"The renewal was sent, but its answer was lost ({error}); the platform may have rotated the pair."
            )
            hint = f"Call again: the old refresh token is tried once more. If it is refused: {SIGN_IN_HINT}"
            raise ShopError("unknown_outcome", message, hint=hint, retryable=True) from None
        renewed_account = account.copy_with_pair(data, self._clock())
        self._secrets.register_secrets(*renewed_account.collect_secrets())
        if 0 < renewed_account.access_token_expire_in - self._clock() <= RENEW_AHEAD_S:  # too short to renew it ahead
            self._paused_until[account.id] = renewed_account.access_token_expire_in
        await self._unsaved_accounts.save_or_keep(transaction, renewed_account, account.access_token)
        log.info("renewed the access token of %s", renewed_account.name or renewed_account.id)
        return renewed_account

    async def save_pair(
        self, data: dict[str, Any], *, app: PartnerApp | None = None, proxy: SecretStr | None = None
    ) -> Account:
        """Store the pair of a token answer's `data` as an account, with `app` beside it; answers the account.

        An account that is there keeps its `proxy` where none comes in its place.

        Raises:
            ShopError: As the store's `edit` and `save`.

        """
        now = int(self._clock())
        self._secrets.register_secrets(str(data["access_token"]), str(data.get("refresh_token") or ""))
        account_id = read_account_id(data)
        async with self._store.edit() as transaction:
            transaction.app = app or transaction.app
            stored_account = self._unsaved_accounts.overlay(transaction.accounts).get(account_id)
            account_proxy = proxy or (stored_account.proxy if stored_account else SecretStr(""))
            new_account = Account(
                id=account_id,
                app_key=(app or self.app).key,
                access_token=data["access_token"],
                since=now,
                proxy=account_proxy,
            )
            account = new_account.copy_with_pair(data, now)
            replaced = transaction.accounts.get(account_id)
            await self._unsaved_accounts.save_or_keep(
                transaction, account, replaced.access_token if replaced else None, app
            )
        return account

    async def update_account(self, account_id: str, **update: Any) -> Account | None:
        """Store a change to fields of an account; answers the account, None where it is gone.

        Where it can't be stored it holds in this process alone, so that reads go on; not so a new token pair.

        Raises:
            ShopError: As the store's `edit`, but for a store that can't be written.

        """
        try:
            async with self._store.edit() as transaction:
                account = self._unsaved_accounts.overlay(self._select_own(transaction.accounts)).get(account_id)
                if account is not None:
                    account = transaction.accounts[account_id] = account.model_copy(update=update)
                    self._secrets.register_secrets(*account.collect_secrets())
                    await transaction.save()
                    self._unsaved_accounts.forget(account_id)  # it was laid over the stored one
                return account
        except ShopError as error:
            if error.kind != "not_configured":
                raise
            return self._update_unsaved(account_id, update, error)

    def _update_unsaved(self, account_id: str, update: dict[str, Any], error: ShopError) -> Account | None:
        account = self._load_cached().get(account_id)
        if account is None:
            return None
        account = account.model_copy(update=update)
        replaced = self._select_own(self._store.read().accounts).get(account_id)
        self._unsaved_accounts.put(account, replaced.access_token if replaced else None)
        self._unsaved_accounts.save_soon()
        self._secrets.register_secrets(*account.collect_secrets())
        log.warning("%s What was fetched is in memory alone. %s", error.message, error.hint)
        return account

    async def check_store(self) -> None:
        """Make sure that a pair can be stored, before a code is spent on it. Raises as the store's `check_writable`."""
        await self._store.check_writable()
        self.register_stored_secrets()

    def register_stored_secrets(self) -> None:
        """Those of all accounts, other apps' included: what is told next shows none. Raises as the store's `read`."""
        for account in self._store.read().accounts.values():
            self._secrets.register_secrets(*account.collect_secrets())

    async def remove_account(self, account_id: str) -> None:
        """Delete an account from the store; at the platform the authorization stays. Raises as `save_pair`."""
        async with self._store.edit() as transaction:
            transaction.accounts.pop(account_id, None)
            await transaction.save()
            self._unsaved_accounts.forget(account_id)

    async def wait_for_pending(self) -> None:
        """Wait for renewals in flight, so that their pairs are stored before the server ends.

        What could not be stored is tried for a little longer.
        """
        if self._renewals:
            await asyncio.wait(set(self._renewals.values()))  # cancelling this leaves them running
        await self._unsaved_accounts.finish()


def _consume_exception(renewal: asyncio.Task[Account]) -> None:
    """A renewal whose callers are gone may fail without a word; its state is in the store."""
    if not renewal.cancelled():
        renewal.exception()


def is_outcome_unknown(error: ApiError) -> bool:
    """Whether the auth host may have rotated the pair although it answered with a fault."""
    return error.status >= HTTP_SERVER_ERROR or error.code in UNKNOWN_OUTCOME_CODES
