"""What creators have asked for: requests for samples that wait, that were turned down, and one that nobody answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import HOUR_S
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.marketing.creators import CREATORS
from mcp_server_tiktok_shop.sandbox.marketing.samples import SampleApplication

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

# Hours since it was asked for, hours until it was approved, hours until it was rejected.
SEED_SAMPLES = ((5, 0, 0), (60, 0, 0), (160, 0, 0), (90, 30, 0), (120, 0, 20), (400, 0, 0))


def add_samples(shop: SimulatedShop, now: int) -> None:
    products = [product for product in shop.products.values() if product.status == "ACTIVATE"]
    for place, (ago, approved, rejected) in enumerate(SEED_SAMPLES):
        asked = now - ago * HOUR_S
        application = SampleApplication(
            id=make_id("74", shop.id, "sample", place),
            creator=CREATORS[place % len(CREATORS)],
            product=products[3 * place % len(products)],
            create_time=asked,
            approved_time=asked + approved * HOUR_S if approved else 0,
            rejected_time=asked + rejected * HOUR_S if rejected else 0,
        )
        shop.samples[application.id] = application
