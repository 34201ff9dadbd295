"""A listing with the pictures of another product is warned of, no product read for it, as far as it was made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_previews import run, send
from tests.calls.test_undo import make_listing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect

WORDS = "in another product already"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3)


def ruin(home: Path) -> None:
    """Make an audit log unreadable, whoever reads it."""
    (journal,) = home.rglob("journal.jsonl")
    journal.unlink()
    journal.mkdir()


def find_warning(shown: dict[str, Any]) -> str:
    return next((text for text in shown["data"].get("warnings", ()) if WORDS in text), "")


async def test_a_listing_with_the_picture_of_another_is_warned_of(connect: Connect, sandbox: Sandbox) -> None:
    shop = sandbox.accounts[0].shops[0]
    listing = make_listing(shop) | {"shop": shop.id}
    async with connect(sandbox="1", sandbox_shops="3", confirm="asks", sandbox_object=sandbox) as client:
        assert not find_warning(await run(client, "create_product", listing, dry_run=True))
        made = await send(client, "create_product", listing)
        looks = len(sandbox.log.list_entries("get_product"))
        again = await run(client, "create_product", listing | {"title": "Quite another tea of this shop"}, dry_run=True)
        assert len(sandbox.log.list_entries("get_product")) == looks
        own = {"product_id": made["data"]["product_id"], "main_images": listing["main_images"], "shop": shop.id}
        own_edit = await run(client, "partial_edit_product", own, dry_run=True)
        found = await run(client, "search_products", {"shop": shop.id, "status": "ACTIVATE", "page_size": 1})
        other = own | {"product_id": found["data"]["products"][0]["id"]}
        other_edit = await run(client, "partial_edit_product", other, dry_run=True)
        await send(client, "delete_products", {"product_ids": [made["data"]["product_id"]], "shop": shop.id})
        free = await run(client, "create_product", listing, dry_run=True)
    count = len(listing["main_images"])
    words = f'{count} of its pictures {"is" if count == 1 else "are"} in another product already: "{listing["title"]}"'
    assert find_warning(again) == words
    assert find_warning(other_edit) == words
    assert not find_warning(own_edit)
    assert not find_warning(free)


async def test_a_picture_of_another_shop_is_no_matter(connect: Connect, sandbox: Sandbox) -> None:
    one, two = sandbox.accounts[0].shops[:2]
    async with connect(sandbox="1", sandbox_shops="3", confirm="none", sandbox_object=sandbox) as client:
        await send(client, "create_product", make_listing(one) | {"shop": one.id})
        shown = await run(client, "create_product", make_listing(one) | {"shop": two.id}, dry_run=True)
    assert not find_warning(shown)


async def test_a_lost_audit_log_stops_no_listing(connect: Connect, sandbox: Sandbox, home: Path) -> None:
    shop = sandbox.accounts[0].shops[0]
    async with connect(sandbox="1", sandbox_shops="3", confirm="none", sandbox_object=sandbox) as client:
        await send(client, "create_product", make_listing(shop) | {"shop": shop.id})
        ruin(home)
        shown = await run(client, "create_product", make_listing(shop) | {"shop": shop.id}, dry_run=True)
    assert not find_warning(shown)
    assert "error" not in shown
