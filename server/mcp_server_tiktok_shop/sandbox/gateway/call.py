"""One call that passed the gateway: all that an operation needs to answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.faults import Faults
    from mcp_server_tiktok_shop.sandbox.gateway.operation_records import OperationRecord
    from mcp_server_tiktok_shop.sandbox.gateway.tokens import SellerAccount
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop, State


@dataclass(frozen=True)
class Call:
    """`now` is the platform's clock in whole seconds; `secret` signs the links of documents."""

    operation: OperationRecord
    arguments: Json
    account: SellerAccount
    shop: SimulatedShop
    state: State
    faults: Faults
    now: int
    base_url: str
    secret: str

    @property
    def page_scope(self) -> str:
        """What a page token of this call is sealed with: it fits no other operation, and no other shop."""
        return f"{self.operation.name}/{self.shop.id}"
