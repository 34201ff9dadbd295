"""Hands out a working access token, and renews a pair once however many ask for it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.envelope import SERVER_FAULT, Lost, Refused, Unreached
from mcp_server_tiktok_shop.state.accounts import ENVIRONMENT, Account

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.platform.authorization import AuthHost
    from mcp_server_tiktok_shop.state.account_store import Contents, Held, Store
    from mcp_server_tiktok_shop.state.accounts import App

log = logging.getLogger(__name__)

FAULTS = (36009003, 36009007)  # internal error, upstream timeout
PAUSE = 60  # seconds before a renewal ahead of time is tried again, once it failed
AHEAD = 15 * 60  # Renew this many seconds before expiry: longer than any call, short beside seven days.
SIGN_IN = (
    "The seller must authorize the app again: run `mcp-server-tiktok-shop login` in a terminal, or open the link of "
    "get_authorization_url and pass the address it leads to to exchange_authorization_code within 30 minutes."
)


class Tokens:
    """The accounts of one app, with tokens that work.

    `given` is the account that the environment's tokens make up; once its lineage was stored, the stored pair wins.
    `learn` is told every secret that comes by, so that none is shown.
    """

    def __init__(
        self,
        store: Store,
        auth: AuthHost,
        app: App | None,
        app_key: str,
        clock: Callable[[], float],
        given: Account | None = None,
        learn: Callable[..., None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._auth = auth
        self._app = app
        self._app_key = app_key
        self._clock = clock
        self._given = given
        self._learn = learn
        self._renewals: dict[str, asyncio.Task[Account]] = {}
        self._began = 0
        self._unsaved: dict[str, tuple[SecretStr, Account]] = {}
        self._paused: dict[str, float] = {}
        self._sorted: tuple[Contents, dict[str, Account]] | None = None

    @property
    def app(self) -> App:
        """The app's key and secret: those given at the start, else those stored at sign-in.

        Raises:
            ShopError: `not_configured` where either is missing.

        """
        app = self._app or self._store.now().app
        if app is None or (self._app_key and app.key != self._app_key):
            raise not_configured()
        self._learn(app.secret.get_secret_value())
        return app

    async def accounts(self) -> dict[str, Account]:
        """The accounts by id, oldest first."""
        return self._ours_now()

    def _ours_now(self) -> dict[str, Account]:
        """The accounts, sorted out anew only where the store holds something else than last time."""
        contents = self._store.now()
        if self._sorted is None or self._sorted[0] is not contents:
            self._sorted = (contents, self._ours(contents.accounts))
        return self._newest(self._sorted[1])

    def _newest(self, ours: dict[str, Account]) -> dict[str, Account]:
        """The accounts with the pairs that could not be stored, for as long as the store holds those they replaced."""
        unsaved = {
            name: renewed
            for name, (replaced, renewed) in self._unsaved.items()
            if name in ours and ours[name].access_token == replaced
        }
        return ours | unsaved if unsaved else ours

    def _ours(self, stored: dict[str, Account]) -> dict[str, Account]:
        key = self.app.key
        ours = {
            name: account
            for name, account in stored.items()
            if account.app_key == key and not name.startswith(ENVIRONMENT)
        }
        if (given := self._given) is not None:
            self._began = self._began or int(self._clock())
            begun = given.model_copy(update={"app_key": key, "since": self._began})
            ours[given.id] = stored.get(given.id) or begun
        for account in ours.values():
            self._learn(*account.secrets())
        # Of two made in the same second, the one that was signed in is the newer.
        return dict(sorted(ours.items(), key=lambda item: (item[1].since, not item[0].startswith(ENVIRONMENT))))

    def usable(self, account_id: str) -> Account | None:
        """The account, if its access token has time left; None where it is to be renewed first.

        Raises:
            ShopError: `signed_out` where there is no such account.

        """
        account = self._ours_now().get(account_id)
        if account is None:
            raise ShopError("signed_out", "This account is no longer signed in.", hint=SIGN_IN)
        now, expires = self._clock(), account.access_token_expire_in
        paused = now < expires and now < self._paused.get(account_id, 0)
        return account if not expires or now < expires - AHEAD or paused else None

    async def fresh(self, account: Account) -> Account:
        """The account renewed ahead of its expiry, or as it is where that fails and it still works.

        Raises:
            ShopError: `signed_out` where it can't be renewed.

        """
        try:
            return await self.renewed(account.id, account.access_token)
        except ShopError:
            if self._clock() < account.access_token_expire_in:
                self._paused[account.id] = self._clock() + PAUSE
                return account  # The call itself will tell when it no longer works.
            raise

    async def renewed(self, account_id: str, rejected: SecretStr) -> Account:
        """The account with another access token than the rejected one.

        One renewal serves every caller, and runs on to its stored end when its callers are gone.

        Raises:
            ShopError: `signed_out` where the refresh token is refused, else `network`, `platform`, `unknown_outcome`.

        """
        renewal = self._renewals.get(account_id)
        if renewal is None or renewal.done():
            renewal = asyncio.create_task(self._renew(account_id, rejected))
            renewal.add_done_callback(_observed)
            self._renewals[account_id] = renewal
        return await asyncio.shield(renewal)

    async def _renew(self, account_id: str, rejected: SecretStr) -> Account:
        async with self._store.held() as held:
            account = self._newest(self._ours(held.accounts)).get(account_id)
            if account is None:
                raise ShopError("signed_out", "This account is no longer signed in.", hint=SIGN_IN)
            if account.access_token != rejected:
                return account  # another process was first
            if not account.refresh_token.get_secret_value():
                told = "The access token has expired and there is no refresh token to renew it with."
                raise ShopError("signed_out", told, hint=SIGN_IN)
            return await self._renew_held(held, account)

    async def _renew_held(self, held: Held, account: Account) -> Account:
        """Mark, ask, store: the new pair is on disk before anyone uses it."""
        cut_off = account.renewing_since
        marked = account.model_copy(update={"renewing_since": int(self._clock())})
        held.accounts[account.id] = marked
        await held.save()
        try:
            data = await self._auth.renew(self.app, account)
        except Unreached as error:
            held.accounts[account.id] = account
            await held.save()
            raise ShopError("network", f"The auth host was not reached: {error}.", retryable=True) from None
        except (Refused, Lost) as error:
            if isinstance(error, Refused) and not unclear(error):
                held.accounts[account.id] = account
                await held.save()
                raise _refused(error, cut_off) from None
            told = f"The renewal was sent, but its answer was lost ({error}); the platform may have rotated the pair."
            hint = f"Call again: the old refresh token is tried once more. If it is refused: {SIGN_IN}"
            raise ShopError("unknown_outcome", told, hint=hint, retryable=True) from None
        renewed = account.with_pair(data)
        self._learn(*renewed.secrets())
        held.accounts[account.id] = renewed
        try:
            await held.save()
        except ShopError as error:  # the old pair is dead: better an unstored new one than none
            self._unsaved[account.id] = (account.access_token, renewed)
            log.error("%s The renewed pair is kept in memory alone.", error.message)  # noqa: TRY400 - no traceback
        log.info("renewed the access token of %s", renewed.name or renewed.id)
        return renewed

    async def adopt(self, data: dict[str, Any], *, app: App | None = None, proxy: SecretStr | None = None) -> Account:
        """Store the pair that an authorization code was exchanged for, and with it the app, where it is given."""
        now = int(self._clock())
        self._learn(str(data["access_token"]), str(data.get("refresh_token") or ""))
        async with self._store.held() as held:
            key = str(data.get("open_id") or f"{data.get('seller_name')}-{data.get('seller_base_region')}")
            held.app = app or held.app
            known = held.accounts.get(key)
            kept = proxy or (known.proxy if known else SecretStr(""))
            blank = Account(
                id=key, app_key=(app or self.app).key, access_token=data["access_token"], since=now, proxy=kept
            )
            account = held.accounts[key] = blank.with_pair(data)
            await held.save()
        return account

    async def change(self, account_id: str, **update: Any) -> Account | None:
        """Store a change to an account, if it is still there."""
        async with self._store.held() as held:
            account = self._newest(self._ours(held.accounts)).get(account_id)
            if account is not None:
                account = held.accounts[account_id] = account.model_copy(update=update)
                self._learn(*account.secrets())
                await held.save()
            return account

    def check_store(self) -> None:
        """Make sure that what is asked for can be kept, before anything is spent on it.

        Raises:
            ShopError: `not_configured` where the store can't be read.

        """
        self._store.now()

    async def forget(self, account_id: str) -> None:
        """Take an account out of the store; the platform keeps the authorization."""
        async with self._store.held() as held:
            held.accounts.pop(account_id, None)
            await held.save()

    async def settle(self) -> None:
        """Wait for renewals under way: a pair that was asked for is stored before the server ends."""
        if self._renewals:
            await asyncio.wait(set(self._renewals.values()))  # cancelling this leaves them running


def _observed(renewal: asyncio.Task[Account]) -> None:
    """A renewal whose callers are gone may fail unheard; its state is in the store."""
    if not renewal.cancelled():
        renewal.exception()


def unclear(error: Refused) -> bool:
    """Whether the auth host may have rotated the pair although it answered with a fault."""
    return error.status >= SERVER_FAULT or error.code in FAULTS


def _refused(error: Refused, cut_off: int) -> ShopError:
    if error.status == 429 or error.code == 36009002:  # noqa: PLR2004 - throttled: the pair is untouched
        told = "The auth host refuses more renewals for now."
        return ShopError("rate_limited", told, retryable=True, code=error.code, request_id=error.request_id)
    told = f"The platform refused to renew the access token: {error.message}"
    if cut_off:
        told += " (an earlier renewal was cut off before its answer came, so the stored pair is out of date)"
    return ShopError("signed_out", told, hint=SIGN_IN, code=error.code, request_id=error.request_id)


def lineage(access_token: SecretStr, refresh_token: SecretStr) -> str:
    """The fingerprint of a first pair: tells the same environment from a new one without keeping its tokens."""
    pair = f"{access_token.get_secret_value()}\n{refresh_token.get_secret_value()}"
    return hashlib.sha256(pair.encode()).hexdigest()[:32]


def not_configured() -> ShopError:
    return ShopError(
        "not_configured",
        "No TikTok Shop app is configured: TIKTOK_SHOP_APP_KEY or TIKTOK_SHOP_APP_SECRET is empty or missing.",
        hint=(
            "Run `mcp-server-tiktok-shop login` in a terminal. Or set both in the client's configuration (the secret "
            "also by TIKTOK_SHOP_APP_SECRET_FILE) and sign in with exchange_authorization_code, or with "
            "TIKTOK_SHOP_ACCESS_TOKEN and TIKTOK_SHOP_REFRESH_TOKEN. To try without an account, start the server "
            "with --sandbox."
        ),
    )
