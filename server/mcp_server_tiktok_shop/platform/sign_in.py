"""Sign-in: the link at which a seller agrees, the address it leads back to, and the account that its code opens."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.platform.envelope import ApiError, ConnectError, UnknownOutcomeError
from mcp_server_tiktok_shop.platform.token_errors import SIGN_IN_HINT
from mcp_server_tiktok_shop.platform.tokens import is_outcome_unknown
from mcp_server_tiktok_shop.state.stores import OAUTH_STATE_TTL_S

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mcp_server_tiktok_shop.platform.authorization import AuthTransport
    from mcp_server_tiktok_shop.platform.error_codes import ErrorCodeLookup
    from mcp_server_tiktok_shop.platform.shops import ShopResolver
    from mcp_server_tiktok_shop.platform.tokens import SecretRegistry, TokenProvider
    from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp
    from mcp_server_tiktok_shop.state.stores import OAuthStates

log = logging.getLogger(__name__)

CONSENT_URL_BY_REGION = {"us": "https://services.us.tiktokshop.com", "row": "https://services.tiktokshop.com"}
TRANSIENT_KINDS = ("network", "rate_limited", "unknown_outcome")
MIN_CODE_CHARS = 12  # shorter values of an address are no codes, and hiding them would tear words apart


@dataclass(frozen=True, slots=True)
class SignIn:
    """Signs sellers in. `consent_url` is where they agree, if not at the platform's own address of their region."""

    tokens: TokenProvider
    auth: AuthTransport
    shops: ShopResolver
    error_codes: ErrorCodeLookup
    states: OAuthStates
    secrets: SecretRegistry
    consent_url: str = ""
    _tasks: set[asyncio.Task[Account]] = field(default_factory=set)

    async def create_link(self, service_id: str, region: str) -> str:
        """The address at which the seller agrees, with a new `state`; `region` is `us`, `row` or empty."""
        host = self.consent_url or CONSENT_URL_BY_REGION[region or "row"]
        return f"{host}/open/authorize?service_id={quote(service_id, safe='')}&state={await self.states.create()}"

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
        if error or code in ("", "null"):
            message = "The seller did not agree" if error == "auth_denied" else f"The consent page said: {error[:60]}"
            raise ShopError("declined", f"{message}; nothing was stored.", hint=SIGN_IN_HINT)
        if not await self.states.is_valid(state):
            minutes = OAUTH_STATE_TTL_S // 60
            message = (
                "the address belongs to another sign-in: its `state` was not given out here in the last "
                f"{minutes} minutes"
            )
            problem = Problem("auth_code", message, "the address that the last authorization link led to")
            raise ShopError("invalid_arguments", message, hint=SIGN_IN_HINT, problems=(problem,))
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
        self._register_pasted_secrets(pasted_text.strip())
        code = await self.extract_code(pasted_text)
        await self.tokens.check_store()
        task = asyncio.create_task(self._finish(code, app, proxy))
        self._tasks.add(task)
        task.add_done_callback(self._discard_task)
        return await asyncio.shield(task)  # the code is spent once it is sent: the pair is stored whoever waits

    def _register_pasted_secrets(self, text: str) -> None:
        """A bare code, or the values in an address: whatever becomes of them, they must not appear anywhere."""
        values = [value for _, value in parse_qsl(text.rpartition("?")[2])] if _is_address(text) else [text]
        for value in values:
            if len(value) >= MIN_CODE_CHARS:
                self.secrets.register_secrets(value)

    def _discard_task(self, task: asyncio.Task[Account]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more

    async def wait_for_pending(self) -> None:
        """Wait for sign-ins under way."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))  # cancelling this leaves them running

    async def _finish(self, code: str, app: PartnerApp | None, proxy: SecretStr | None) -> Account:
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
        account = await self.tokens.save_pair(data, app=app, proxy=proxy)
        try:
            return await self.shops.refetch_shops(account)
        except ShopError as error:  # signed in all the same: the shops are asked for again when they are needed
            if error.kind not in TRANSIENT_KINDS:
                error.message = f"Signed in, but the shops can't be fetched. {error.message}"
                raise
            log.warning("the shops of the new account could not be fetched yet: %s", error.message)
            return account


def _is_address(text: str) -> bool:
    return "code=" in text or "error=" in text
