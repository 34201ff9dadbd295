"""Sends notifications as the platform does: signed, at least once, in no order, again where one was not answered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from mcp_server_tiktok_shop.sandbox.service.notices import collect_notices

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.service.notices import Notice
    from mcp_server_tiktok_shop.sandbox.shop import State

LOOK_INTERVAL_S = 0.2
ANSWER_TIMEOUT_S = 3.0
RETRY_DELAYS_S = (120, 1800, 3 * 3600, 12 * 3600)  # by the platform's clock; then it is dropped
REPEAT_EVERY = 3  # of the notifications one is sent twice
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class SentNotice:
    """A notification that was sent, and how it was answered; 0 where it was not."""

    notice: Notice
    status: int


@dataclass
class WebhookSender:
    """Watches the shops that have addresses for events. `clock` is the platform's; `deliveries` is what was sent."""

    state: State
    clock: Callable[[], float]
    app_key: str
    app_secret: str
    deliveries: list[SentNotice] = field(default_factory=list)
    _waiting: list[tuple[float, int, Notice]] = field(default_factory=list)  # when it is due, and how often it was sent
    _count: int = 0

    async def run(self, origin: str) -> None:
        """Send until cancelled. Whatever an address says, it leads to `origin`, as to a proxy of its owner's.

        Raises:
            ValueError: `origin` is not on this computer.

        """
        if urlsplit(origin).hostname not in LOOPBACK_HOSTS:
            raise ValueError(f"the simulated shop sends to this computer alone, not to {origin}")
        # Nothing here speaks TLS.
        async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=ANSWER_TIMEOUT_S) as client:
            while True:
                now = self.clock()
                for shop in self.state.shops:
                    if shop.webhooks:
                        self._waiting += [(now, 0, notice) for notice in collect_notices(shop, int(now))]
                due = [entry for entry in self._waiting if entry[0] <= now]
                self._waiting = [entry for entry in self._waiting if entry[0] > now]
                for _, attempt, notice in reversed(due):
                    await self._deliver(client, origin, attempt, notice)
                await asyncio.sleep(LOOK_INTERVAL_S)

    async def _deliver(self, client: httpx2.AsyncClient, origin: str, attempt: int, notice: Notice) -> None:
        self._count += 1
        is_answered = await self._send(client, origin, notice)
        if self._count % REPEAT_EVERY == 0:
            await self._send(client, origin, notice)
        if not is_answered and attempt < len(RETRY_DELAYS_S):
            self._waiting.append((self.clock() + RETRY_DELAYS_S[attempt], attempt + 1, notice))

    async def _send(self, client: httpx2.AsyncClient, origin: str, notice: Notice) -> bool:
        address = urlsplit(notice.address)
        headers = {
            "Host": address.netloc,
            "Content-Type": "application/json",
            "Authorization": self.sign(notice.body),
        }
        try:
            response = await client.post(f"{origin}{address.path}", content=notice.body, headers=headers)
        except httpx2.HTTPError:
            status = 0
        else:
            status = response.status_code
        self.deliveries.append(SentNotice(notice, status))
        return status == httpx2.codes.OK

    def sign(self, body: bytes) -> str:
        """Lower-case hex of HMAC-SHA256 over app key and body."""
        return hmac.new(self.app_secret.encode(), self.app_key.encode() + body, hashlib.sha256).hexdigest()
