"""Sign-in: the link where a seller agrees, the address it returns to, and the account its code opens."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.platform.envelope import ApiError, ConnectError, UnknownOutcomeError
from mcp_server_tiktok_shop.platform.token_errors import SIGN_IN_HINT
from mcp_server_tiktok_shop.platform.tokens import is_outcome_unknown
from mcp_server_tiktok_shop.private_struct import PrivateStruct
from mcp_server_tiktok_shop.state.stores import OAUTH_STATE_TTL_S
from mcp_server_tiktok_shop.state.token_answers import read_account_id, read_name

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.platform.authorization import AuthTransport
    from mcp_server_tiktok_shop.platform.error_codes import ErrorCodeLookup
    from mcp_server_tiktok_shop.platform.shops import ShopResolver
    from mcp_server_tiktok_shop.platform.tokens import SecretRegistry, TokenProvider
    from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp
    from mcp_server_tiktok_shop.state.stores import OAuthStates

log = logging.getLogger(__name__)

T = TypeVar("T")

CONSENT_URL_BY_REGION = {"us": "https://services.us.tiktokshop.com", "row": "https://services.tiktokshop.com"}
TRANSIENT_KINDS = ("network", "rate_limited", "unknown_outcome")
MIN_CODE_CHARS = 12  # shorter values of an address are no codes, and hiding them would tear words apart


class UnsavedPair(PrivateStruct, frozen=True):
    """What a code was exchanged for, in memory alone: the token answer's `data`, and what is stored beside it."""

    data: dict[str, Any]
    app: PartnerApp | None = None
    proxy: SecretStr | None = None

    @property
    def account_id(self) -> str:
        return read_account_id(self.data)

    @property
    def seller(self) -> str:
        """The name of the seller that it acts for, as the platform tells it."""
        return read_name(self.data.get("seller_name")) or self.account_id

    @property
    def region(self) -> str:
        return read_name(self.data.get("seller_base_region"))


