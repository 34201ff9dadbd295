"""Brands that listings may bear: two that the shop may sell, one that it may not, and none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json


@dataclass(frozen=True)
class Brand:
    id: str
    name: str
    is_authorized: bool = True

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            # The platform's own spelling.
            "authorized_status": "AUTHORIZED" if self.is_authorized else "UNAUTHORIEZD",
            "is_t1_brand": False,
            "brand_status": "AVAILABLE",
        }


BRANDS = {
    brand.id: brand
    for brand in (
        Brand("7082427311584347905", "No Brand"),
        Brand("7082427311584348161", "Sandbox Tea House"),
        Brand("7082427311584348417", "Sandbox Teaware"),
        Brand("7082427311584348673", "Sample Porcelain", is_authorized=False),
    )
}


def check_brand(brand_id: str) -> None:
    if not brand_id:
        return
    brand = BRANDS.get(brand_id)
    if brand is None:
        raise RefusalError(12052026, f"Invalid 'brand_id': there is no brand '{brand_id}'.")
    if not brand.is_authorized:
        raise RefusalError(12052201, f"The shop is not authorized to sell the brand '{brand.name}'.")
