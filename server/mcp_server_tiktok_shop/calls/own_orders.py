"""Reads a shop's own orders among ids of several shops' ones: of a batch with one of another's, all is refused."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from mcp_server_tiktok_shop.platform.order_owners import OrderOwners

MAX_READS_AT_ONCE = 5

Answer = TypeVar("Answer")


class OwnOrdersReader(Struct, Generic[Answer], frozen=True):
    """Reads at one of several shops that are asked at once; what one of them finds, the others need not ask for.

    `read` gives the answer about some ids, or raises what it was refused with; `list_ids` tells of which
    orders an answer is.
    """

    read: Callable[[list[str]], Awaitable[Answer]]
    list_ids: Callable[[Answer], list[str]]
    shop_id: str
    owners: OrderOwners

    async def read_own(self, ids: Sequence[str]) -> list[Answer]:
        """The answers about those of the ids that are the shop's: none where all are known to be of others.

        Where one half of a refused batch is the shop's, it is the other that is halved again: it has the few of other
        shops. Where neither is, ids are mixed, and each is asked for by itself: halves of halves take twice the reads.

        Raises:
            ShopError: What a read was refused with; where none of the ids is the shop's, that.

        """
        answers: list[Answer] = []
        refusals: list[ShopError] = []

        async def ask(batch: list[str]) -> bool:
            """Whether it was answered, and not refused as another shop's."""
            try:
                answer = await self.read(batch)
            except ShopError as error:
                if not error.is_not_here:
                    raise
                refusals.append(error)
                return False
            answers.append(answer)
            self.owners.enter(self.list_ids(answer), self.shop_id)
            return True

        batches = [own] if (own := self._drop_foreign(ids)) else []
        while batches:
            is_answered = await asyncio.gather(*map(ask, batches))
            refused = [batch for batch, is_own in zip(batches, is_answered, strict=True) if not is_own]
            if len(refused) > 1:
                await self._ask_each([order_id for batch in refused for order_id in batch], ask)
                break
            batches = [half for batch in refused for half in self._halve(batch)]
        if refusals and not answers:
            raise refusals[0]
        return answers

    def _halve(self, batch: list[str]) -> list[list[str]]:
        """What is to be asked for of a batch that was refused: nothing of a single id."""
        middle = len(batch) // 2
        return [half for part in (batch[:middle], batch[middle:]) if middle and (half := self._drop_foreign(part))]

    async def _ask_each(self, ids: list[str], ask: Callable[[list[str]], Awaitable[bool]]) -> None:
        """Ask for one at a time, some at once: each shop in an order of its own, so that it finds what others need."""
        random.Random(self.shop_id).shuffle(ids)
        for start in range(0, len(ids), MAX_READS_AT_ONCE):
            some = self._drop_foreign(ids[start : start + MAX_READS_AT_ONCE])
            await asyncio.gather(*(ask([order_id]) for order_id in some))

    def _drop_foreign(self, ids: Iterable[str]) -> list[str]:
        return self.owners.drop_foreign(ids, self.shop_id)


def list_ids(orders: object) -> list[str]:
    """The ids of the orders in a list of an answer."""
    rows = orders if isinstance(orders, list) else ()
    return [str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id")]
