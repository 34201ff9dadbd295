"""Describes an order to a person: what is in it, what it comes to, where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_TITLE_CHARS, MAX_NOTE_CHARS = 40, 300
CANCELLED_STATUS = "CANCELLED"
NO_VARIANT = "Default"  # TikTok's name of the only SKU of a product without variants
NOTE_FIELDS = ("buyer_message", "seller_note")  # what buyer and seller wrote on an order


def count_units(lines: Iterable[Json]) -> str:
    """`2 x Oolong, 50 g (TEA-1), 1 x Sencha (TEA-2)`, of lines that are a unit each; a variant by its name."""
    counts: dict[tuple[str, str], int] = {}
    for line in (line for line in lines if isinstance(line, dict)):
        title, variant, sku = (str(line.get(name) or "") for name in ("product_name", "sku_name", "seller_sku"))
        variant = "" if variant == NO_VARIANT else variant[:MAX_TITLE_CHARS]
        key = ", ".join(filter(None, (title[:MAX_TITLE_CHARS], variant))), sku
        counts[key] = counts.get(key, 0) + 1
    return ", ".join(f"{n} x {name}" + (f" ({sku})" if sku else "") for (name, sku), n in counts.items())


def find_notes(orders: Iterable[Json]) -> Json:
    """What was written on orders, by whom: each text once, as far as buyers' data may be shown."""
    rows = [order for order in orders if isinstance(order, dict)]
    texts = {name: dict.fromkeys(filter(None, (order.get(name) for order in rows))) for name in NOTE_FIELDS}
    notes = {name: " / ".join(" ".join(str(text).split()) for text in each) for name, each in texts.items()}
    return {
        name: note if len(note) <= MAX_NOTE_CHARS else f"{note[:MAX_NOTE_CHARS]}…"
        for name, note in notes.items()
        if note
    }


def find_town(order: Json) -> str:
    """Where an order goes, as far as buyers' data may be shown; else nothing."""
    address = order.get("recipient_address")
    town = str(address.get("post_town") or "") if isinstance(address, dict) else ""
    return "" if town.startswith("*") else town


def find_buyer(order: Json) -> str:
    """Who an order is for, as far as buyers' data may be shown; else nothing."""
    address = order.get("recipient_address")
    recipient = address.get("name") if isinstance(address, dict) else ""
    name = str(order.get("buyer_nickname") or recipient or "")
    return "" if name.startswith("*") else name


def describe_order(order: Json) -> Json:
    """An order's buyer, contents, total and town; nothing of one that is not known."""
    payment = order.get("payment") if isinstance(order.get("payment"), dict) else {}
    total = " ".join(filter(None, (payment.get("total_amount"), payment.get("currency")))) if payment else ""
    contents = count_units(order.get("line_items") or ())
    values = {"buyer": find_buyer(order), "contents": contents, "total": total, "town": find_town(order)}
    return {name: value for name, value in values.items() if value}
