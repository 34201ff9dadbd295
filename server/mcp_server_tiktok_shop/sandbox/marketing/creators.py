"""The creators who bring the shop buyers: plainly made up, the same few for every shop, each order with one or none."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import draw_number, make_id

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order

CREATOR_COUNT = 8
# Every fifth order came through a creator.
AFFILIATE_EVERY_ORDERS = 5
COMMISSION_RATE = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class Creator:
    open_id: str
    username: str
    nickname: str
    follower_count: int


def make_creator(number: int) -> Creator:
    """The same creator for the same number, wherever it is asked."""
    return Creator(
        open_id=make_id("70", "creator", number),
        username=f"sample_creator_{number + 1}",
        nickname=f"Sample creator {number + 1}",
        follower_count=900 + draw_number("followers", number) % 90_000,
    )


CREATORS = tuple(make_creator(number) for number in range(CREATOR_COUNT))


def find_creator(order: Order) -> Creator | None:
    """Who brought the order and is paid for it; None where the seller did it alone."""
    if draw_number("creator", order.id) % AFFILIATE_EVERY_ORDERS:
        return None
    # A few creators sell most, as everywhere: the smaller of two numbers is theirs.
    first, second = (draw_number("which creator", part, order.id) % CREATOR_COUNT for part in range(2))
    return CREATORS[min(first, second)]
