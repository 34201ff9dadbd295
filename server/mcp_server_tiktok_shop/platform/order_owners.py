"""Remembers which shop each order is of, so that none is asked for twice at another: the platform refuses that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ORDERS = 20_000  # that are remembered; the first to come are the first to go


class OrderOwners(Struct, frozen=True):
    """Shops by the ids of their orders, as far as this process has read them: an order stays with its shop."""

    shop_ids: dict[str, str] = field(default_factory=dict)

    def enter(self, order_ids: Iterable[str], shop_id: str) -> None:
        """These orders are of this shop."""
        self.shop_ids.update(dict.fromkeys(order_ids, shop_id))
        while len(self.shop_ids) > MAX_ORDERS:
            del self.shop_ids[next(iter(self.shop_ids))]

    def drop_foreign(self, order_ids: Iterable[str], shop_id: str) -> list[str]:
        """The ids but for those of orders that surely are none of this shop's."""
        return [each for each in order_ids if self.shop_ids.get(each, shop_id) == shop_id]