class SignIn(Struct, frozen=True):
    """Signs sellers in. `consent_url` is where they agree, if not at the platform's own address of their region."""

    tokens: TokenProvider
    auth: AuthTransport
    shops: ShopResolver
    error_codes: ErrorCodeLookup
    states: OAuthStates
    secrets: SecretRegistry
    consent_url: str = ""
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def create_link(self, service_id: str, region: str) -> str:
        """The address at which the seller agrees, with a new `state`; `region` is `us`, `row` or empty."""
        return self.build_link(service_id, region, await self.states.create())

    def build_link(self, service_id: str, region: str, state: str) -> str:
        """As `create_link`, with a state that was given out before."""
        host = self.consent_url or CONSENT_URL_BY_REGION[region or "row"]
        return f"{host}/open/authorize?service_id={quote(service_id, safe='')}&state={state}"

    async def extract_code(self, pasted_text: str) -> str:
        """The code in what was pasted: the address the seller was sent to, or the bare code.

        Raises:
            ShopError: `declined` where the seller did not agree, `invalid_arguments` where there is no code.

        """
        text = pasted_text.strip()
        if not _is_address(text):
            return text
        query = parse_qs(urlsplit(text).query or text.partition("?")[2] or text)
        code, error, state = (query.get(name, [""])[0] for name in ("code", "error", "state"))
        if not error and not code:
            raise _make_address_error(
                "the address has no code in it", "the whole address, with its `code`, or the code"
            )
        if error or code == "null":
            message = "The seller did not agree" if error == "auth_denied" else f"The consent page said: {error[:60]}"
            raise ShopError("declined", f"{message}; nothing was stored.", hint=SIGN_IN_HINT)
        if not await self.states.is_valid(state):
            minutes = OAUTH_STATE_TTL_S // 60
            message = (
                "the address belongs to another sign-in: its `state` was not given out here in the last "
                f"{minutes} minutes"
            )
            raise _make_address_error(message, "the address that the last authorization link led to")
        return code

    async def finish(
        self, pasted_text: str, *, app: PartnerApp | None = None, proxy: SecretStr | None = None
    ) -> Account:
        """Exchange the code, store the pair, and fetch the shops it opens; answers the stored account.

        `pasted_text` is what `extract_code` takes; `app` is stored beside the account; `proxy` is the account's own.
        A code that was sent is brought to its end although the caller is gone.

        Raises:
            ShopError: As `extract_code`; else one that says whether the code can still be used.

        """
        code = await self._prepare_code(pasted_text)

        async def exchange_and_store() -> Account:
            return await self._store(await self._exchange(code, app, proxy))

        return await self._run_to_end(exchange_and_store())

    async def exchange(self, pasted_text: str) -> UnsavedPair:
        """Exchange the code and store nothing: `store` does, once the account is agreed to. Raises as `finish`."""
        code = await self._prepare_code(pasted_text)
        return await self._run_to_end(self._exchange(code, None, None))

    async def exchange_code(self, code: str) -> UnsavedPair:
        """As `exchange`, of a code whose sign-in was found right by whoever took it."""
        self._register_pasted_secrets(code)
        await self.tokens.check_store()
        return await self._run_to_end(self._exchange(code, None, None))

    def restore_pair(self, data: dict[str, Any]) -> UnsavedPair:
        """The pair of a token answer's `data`, that `exchange` gave elsewhere."""
        self._register_pair(data)
        return UnsavedPair(data)

    def _register_pair(self, data: dict[str, Any]) -> None:
        self.secrets.register_secrets(str(data["access_token"]), str(data.get("refresh_token") or ""))

    async def store(self, pair: UnsavedPair) -> Account:
        """Store the pair, and fetch the shops it opens; answers the stored account. Raises as `finish`."""
        return await self._run_to_end(self._store(pair))

    def is_bare_code(self, pasted_text: str) -> bool:
        """Whether it is no address: nothing says that the code belongs to a sign-in that was begun here."""
        return not _is_address(pasted_text.strip())

    async def is_stored(self, pair: UnsavedPair) -> bool:
        """Whether the account has signed in here before."""
        return pair.account_id in await self.tokens.load_accounts()

    async def _prepare_code(self, pasted_text: str) -> str:
        self._register_pasted_secrets(pasted_text.strip())
        code = await self.extract_code(pasted_text)
        await self.tokens.check_store()
        return code

    async def _run_to_end(self, work: Coroutine[Any, Any, T]) -> T:
        """The code is spent once it is sent: what was begun comes to its end whoever waits."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._discard_task)
        return await asyncio.shield(task)

    def _register_pasted_secrets(self, text: str) -> None:
        """A bare code, or the values in an address: whatever becomes of them, they must not appear anywhere."""
        values = [value for _, value in parse_qsl(text.rpartition("?")[2])] if _is_address(text) else [text]
        for value in values:
            if len(value) >= MIN_CODE_CHARS:
                self.secrets.register_secrets(value)

    def _discard_task(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more

    async def wait_for_pending(self) -> None:
        """Wait for sign-ins under way."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))  # cancelling this leaves them running

    async def _exchange(self, code: str, app: PartnerApp | None, proxy: SecretStr | None) -> UnsavedPair:
        try:
            data = await self.auth.exchange_code(app or self.tokens.app, code, proxy)
        except ApiError as error:
            if is_outcome_unknown(error):
                message = f"The code was sent, and the auth host answered with a fault: {error.message}"
                raise ShopError("unknown_outcome", message, hint=SIGN_IN_HINT, code=error.code) from None
            hint = self.error_codes.lookup_error_code(error.code).get("hint") or SIGN_IN_HINT
            message = f"The platform refused the authorization code: {error.message}"
            raise ShopError("signed_out", message, hint=hint, code=error.code, request_id=error.request_id) from None
        except ConnectError as error:
            message = f"The auth host was not reached: {error}."
            hint = f"The code is unused: try again{'' if error.is_transient else ' once that is mended'}."
            raise ShopError("network", message, hint=hint, retryable=error.is_transient) from None
        except UnknownOutcomeError as error:
            message = f"The code was sent, but the answer was lost ({error}). A code works once."
            raise ShopError("unknown_outcome", message, hint=SIGN_IN_HINT) from None
        self._register_pair(data)
        return UnsavedPair(data, app, proxy)

    async def _store(self, pair: UnsavedPair) -> Account:
        account = await self.tokens.save_pair(pair.data, app=pair.app, proxy=pair.proxy)
        try:
            return await self.shops.refetch_shops(account)
        except ShopError as error:  # signed in all the same: the shops are asked for again when they are needed
            if error.kind not in TRANSIENT_KINDS:
                error.message = f"Signed in, but the shops can't be fetched. {error.message}"
                raise
            log.warning("the shops of the new account could not be fetched yet: %s", error.message)
            return account


def find_service(service_id: str, region: str, stored_app: PartnerApp | None) -> tuple[str, str]:
    """The app's service id and region: as they are set, else those stored at sign-in; a region may be empty.

    Raises:
        ShopError: `not_configured` where the service id is not known.

    """
    service_id = service_id or (stored_app.service_id if stored_app else "")
    if not service_id:
        message = "The app's service id is not known, so its authorization link can't be made."
        hint = "Set TIKTOK_SHOP_SERVICE_ID, or open the link that Partner Center shows for the app."
        raise ShopError("not_configured", message, hint=hint)
    return service_id, region or (stored_app.region if stored_app else "")


def _is_address(text: str) -> bool:
    return "://" in text or any(f"{name}=" in text for name in ("code", "error", "state"))


def _make_address_error(message: str, allowed: str) -> ShopError:
    problem = Problem("auth_code", message, allowed)
    return ShopError("invalid_arguments", message, hint=SIGN_IN_HINT, problems=(problem,))
