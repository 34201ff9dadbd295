"""Signs in sellers from a chat and renews their tokens; no token is ever in a result."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.calls.pending_writes import CONFIRM_TTL_S
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.sign_in import find_service
from mcp_server_tiktok_shop.state.stores import OAUTH_STATE_TTL_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.local_tool import LocalConfirmation
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.shops import ShopResolver
    from mcp_server_tiktok_shop.platform.sign_in import SignIn, UnsavedPair
    from mcp_server_tiktok_shop.platform.tokens import TokenProvider
    from mcp_server_tiktok_shop.state.accounts import Account
    from mcp_server_tiktok_shop.state.stores import AccountStore, ExpiringRecords

PENDING_TTL_S = CONFIRM_TTL_S + 60.0  # longer than the question stands, which is put once the code is exchanged

log = logging.getLogger(__name__)


class PendingExchange(Struct, frozen=True):
    """A code that is exchanged once, however often it is asked about, and until when its tokens are remembered."""

    task: asyncio.Task[UnsavedPair]
    expires_at: float


class SignInTools(Struct, frozen=True):
    """The tools `get_authorization_url`, `exchange_authorization_code` and `refresh_access_token`.

    `service_id` and `region` are the app's as they were set; where empty, those stored at sign-in count. `clock` gives
    seconds of a clock that is never set. By `shared_pairs` a code that was exchanged at one replica is asked about and
    stored at any; None where there is one process, which has them in memory.
    """

    sign_in: SignIn
    tokens: TokenProvider
    shops: ShopResolver
    operations: OperationDirectory
    store: AccountStore
    service_id: str
    region: str
    clock: Callable[[], float]
    shared_pairs: ExpiringRecords | None = None
    _pending: dict[str, PendingExchange] = field(default_factory=dict)

    async def get_authorization_url(self, _values: Json, _shop: str | None, _caller: Caller) -> Json:
        """The URL at which the seller authorizes the app, and for how many minutes its code is good.

        Raises:
            ShopError: `not_configured` where the app's service id is not known.

        """
        service_id, region = find_service(self.service_id, self.region, self.store.read().app)
        url = await self.sign_in.create_link(service_id, region)
        return {"url": url, "code_lives_minutes": OAUTH_STATE_TTL_S // 60}

    async def exchange_authorization_code(
        self, values: Json, _shop: str | None, confirmation: LocalConfirmation
    ) -> Json:
        """Turn an authorization code into a stored token pair: the account, and the shops that it opens.

        The address that a link of this server led to is asked about as every write is; a bare code always, since
        anybody's account may be behind it.
        """
        auth_code = values["auth_code"]
        if confirmation.is_required or self.sign_in.is_bare_code(auth_code):
            account = await self._store_confirmed(auth_code, confirmation)
        else:
            account = await self.sign_in.finish(auth_code)
        if account.shops is None:
            return account.to_json() | {"shops": "not fetched yet; list_shops asks for them"}
        if not self.operations.are_available(["list_shops"]):
            return account.to_json()
        return account.to_json() | {"shops": [shop.to_json() for shop in await self.shops.list_account_shops(account)]}

    async def _store_confirmed(self, auth_code: str, confirmation: LocalConfirmation) -> Account:
        """Exchange the code, ask about the account that it leads to, and store its tokens only after a yes."""
        if not confirmation.can_ask:  # it says so, and the code stays good
            await confirmation.ensure_confirmed()
        key = hashlib.sha256(auth_code.strip().encode("utf-8", "replace")).hexdigest()
        pair = await self._exchange_once(key, auth_code)
        try:
            await confirmation.ensure_confirmed(await self._describe_account(pair))
        except ShopError as error:
            if error.kind == "declined":
                await self._forget(key)
                _explain_refusal(error, pair)
            raise  # any other, as of a full disk, is no answer: the same call asks again
        account = await self.sign_in.store(pair)
        await self._forget(key)
        return account

    async def _exchange_once(self, key: str, auth_code: str) -> UnsavedPair:
        """The pair of a code, from memory where the question about it is answered by a later call."""
        now = self.clock()
        for old_key in [k for k, pending in self._pending.items() if pending.expires_at <= now]:
            del self._pending[old_key]

        def forget_failure(task: asyncio.Task[UnsavedPair]) -> None:
            if task.cancelled() or task.exception() is not None:
                self._pending.pop(key, None)  # the same code may be tried again, and who does is told anew

        if key in self._pending:
            task = self._pending[key].task
        else:
            task = asyncio.create_task(self._exchange(key, auth_code))
            task.add_done_callback(forget_failure)
        self._pending[key] = PendingExchange(task, now + PENDING_TTL_S)
        return await asyncio.shield(task)

    async def _exchange(self, key: str, auth_code: str) -> UnsavedPair:
        """The pair of a code, from another replica where that exchanged it."""
        if self.shared_pairs is None:
            return await self.sign_in.exchange(auth_code)
        if (record := await self.shared_pairs.get(key)) is not None:
            return self.sign_in.restore_pair(record)
        pair = await self.sign_in.exchange(auth_code)
        try:
            await self.shared_pairs.put(key, pair.data, PENDING_TTL_S)
        except ShopError as error:  # the code is spent: who asks this replica again still has what it brought
            log.warning("a pair that waits for a yes could not be shared: %s", error.message)
        return pair

    async def _forget(self, key: str) -> None:
        self._pending.pop(key, None)
        if self.shared_pairs is not None:
            await self.shared_pairs.take(key)

    async def _describe_account(self, pair: UnsavedPair) -> Json:
        """What the person is to recognize, before it is stored."""
        account: Json = {"seller": pair.seller, "region": pair.region or "unknown"}
        return account | {"known_here": "signed in before" if await self.sign_in.is_stored(pair) else "new"}

    async def refresh_access_token(self, _values: Json, shop: str | None, confirmation: LocalConfirmation) -> Json:
        """Renew the token pair of the account that `shop` belongs to, or of the only one: the account, renewed."""
        if confirmation.is_required:
            await confirmation.ensure_confirmed()
        target = await self.shops.choose(shop, "never")
        account = await self.tokens.renew(target.account.id, target.account.access_token)
        return account.to_json()


def _explain_refusal(error: ShopError, pair: UnsavedPair) -> None:
    """Say what became of the code: it was exchanged, and nothing was stored."""
    reason = error.message.partition(":")[0]
    error.message = f"{reason}: the tokens of {pair.seller!r} were dropped, and no account was stored."
    error.details["untrusted"] = ["message"]
    error.hint = "The code is spent. Leave it, unless they ask for it again; then begin with get_authorization_url."
