"""One call to the platform from a bound request to its answer: fresh token, signature, retries, one deadline."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tiktok.accounts import Account, Asset, Shop
from mcp_server_tiktok_shop.tiktok.assets import Assets
from mcp_server_tiktok_shop.tiktok.envelope import SERVER_FAULT, THROTTLED, Lost, Refused, Unreached
from mcp_server_tiktok_shop.tiktok.refusals import refusal
from mcp_server_tiktok_shop.tiktok.shops import Shops, Target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.tiktok.envelope import Answer
    from mcp_server_tiktok_shop.tiktok.refusals import Meaning
    from mcp_server_tiktok_shop.tiktok.requests import ApiHost
    from mcp_server_tiktok_shop.tiktok.tokens import Tokens

TOKEN_EXPIRED = 105002
CIPHER_REFUSED = 101000
LOST_UPSTREAM = 36009007
QUOTAS = (36009037, 45101004)  # used up for the hour or the day: waiting seconds does not help
LONGEST_WAIT = 60.0
KNOCKS = 3  # further tries to connect: a host or proxy that is away mostly stays so, and a person waits


T = TypeVar("T")
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Sources:
    """The operations that tell which shops and category assets an authorization opens, with their ciphers."""

    shops: Operation
    assets: Operation


@dataclass(frozen=True, slots=True)
class Rim:
    """What the passing of time is made of, so that tests can hold it still."""

    clock: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


class Platform:
    """The platform as the rest of the server sees it. `meaning` is what the catalog knows of a code."""

    def __init__(
        self,
        api: ApiHost,
        tokens: Tokens,
        rim: Rim,
        meaning: Meaning,
        sources: Sources,
        deadline: float = 45.0,
        pinned: str | None = None,
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._rim = rim
        self._meaning = meaning
        self._sources = sources
        self._deadline = deadline
        self.shops = Shops(tokens, self._authorized_shops, pinned)
        self.assets = Assets(tokens, self._authorized_assets)

    async def call(self, call: ApiCall, target: Target, *, until: float | None = None) -> Answer:
        """The platform's answer, by a moment of the monotonic clock, or else within the deadline.

        A token past its expiry is renewed once and a refused cipher fetched anew once: the call was surely not
        done, so a write goes out again too. Reads are repeated on what passes, as far as the deadline allows.

        Raises:
            ShopError: What the platform refused, or why it was not reached, or that the outcome is unknown.

        """
        until = self.until() if until is None else until
        mended: set[int] = set()
        attempt = 0
        target = await self._with_token(target, until)
        while True:
            try:
                return await self._once(call, target, until)
            except Refused as error:
                if error.code in (TOKEN_EXPIRED, CIPHER_REFUSED) and error.code not in mended:
                    mended.add(error.code)
                    again = await self._within(until, self._mended(call, target, error))
                    if again is not None:
                        target = again
                        continue
                wait = self._wait(call, error, attempt)
                if wait is None or self._rim.monotonic() + wait >= until:
                    raise self._told(call, error) from None
            except (Unreached, Lost) as error:
                repeats = attempt < KNOCKS if isinstance(error, Unreached) else _reads(call)
                least = error.retry_after or 0.0 if isinstance(error, Lost) else 0.0
                wait = max(self._backoff(attempt), least) if repeats else None
                if wait is None or self._rim.monotonic() + wait >= until:
                    raise self._unanswered(call, error) from None
            attempt += 1
            await self._rim.sleep(wait)

    def until(self) -> float:
        """When a call that begins now must be done, by the monotonic clock."""
        return self._rim.monotonic() + self._deadline

    def left(self, until: float) -> float:
        """Seconds until then."""
        return until - self._rim.monotonic()

    async def _once(self, call: ApiCall, target: Target, until: float) -> Answer:
        left = until - self._rim.monotonic()
        if left <= 0:
            raise Unreached("the deadline passed before it could be sent")
        return await self._api.send(self._tokens.app, call, target, timeout=left)

    async def _within(self, until: float, mending: Coroutine[Any, Any, T]) -> T:
        """What comes before the call itself counts towards its deadline; a renewal runs on behind it."""
        try:
            return await asyncio.wait_for(mending, until - self._rim.monotonic())
        except TimeoutError:
            told = "The sign-in could not be renewed in time; the call was not sent."
            raise ShopError("network", told, hint="Try again in a moment.", retryable=True) from None

    async def _with_token(self, target: Target, until: float) -> Target:
        account = self._tokens.usable(target.account.id)
        if account is None:
            account = await self._within(until, self._tokens.fresh(target.account))
        return replace(target, account=account)

    async def _mended(self, call: ApiCall, target: Target, error: Refused) -> Target | None:
        """The target with what was refused made new, or None where that can't help."""
        if error.code == TOKEN_EXPIRED:
            account = await self._tokens.renewed(target.account.id, target.account.access_token)
            return replace(target, account=account)
        if target.asset is not None:
            anew = await self.assets.again(target)
            return anew if anew.asset is not None and anew.asset.cipher != target.asset.cipher else None
        if target.shop is None or call.operation.cipher == "never":
            return None
        again = await self.shops.again(target)
        changed = again.shop is not None and again.shop.cipher != target.shop.cipher
        return again if changed else None

    def _wait(self, call: ApiCall, error: Refused, attempt: int) -> float | None:
        """Seconds until a refused call may be repeated; None where it must not be."""
        if error.code in QUOTAS:
            return None
        known = self._meaning(error.code).get("retry")
        throttled = error.status == THROTTLED or known == "backoff"
        passes = known == "transient" or (error.status >= SERVER_FAULT and known is None)
        if throttled or (passes and _reads(call)):
            return max(self._backoff(attempt), error.retry_after or 0.0)
        return None

    def _backoff(self, attempt: int) -> float:
        return float(min(2**attempt, LONGEST_WAIT)) * 0.5 + self._rim.jitter() * 0.5

    def _told(self, call: ApiCall, error: Refused) -> ShopError:
        unknown = error.code == LOST_UPSTREAM or error.status >= SERVER_FAULT
        if unknown and not _reads(call):
            return self._unknown(call, f"the platform answered {error.code} ({error.message})", error.request_id)
        told = refusal(call.operation, error, self._meaning(error.code))
        if told.retryable and not _reads(call) and self._wait(call, error, 0) is None:
            told.retryable = False  # it may have been done: only a look can tell
        return told

    def _unanswered(self, call: ApiCall, error: Unreached | Lost) -> ShopError:
        if isinstance(error, Lost) and not _reads(call):
            return self._unknown(call, str(error), None)
        reached = "was reached, but its answer was lost" if isinstance(error, Lost) else "was not reached"
        hint = "Try again in a moment; check_connection tells what is in the way."
        told = f"The platform {reached}: {error}."
        return ShopError("network", told, hint=hint, retryable=True)

    def _unknown(self, call: ApiCall, why: str, request_id: str | None) -> ShopError:
        told = f"{call.operation.name} was sent, but whether it was done is unknown: {why}."
        hint = "Do not repeat it yet: look first with a read (the order, product or package concerned) whether it took."
        return ShopError("unknown_outcome", told, hint=hint, request_id=request_id)

    async def _authorized_shops(self, account: Account) -> tuple[Shop, ...]:
        rows = await self._listed(account, self._sources.shops, "shops")
        return tuple(Shop.model_validate({k: v for k, v in row.items() if v is not None}) for row in rows)

    async def _authorized_assets(self, account: Account) -> tuple[Asset, ...]:
        rows = await self._listed(account, self._sources.assets, "category_assets")
        return tuple(
            Asset(
                cipher=row["cipher"],
                market=str(row.get("target_market") or ""),
                category_id=str((row.get("category") or {}).get("id") or ""),
                category=str((row.get("category") or {}).get("name") or ""),
            )
            for row in rows
        )

    async def _listed(self, account: Account, operation: Operation, name: str) -> list[Json]:
        answer = await self.call(bind(operation, {}, UTC), Target(account, None))
        return list(answer.data.get(name) or ())


def _reads(call: ApiCall) -> bool:
    return call.operation.effect == "read"
