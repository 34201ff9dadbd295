"""From a seller's consent to a stored account: the link to open, the address it leads back to, the code in it."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.platform.envelope import Lost, Refused, Unreached
from mcp_server_tiktok_shop.platform.tokens import SIGN_IN, unclear
from mcp_server_tiktok_shop.state.account_store import private_folder, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.platform.authorization import AuthHost
    from mcp_server_tiktok_shop.platform.error_codes import Meaning
    from mcp_server_tiktok_shop.platform.shops import Shops
    from mcp_server_tiktok_shop.platform.tokens import Tokens
    from mcp_server_tiktok_shop.state.accounts import Account, App

log = logging.getLogger(__name__)

CONSENT = {"us": "https://services.us.tiktokshop.com", "row": "https://services.tiktokshop.com"}
CODE_LIFE = 30 * 60
PATIENCE = 10.0
PASSING = ("network", "rate_limited", "unknown_outcome")
SHORTEST_CODE = 12
REMEMBERED = 20


class States:
    """The random `state` of each link given out: an answer with another one was not asked for here."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock

    def make(self) -> str:
        state = secrets.token_urlsafe(16)
        with self._held() as known:
            known[state] = int(self._clock()) + CODE_LIFE
        return state

    def knows(self, state: str) -> bool:
        """Whether the state was given out here in the last 30 minutes; the code beside it works once anyway."""
        return state in self._known()

    @contextmanager
    def _held(self) -> Iterator[dict[str, int]]:
        from filelock import FileLock  # noqa: PLC0415

        private_folder(self._path.parent)
        with FileLock(self._path.with_suffix(".lock"), timeout=PATIENCE):
            known = self._known()
            yield known
            write_private(self._path, json.dumps(dict(list(known.items())[-REMEMBERED:])).encode())

    def _known(self) -> dict[str, int]:
        try:
            states = json.loads(self._path.read_bytes())
            return {str(state): int(until) for state, until in states.items() if until > self._clock()}
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            return {}


@dataclass(frozen=True, slots=True)
class SignIn:
    """`consent` is where sellers agree, by region or as set for another auth host."""

    tokens: Tokens
    auth: AuthHost
    shops: Shops
    meaning: Meaning
    states: States
    learn: Callable[[str], None]
    consent: str = ""
    _running: set[asyncio.Task[Account]] = field(default_factory=set)

    def link(self, service_id: str, region: str) -> str:
        """The address at which the seller agrees, with a new `state`."""
        host = self.consent or CONSENT[region or "row"]
        return f"{host}/open/authorize?service_id={quote(service_id, safe='')}&state={self.states.make()}"

    def code(self, pasted: str) -> str:
        """The code in what was pasted: the address the seller was sent to, or the bare code.

        Raises:
            ShopError: `declined` where the seller did not agree, `invalid_arguments` where there is no code.

        """
        text = pasted.strip()
        if not _is_address(text):
            return text
        query = parse_qs(urlsplit(text).query or text.partition("?")[2] or text)
        code, error, state = (query.get(name, [""])[0] for name in ("code", "error", "state"))
        if error or code in ("", "null"):
            told = "The seller did not agree" if error == "auth_denied" else f"The consent page said: {error[:60]}"
            raise ShopError("declined", f"{told}; nothing was stored.", hint=SIGN_IN)
        if not self.states.knows(state):
            told = "the address belongs to another sign-in: its `state` was not given out here in the last 30 minutes"
            problem = Problem("auth_code", told, "the address that the last authorization link led to")
            raise ShopError("invalid_arguments", told, hint=SIGN_IN, problems=(problem,))
        return code

    async def finish(self, pasted: str, *, app: App | None = None, proxy: SecretStr | None = None) -> Account:
        """Exchange the code, store the pair, and find the shops it opens.

        Raises:
            ShopError: Saying whether the code can still be used.

        """
        self._hide(pasted.strip())
        code = await asyncio.to_thread(self.code, pasted)
        self.tokens.check_store()
        running = asyncio.create_task(self._finish(code, app, proxy))
        self._running.add(running)
        running.add_done_callback(self._ended)
        return await asyncio.shield(running)  # the code is spent once it is sent: the pair is stored whoever waits

    def _hide(self, text: str) -> None:
        """Whatever is made of what was pasted, it is not shown: a bare code, or the values in an address."""
        values = [value for _, value in parse_qsl(text.rpartition("?")[2])] if _is_address(text) else [text]
        for value in values:
            if len(value) >= SHORTEST_CODE:
                self.learn(value)

    def _ended(self, running: asyncio.Task[Account]) -> None:
        self._running.discard(running)
        if not running.cancelled():
            running.exception()  # a caller that is gone hears nothing of it

    async def settle(self) -> None:
        """Wait for sign-ins under way."""
        if self._running:
            await asyncio.wait(set(self._running))  # cancelling this leaves them running

    async def _finish(self, code: str, app: App | None, proxy: SecretStr | None) -> Account:
        try:
            data = await self.auth.exchange(app or self.tokens.app, code, proxy)
        except Refused as error:
            if unclear(error):
                told = f"The code was sent, and the auth host answered with a fault: {error.message}"
                raise ShopError("unknown_outcome", told, hint=SIGN_IN, code=error.code) from None
            hint = self.meaning(error.code).get("hint") or SIGN_IN
            told = f"The platform refused the authorization code: {error.message}"
            raise ShopError("signed_out", told, hint=hint, code=error.code, request_id=error.request_id) from None
        except Unreached as error:
            told = f"The auth host was not reached: {error}."
            raise ShopError("network", told, hint="The code is unused: try again.", retryable=True) from None
        except Lost as error:
            told = f"The code was sent, but the answer was lost ({error}). A code works once."
            raise ShopError("unknown_outcome", told, hint=SIGN_IN) from None
        account = await self.tokens.adopt(data, app=app, proxy=proxy)
        try:
            return await self.shops.refetched(account)
        except ShopError as error:  # signed in all the same: the shops are asked for again when they are needed
            if error.kind not in PASSING:
                error.message = f"Signed in, but the shops can't be fetched. {error.message}"
                raise
            log.warning("the shops of the new account could not be fetched yet: %s", error.message)
            return account


def _is_address(text: str) -> bool:
    return "code=" in text or "error=" in text
