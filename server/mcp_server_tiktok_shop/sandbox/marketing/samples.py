"""Creators' requests for free samples: decided by the seller in time, or over by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import DAY_S

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.listings.products import Product
    from mcp_server_tiktok_shop.sandbox.marketing.creators import Creator

APPROVAL_S = 7 * DAY_S
SHIPMENT_S = 5 * DAY_S


@dataclass(eq=False)
class SampleApplication:
    """One request; a time of 0 stands for a decision that never came."""

    id: str
    creator: Creator
    product: Product
    create_time: int
    approved_time: int = 0
    rejected_time: int = 0

    @property
    def approve_expiration_time(self) -> int:
        return self.create_time + APPROVAL_S

    @property
    def shipment_expiration_time(self) -> int:
        return self.approved_time + SHIPMENT_S if self.approved_time else 0

    def get_status(self, now: int) -> str:
        if self.rejected_time:
            return "REJECT_CANCELLED"
        if self.approved_time:
            return "AWAITING_SHIPMENT" if now < self.shipment_expiration_time else "SELLER_NOT_SHIP_CANCELLED"
        return "PENDING" if now < self.approve_expiration_time else "OVERDUE_CANCELLED"
