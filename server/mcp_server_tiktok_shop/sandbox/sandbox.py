"""The simulated TikTok Shop as one object: its app, its accounts, its state, and the levers that tests pull."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway import operation_records
from mcp_server_tiktok_shop.sandbox.gateway.asgi_app import AsgiApp
from mcp_server_tiktok_shop.sandbox.gateway.faults import Faults
from mcp_server_tiktok_shop.sandbox.gateway.gateway import Gateway
from mcp_server_tiktok_shop.sandbox.gateway.log import Log
from mcp_server_tiktok_shop.sandbox.gateway.rates import Rates
from mcp_server_tiktok_shop.sandbox.gateway.tokens import TokenIssuer
from mcp_server_tiktok_shop.sandbox.http_server import serve_app
from mcp_server_tiktok_shop.sandbox.ids import draw_number
from mcp_server_tiktok_shop.sandbox.seeding import seed
from mcp_server_tiktok_shop.sandbox.service.webhook_sender import WebhookSender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mcp_server_tiktok_shop.sandbox.gateway.tokens import SellerAccount
    from mcp_server_tiktok_shop.sandbox.shop import State

DEFAULT_SEED = "tea"


class Sandbox:
    """A platform with `shops` shops (1 or 3) and `orders` orders in the first of them.

    The same seed gives the same shops, ids and names on every day. `clock` gives Unix seconds; statuses,
    tokens, links and `requests_per_second` (of each operation in each shop; more are refused) follow it. Every answer
    takes `answer_delay_s` by the wall's clock, as over a long way; `app.max_in_flight` tells how many were under way.
    """

    def __init__(
        self,
        shops: int = 1,
        orders: int = 300,
        clock: Callable[[], float] = time.time,
        seed_word: str = DEFAULT_SEED,
        requests_per_second: float | None = None,
        answer_delay_s: float = 0.0,
    ) -> None:
        if shops not in (1, 3):
            raise ValueError(f"the simulated platform has 1 or 3 shops, not {shops}")
        if orders < 0:
            raise ValueError("a shop has no negative number of orders")
        if requests_per_second is not None and not 0 < requests_per_second < inf:
            raise ValueError("a rate is a number of requests above 0")
        if not 0 <= answer_delay_s < inf:
            raise ValueError("a delay is a number of seconds from 0")
        self.clock_skew = 0.0
        self._clock = clock
        self.app_key = f"{draw_number(seed_word, 'app_key') % 10**12:012d}"[:7] + "sbx"
        self.app_secret = f"{draw_number(seed_word, 'secret', 1):016x}{draw_number(seed_word, 'secret', 2):016x}"
        catalog = operation_records.load_operations()
        self.accounts: list[SellerAccount]
        self.state: State
        self.accounts, self.state = seed.build_world(seed_word, shops, orders, clock(), catalog)
        self.tokens = TokenIssuer(seed_word, self.now)
        for account in self.accounts:
            self.tokens.issue(account)
        self.faults = Faults()
        self.rates = Rates(requests_per_second)
        self.log = Log()
        self.webhook_sender = WebhookSender(self.state, self.now, self.app_key, self.app_secret)
        self._gateway = Gateway(
            records=catalog,
            state=self.state,
            accounts=self.accounts,
            tokens=self.tokens,
            faults=self.faults,
            rates=self.rates,
            clock=self.now,
            app_key=self.app_key,
            app_secret=self.app_secret,
            base_url="http://sandbox.localhost",
            redirect_url="",
        )
        self.base_url = "http://sandbox.localhost"
        self.app = AsgiApp(self._gateway, self.log, answer_delay_s)

    def now(self) -> float:
        """The platform's clock: the injected one, off by `clock_skew` seconds."""
        return self._clock() + self.clock_skew

    @property
    def base_url(self) -> str:
        """What links in answers begin with."""
        return self._gateway.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        follows = self._gateway.redirect_url in ("", f"{self._gateway.base_url}/callback")
        self._gateway.base_url = url.rstrip("/")
        if follows:
            self._gateway.redirect_url = f"{self._gateway.base_url}/callback"

    @property
    def redirect_url(self) -> str:
        """Where the consent page leads; on the real platform it is fixed in the app's settings."""
        return self._gateway.redirect_url

    @redirect_url.setter
    def redirect_url(self, url: str) -> None:
        self._gateway.redirect_url = url

    def authorization_code(self, account: int = 0) -> str:
        """A code as the consent page gives it: good once, for 30 minutes."""
        return self.tokens.issue_code(self.accounts[account])

    def expire_access_token(self, account: int = 0) -> None:
        self.tokens.expire(self.accounts[account])

    def revoke(self, account: int = 0) -> None:
        """The seller removes the app."""
        self.tokens.revoke(self.accounts[account])

    @asynccontextmanager
    async def serve(self, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[str]:
        """Serve over HTTP in the running loop; gives the base URL, which links then begin with."""
        async with serve_app(self.app, host, port) as base_url:
            self.base_url = base_url
            yield self.base_url

    @asynccontextmanager
    async def send_webhooks(self, origin: str) -> AsyncIterator[None]:
        """Send what shops have addresses for to `origin`, `http://host:port` on this computer."""
        task = asyncio.create_task(self.webhook_sender.run(origin))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
