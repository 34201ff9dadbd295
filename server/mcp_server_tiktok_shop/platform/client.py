"""One call to the platform from a bound request to its answer: fresh token, signature, retries, one deadline."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.category_assets import Assets
from mcp_server_tiktok_shop.platform.envelope import SERVER_FAULT, THROTTLED, Lost, Refused, Unreached
from mcp_server_tiktok_shop.platform.error_codes import QUOTA, refusal
from mcp_server_tiktok_shop.platform.rate_limits import Key, Late
from mcp_server_tiktok_shop.platform.shops import Shops, Target
from mcp_server_tiktok_shop.state.accounts import Account, Asset, Shop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from mcp_server_tiktok_shop.catalog.binding import ApiCall
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.envelope import Answer
    from mcp_server_tiktok_shop.platform.error_codes import Meaning
    from mcp_server_tiktok_shop.platform.rate_limits import Pace, Turn
    from mcp_server_tiktok_shop.platform.signed_requests import ApiHost
    from mcp_server_tiktok_shop.platform.tokens import Tokens

TOKEN_EXPIRED = 105002
CIPHER_REFUSED = 101000
LOST_UPSTREAM = 36009007
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
        pace: Pace,
        meaning: Meaning,
        sources: Sources,
        deadline: float = 45.0,
        pinned: str | None = None,
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._rim = rim
        self._pace = pace
        self._meaning = meaning
        self._sources = sources
        self._deadline = deadline
        self.shops = Shops(tokens, self._authorized_shops, pinned)
        self.assets = Assets(tokens, self._authorized_assets)

    async def call(self, call: ApiCall, target: Target, *, until: float | None = None) -> Answer:
        """The platform's answer, by a moment of the monotonic clock, or else within the deadline.

        A token past its expiry is renewed once and a refused cipher fetched anew once: the call was surely not
        done, so a write goes out again too. Reads are repeated on what passes, as far as the deadline allows.
        What the platform throttled goes out again at its pace, as does everything else: that wait counts, too.

        Raises:
            ShopError: What the platform refused, or why it was not reached, or that the outcome is unknown.

        """
        until = self.until() if until is None else until
        mended: set[int] = set()
        attempt = 0
        failed: Refused | Unreached | Lost | None = None
        target = await self._with_token(target, until)
        while True:
            try:
                return await self._once(call, target, until)
            except Late as late:
                raise self._late(call, late, failed) from None
            except Refused as error:
                if error.code in (TOKEN_EXPIRED, CIPHER_REFUSED) and error.code not in mended:
                    mended.add(error.code)
                    again = await self._within(until, self._mended(call, target, error))
                    if again is not None:
                        target = again
                        continue
                failed = error
            except (Unreached, Lost) as error:
                failed = error
            wait = self._wait(call, failed, attempt)
            if wait is None or self._rim.monotonic() + wait >= until:
                raise self._told(call, failed)
            if wait:
                attempt += 1
                await self._rim.sleep(wait)

    def until(self) -> float:
        """When a call that begins now must be done, by the monotonic clock."""
        return self._rim.monotonic() + self._deadline

    def left(self, until: float) -> float:
        """Seconds until then."""
        return until - self._rim.monotonic()

    async def _once(self, call: ApiCall, target: Target, until: float) -> Answer:
        key = Key(target.account.id, target.shop.id if target.shop else "", call.operation.name)
        async with self._pace.turn(key, until) as turn:
            left = until - self._rim.monotonic()
            if left <= 0:
                raise Unreached("the deadline passed before it could be sent")
            try:
                answer = await self._api.send(self._tokens.app, call, target, timeout=left)
            except (Refused, Lost) as error:
                self._heed(turn, error)
                raise
            turn.passed()
            return answer

    def _heed(self, turn: Turn, error: Refused | Lost) -> None:
        """Tell the pace what the platform said of it."""
        if error.retry_after:
            turn.held(error.retry_after)
        if isinstance(error, Refused):
            if self._throttled(error):
                turn.throttled()
            else:
                turn.passed()

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

    def _throttled(self, error: Refused) -> bool:
        """Whether it was one too many for now, and surely not done."""
        known = self._meaning(error.code).get("retry")
        return known != QUOTA and (error.status == THROTTLED or known == "backoff")

    def _wait(self, call: ApiCall, failed: Refused | Unreached | Lost, attempt: int) -> float | None:
        """Seconds until a call may be repeated, besides what its pace makes it wait; None where it must not be."""
        if isinstance(failed, Unreached):
            return self._backoff(attempt) if attempt < KNOCKS else None
        if isinstance(failed, Refused):
            if self._throttled(failed):
                return 0.0
            known = self._meaning(failed.code).get("retry")
            if known != "transient" and (failed.status < SERVER_FAULT or known is not None):
                return None
        if not _reads(call):
            return None
        backoff = self._backoff(attempt)
        return backoff if backoff > (failed.retry_after or 0.0) else 0.0

    def _backoff(self, attempt: int) -> float:
        return float(min(2**attempt, LONGEST_WAIT)) * 0.5 + self._rim.jitter() * 0.5

    def _told(self, call: ApiCall, failed: Refused | Unreached | Lost) -> ShopError:
        if not isinstance(failed, Refused):
            return self._unanswered(call, failed)
        unknown = failed.code == LOST_UPSTREAM or failed.status >= SERVER_FAULT
        if unknown and not _reads(call):
            return self._unknown(call, f"the platform answered {failed.code} ({failed.message})", failed.request_id)
        told = refusal(call.operation, failed, self._meaning(failed.code))
        if told.retryable and not _reads(call) and not self._throttled(failed):
            told.retryable = False  # it may have been done: only a look can tell
        return told

    def _late(self, call: ApiCall, late: Late, failed: Refused | Unreached | Lost | None) -> ShopError:
        """Why a call was not sent, or not again: what went wrong before, if anything did."""
        seconds = round(late.seconds + 0.05, 1)
        if failed is not None:
            told = self._told(call, failed)
            told.more.setdefault("retry_after_seconds", seconds)
            return told
        said = (
            f"{call.operation.name} was not sent: too many such calls wait for the platform, and its turn did not come."
        )
        hint = "Nothing was done. Repeat it later, with fewer calls at once and fuller batches and pages."
        return ShopError("rate_limited", said, hint=hint, retryable=True, retry_after_seconds=seconds)

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
