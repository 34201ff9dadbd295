"""What lies in the audit log of a write holds no secret and nothing of buyers, whatever the platform says of things."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.attack.hostile import EMAIL, OTHERS, HostilePlatform, assert_harmless
from tests.attack.test_one_way_out import call, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect


async def test_a_change_is_kept_and_told_without_a_canary(connect: Connect, home: Path) -> None:
    platform = HostilePlatform(Sandbox(orders=30))
    sandbox = platform.sandbox
    shop = sandbox.accounts[0].shops[0]
    product = next(p for p in shop.products.values() if p.get_status(int(time.time())) == "ACTIVATE")
    sku = product.skus[0]
    price = {"amount": f"{sku.price + 1}", "currency": "GBP"}
    stock = [{"warehouse_id": warehouse, "quantity": 7} for warehouse in sku.stock]
    conversation = next(iter(shop.chats.conversations.values()))
    message = {"conversation_id": conversation.id, "type": "TEXT", "content": json.dumps({"content": f"to {EMAIL}"})}
    writes: list[tuple[str, dict[str, Any]]] = [
        ("update_price", {"product_id": product.id, "skus": [{"id": sku.id, "price": price}]}),
        ("update_inventory", {"product_id": product.id, "skus": [{"id": sku.id, "inventory": stock}]}),
        ("partial_edit_product", {"product_id": product.id, "title": "A fine tea that has a new and longer name"}),
        ("deactivate_products", {"product_ids": [product.id]}),
        ("send_message", message),
    ]
    more: dict[str, Any] = {"confirm": "none", "buyer_data": "full"}
    async with platform.serve() as url, connect(**settings_of(platform, url), **more) as client:
        for name, arguments in writes:
            answer = await call(platform, client, "run_write_operation", {"name": name, "arguments": arguments})
            assert "error" not in answer, answer
    journal = (home / "journal.jsonl").read_text(encoding="utf-8")
    for line in journal.splitlines():
        assert_harmless(platform, json.dumps(json.loads(line), ensure_ascii=False), "the journal")
    assert '"before"' in journal
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        told = await call(platform, client, "list_changes", {})
    rows = [dict(zip(told["data"]["changes"]["columns"], r, strict=True)) for r in told["data"]["changes"]["rows"]]
    assert [row["operation"] for row in rows] == [name for name, _ in reversed(writes)]
    undo = {row["operation"]: row["undo"] for row in rows}
    assert undo["partial_edit_product"] == "No way back: what stood there may not be kept."
    assert OTHERS not in json.dumps(undo)
