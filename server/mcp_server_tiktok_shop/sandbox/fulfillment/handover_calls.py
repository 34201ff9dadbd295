"""Before a parcel is shipped: when the carrier can come for it, and which services take it at which price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import DAY_S, HOUR_S
from mcp_server_tiktok_shop.sandbox.fulfillment.packing import (
    BUYABLE_SERVICES,
    PACKAGE_SIZE,
    SERVICE_PRICES,
    render_weight,
)
from mcp_server_tiktok_shop.sandbox.fulfillment.shipping import require_package, select_lines
from mcp_server_tiktok_shop.sandbox.money import format_amount
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import require_order
from mcp_server_tiktok_shop.sandbox.ordering.order_json import choose_delivery_option
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order

MAX_PICKUP_DAYS = 3
PICKUP_WINDOW_HOURS = ((9, 13), (13, 17))


def get_package_handover_time_slots(call: Call) -> Json:
    return _render_slots(call, require_package(call, call.arguments["package_id"]).orders[0])


def get_order_handover_time_slots(call: Call) -> Json:
    return _render_slots(call, require_order(call, call.arguments["order_id"]))


def _render_slots(call: Call, order: Order) -> Json:
    """Two windows a day from tomorrow on; the seller's own carrier is no business of the platform's."""
    by_platform = order.shipping_type == "TIKTOK"
    midnight = call.now - call.now % DAY_S
    slots = [
        {
            "start_time": midnight + day * DAY_S + start * HOUR_S,
            "end_time": midnight + day * DAY_S + end * HOUR_S,
            "avaliable": True,
        }
        for day in range(1, MAX_PICKUP_DAYS + 1)
        for start, end in PICKUP_WINDOW_HOURS
    ]
    return {
        "can_pickup": by_platform,
        "can_drop_off": by_platform,
        "can_van_collection": False,
        "drop_off_point_url": "",
        "pickup_slots": slots if by_platform else [],
    }


def get_eligible_shipping_services(call: Call) -> Json:
    order = require_order(call, call.arguments["order_id"])
    if order.shipping_type == "SELLER":
        raise RefusalError(21008106, f"The order '{order.id}' is shipped by the seller: no label can be bought for it.")
    items = [{"order_line_id": line_id} for line_id in call.arguments.get("order_line_item_ids") or ()]
    lines = select_lines(order, items + (call.arguments.get("order_line_list") or []))
    default_service = choose_delivery_option(order)
    return {
        "order_id": order.id,
        "order_line_id": [line.id for line in lines],
        "weight": call.arguments.get("weight") or render_weight(lines),
        "dimension": call.arguments.get("dimension") or PACKAGE_SIZE,
        "shipping_services": [
            {
                "id": service.id,
                "name": service.name,
                "price": format_amount(SERVICE_PRICES[service.id]),
                "shipping_fee": format_amount(SERVICE_PRICES[service.id]),
                "currency": call.shop.currency,
                "earliest_delivery_days": service.days[0],
                "latest_delivery_days": service.days[1],
                "is_default": service is default_service,
                "shipping_provider_id": service.carriers[0].id,
                "shipping_provider_name": service.carriers[0].name,
            }
            for service in BUYABLE_SERVICES
        ],
    }
