"""What the platform notifies of: each order, request and product whose status is another than it was last time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import advance_requests
from mcp_server_tiktok_shop.sandbox.ids import make_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

ORDER, CANCELLATION = "ORDER_STATUS_CHANGE", "CANCELLATION_STATUS_CHANGE"
RETURN, PRODUCT = "RETURN_STATUS_CHANGE", "PRODUCT_STATUS_CHANGE"
# Notifications have words of their own for some statuses, and none at all for one.
STATUS_WORDS = {"CANCELLED": "CANCEL", "CANCELLATION_REQUEST_CANCEL": "CANCELLATION_REQUEST_CANCELLED"}
UNREPORTED_STATUS = "PARTIALLY_SHIPPING"
WEBHOOKS_FILE = Path(__file__).parents[2] / "catalog" / "webhooks.json"


@dataclass(frozen=True)
class Notice:
    """A notification, and the address to which it goes."""

    id: str
    address: str
    body: bytes


def read_statuses(shop: SimulatedShop, now: int) -> Mapping[tuple[str, str], str]:
    """The status of everything that a notification could be about, by event and id."""
    statuses = {(ORDER, order.id): order.get_status(now) for order in shop.orders.values()}
    statuses |= {(CANCELLATION, request.id): request.status for request in shop.aftersales.iter_cancellations()}
    statuses |= {(RETURN, request.id): request.status for request in shop.aftersales.iter_returns()}
    return statuses | {(PRODUCT, product.id): product.get_status(now) for product in shop.products.values()}


def collect_notices(shop: SimulatedShop, now: int) -> list[Notice]:
    """A notice of each change since the last time, where there is an address for it."""
    advance_requests(shop, now)
    statuses: Mapping[tuple[str, str], str] = shop.get_or_build("statuses", now, lambda: read_statuses(shop, now))
    if statuses is shop.reported_statuses:
        return []
    changes = {key: status for key, status in statuses.items() if shop.reported_statuses.get(key) != status}
    shop.reported_statuses = statuses
    return [
        _make_notice(shop, event, thing_id, status, now)
        for (event, thing_id), status in changes.items()
        if event in shop.webhooks and status != UNREPORTED_STATUS
    ]


def _make_notice(shop: SimulatedShop, event: str, thing_id: str, status: str, now: int) -> Notice:
    notice_id = make_id("738", shop.id, event, thing_id, status, now)
    content = {
        "type": _load_types()[event],
        "tts_notification_id": notice_id,
        "shop_id": shop.id,
        "timestamp": now,
        "data": _describe(shop, event, thing_id, STATUS_WORDS.get(status, status), now),
    }
    return Notice(notice_id, shop.webhooks[event].address, json.dumps(content, separators=(",", ":")).encode())


def _describe(shop: SimulatedShop, event: str, thing_id: str, status: str, now: int) -> Json:
    if event == ORDER:
        order = shop.orders[thing_id]
        return {
            "order_id": thing_id,
            "order_status": status,
            "is_on_hold_order": order.is_on_hold(now),
            "update_time": order.get_update_time(now),
        }
    if event == PRODUCT:  # whose id is a number here
        return {"product_id": int(thing_id), "status": "PRODUCT_STATUS_CHANGED", "suspended_reason": ""} | {
            "update_time": now
        }
    request = shop.aftersales.requests[thing_id]
    if event == CANCELLATION:
        return {
            "order_id": request.order.id,
            "cancellations_role": request.role,
            "cancel_status": status,
            "cancel_id": thing_id,
            "create_time": request.create_time,
        }
    return {
        "order_id": request.order.id,
        "return_role": request.role,
        "return_type": request.kind,
        "return_status": status,
        "return_id": thing_id,
        "create_time": request.create_time,
        "update_time": request.update_time,
    }


@cache
def _load_types() -> Mapping[str, int]:
    records = json.loads(WEBHOOKS_FILE.read_text(encoding="utf-8"))
    return {event: record["type"] for event, record in records.items()}
