"""Before a parcel is shipped: when the carrier can come for it, and which services take it at which price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.packing import BUYABLE, SERVICE_PRICES, SIZE, weight
from mcp_server_tiktok_shop.sandbox.fulfillment.shipping import package_of, part
from mcp_server_tiktok_shop.sandbox.money import text
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import order_of
from mcp_server_tiktok_shop.sandbox.ordering.order_views import delivery_option
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order

HOUR, DAY = 3600, 24 * 3600
DAYS_AHEAD = 3
WINDOWS = ((9, 13), (13, 17))


def get_package_handover_time_slots(call: Call) -> Json:
    return _slots(call, package_of(call, call.arguments["package_id"]).orders[0])


def get_order_handover_time_slots(call: Call) -> Json:
    return _slots(call, order_of(call, call.arguments["order_id"]))


def _slots(call: Call, order: Order) -> Json:
    """Two windows a day from tomorrow on; the seller's own carrier is no business of the platform's."""
    by_platform = order.shipping_type == "TIKTOK"
    midnight = call.now - call.now % DAY
    slots = [
        {
            "start_time": midnight + day * DAY + start * HOUR,
            "end_time": midnight + day * DAY + end * HOUR,
            "avaliable": True,
        }
        for day in range(1, DAYS_AHEAD + 1)
        for start, end in WINDOWS
    ]
    return {
        "can_pickup": by_platform,
        "can_drop_off": by_platform,
        "can_van_collection": False,
        "drop_off_point_url": "",
        "pickup_slots": slots if by_platform else [],
    }


def get_eligible_shipping_services(call: Call) -> Json:
    order = order_of(call, call.arguments["order_id"])
    if order.shipping_type == "SELLER":
        raise Refusal(21008106, f"The order '{order.id}' is shipped by the seller: no label can be bought for it.")
    named = [{"order_line_id": line_id} for line_id in call.arguments.get("order_line_item_ids") or ()]
    lines = part(order, named + (call.arguments.get("order_line_list") or []))
    wanted = delivery_option(order)
    return {
        "order_id": order.id,
        "order_line_id": [line.id for line in lines],
        "weight": call.arguments.get("weight") or weight(lines),
        "dimension": call.arguments.get("dimension") or SIZE,
        "shipping_services": [
            {
                "id": service.id,
                "name": service.name,
                "price": text(SERVICE_PRICES[service.id]),
                "shipping_fee": text(SERVICE_PRICES[service.id]),
                "currency": call.shop.currency,
                "earliest_delivery_days": service.days[0],
                "latest_delivery_days": service.days[1],
                "is_default": service is wanted,
                "shipping_provider_id": service.carriers[0].id,
                "shipping_provider_name": service.carriers[0].name,
            }
            for service in BUYABLE
        ],
    }
