"""Three simulated shops in three markets, under two accounts, for the tests of jobs that are for several of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from mcp_server_tiktok_shop.sandbox.ordering.buyers import make_buyer
from tests.calls.test_writes import CATALOG, told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from mcp_server_tiktok_shop.sandbox import Sandbox
    from mcp_server_tiktok_shop.sandbox.gateway.log import Entry
    from mcp_server_tiktok_shop.sandbox.listings.products import Product
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop
    from tests.conftest import Connect

PAUSE = "deactivate_products"  # the write of pause_products
SENCHA = "Sencha Green Tea"  # sold at each of the three


def list_shops(sandbox: Sandbox) -> list[SimulatedShop]:
    """Those of GB and DE, which one account opens, and that of the US."""
    return [shop for account in sandbox.accounts for shop in account.shops]


@asynccontextmanager
async def at_several(connect: Connect, sandbox: Sandbox, **more: Any) -> AsyncIterator[Client]:
    settings = {"sandbox": "1", "sandbox_shops": "3", "sandbox_object": sandbox, "confirm": "asks"}
    async with connect(**settings | more) as client:
        yield client


def list_writes(sandbox: Sandbox) -> list[Entry]:
    return [
        entry
        for entry in sandbox.log
        if entry.operation in CATALOG.operations and CATALOG.operations[entry.operation].effect != "read"
    ]


def list_sent(sandbox: Sandbox) -> list[tuple[str, str]]:
    """What was written, and the region of the shop that it was written to."""
    regions = {shop.cipher: shop.region for shop in list_shops(sandbox)}
    return [(entry.operation, regions[parse_qs(entry.query)["shop_cipher"][0]]) for entry in list_writes(sandbox)]


def to_rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of list_changes, each with what all of them have."""
    shared, table = data.get("same_in_all_rows", {}), data["changes"]
    return [shared | dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def find_product(shop: SimulatedShop, title: str) -> Product:
    return next(product for product in shop.products.values() if product.title == title)


def list_live(shop: SimulatedShop, word: str) -> list[str]:
    """The products on sale whose title has the word, by id."""
    return [i for i, p in shop.products.items() if p.status == "ACTIVATE" and word in p.title]


def list_free_titles(*shops: SimulatedShop) -> list[str]:
    """The titles of what each of the shops sells at no promotion's price."""
    found: list[str] = []
    for product in shops[0].products.values():
        others = [[p for p in shop.products.values() if p.title == product.title] for shop in shops]
        if all(len(some) == 1 and _is_free(shop, some[0]) for shop, some in zip(shops, others, strict=True)):
            found.append(product.title)
    return found


def _is_free(shop: SimulatedShop, product: Product) -> bool:
    return product.status == "ACTIVATE" and all(
        product.id not in a.products for a in shop.promotions.activities.values()
    )


def name_chatting_buyers(shop: SimulatedShop, *first_names: str) -> None:
    """Each chat is with another buyer, the first ones with these and none of the others named like one of them."""
    buyers: dict[str, int] = {}
    for number in range(1000):
        buyers.setdefault(make_buyer(shop.region, number).first_name, number)
    wanted = [buyers.pop(name) for name in first_names]
    for conversation, buyer in zip(shop.chats.conversations.values(), [*wanted, *buyers.values()], strict=False):
        conversation.buyer = buyer


def raise_by_tenth(price: Decimal) -> Decimal:
    return (price * Decimal("1.1")).quantize(Decimal("0.01"), "ROUND_HALF_UP")


async def run(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return await told(client, "run_write_operation", name=tool, arguments=arguments)


async def agree(client: Client, asked: dict[str, Any]) -> dict[str, Any]:
    assert asked["status"] == "confirmation_required"
    return await told(client, "confirm_write", token=asked["confirm"])
