"""Describes an order to a person: what is in it, what it comes to, where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_TITLE_CHARS = 40
CANCELLED_STATUS = "CANCELLED"


def count_units(lines: Iterable[Json]) -> str:
    """`2 x Oolong (TEA-1), 1 x Sencha (TEA-2)`, of lines that are a unit each."""
    counts: dict[tuple[str, str], int] = {}
    for line in (line for line in lines if isinstance(line, dict)):
        key = str(line.get("product_name", ""))[:MAX_TITLE_CHARS], str(line.get("seller_sku", ""))
        counts[key] = counts.get(key, 0) + 1
    return ", ".join(f"{n} x {title}" + (f" ({sku})" if sku else "") for (title, sku), n in counts.items())


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
