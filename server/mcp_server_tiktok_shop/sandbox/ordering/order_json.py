"""How an order looks over the wire: payment, recipient (masked or empty), lines, parcels and deadlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import DAY_S
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import (
    CARRIERS,
    EXPRESS_DELIVERY,
    SALES_WAREHOUSE,
    SELLER_DELIVERY,
    STANDARD_DELIVERY,
)
from mcp_server_tiktok_shop.sandbox.money import ZERO, format_amount
from mcp_server_tiktok_shop.sandbox.ordering.buyers import Buyer, make_buyer, mask_phone, mask_words
from mcp_server_tiktok_shop.sandbox.ordering.orders import HOLD_S, PAYMENT_WINDOW_S

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import DeliveryOption
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

PAYMENT_METHODS = {"GB": "Credit/Debit Card", "DE": "Wallet", "US": "Credit/Debit Card"}
DAYS_TO_SHIP = 2
DAYS_TO_CANCEL = 5
ADDRESS_LEVELS = ("Country", "State", "City")


def choose_delivery_option(order: Order) -> DeliveryOption:
    if order.shipping_type == "SELLER":
        return SELLER_DELIVERY
    return EXPRESS_DELIVERY if order.number % 7 == 0 else STANDARD_DELIVERY


def compute_delivery_due(order: Order) -> int:
    """By when a paid order is to be delivered: two days to hand it over, and as long as its delivery option takes."""
    return order.paid_time + HOLD_S + (DAYS_TO_SHIP + choose_delivery_option(order).days[1]) * DAY_S


def render_order(order: Order, shop: SimulatedShop, now: int, base_url: str) -> Json:
    """The order as list and detail show it; fields that are not set are left out."""
    status = order.get_status(now)
    option = choose_delivery_option(order)
    person = make_buyer(shop.region, order.buyer)
    payload: Json = {
        "id": order.id,
        "status": status,
        "order_type": "NORMAL",
        "commerce_platform": "TIKTOK_SHOP",
        "create_time": order.create_time,
        "update_time": order.get_update_time(now),
        "user_id": person.user_id,
        "buyer_email": "" if status in ("UNPAID", "ON_HOLD") else person.email,
        "buyer_message": order.buyer_message,
        "seller_note": order.seller_note,
        "payment_method_name": PAYMENT_METHODS[shop.region] if order.paid_time else "",
        "payment": render_payment(order, shop.currency),
        "recipient_address": _render_recipient(order, person, shop.region, status),
        "fulfillment_type": "FULFILLMENT_BY_SELLER",
        "shipping_type": order.shipping_type,
        "delivery_type": "HOME_DELIVERY",
        "delivery_option_id": option.id,
        "delivery_option_name": option.name,
        "warehouse_id": next((w.id for w in shop.warehouses if w.kind == SALES_WAREHOUSE), ""),
        "split_or_combine_tag": order.split,
        "has_updated_recipient_address": False,
        "is_cod": False,
        "is_sample_order": False,
        "is_replacement_order": False,
        "is_on_hold_order": status == "ON_HOLD",
        "is_buyer_request_cancel": bool(order.request_cancel_time),
        "need_upload_invoice": "NO_NEED",
        "packages": [{"id": package.id} for package in order.packages] if status not in ("UNPAID", "ON_HOLD") else [],
        "line_items": [_render_line(line, shop, now, base_url) for line in order.lines],
    }
    return payload | _render_times(order, now) | _render_shipment(order, now)


def _render_times(order: Order, now: int) -> Json:
    times: Json = {}
    if order.paid_time:
        ready = order.paid_time + HOLD_S
        times |= {
            "paid_time": order.paid_time,
            "rts_sla_time": ready + DAYS_TO_SHIP * DAY_S,
            "tts_sla_time": ready + 3 * DAY_S,
            "shipping_due_time": ready + DAYS_TO_CANCEL * DAY_S,
            "collection_due_time": ready + DAYS_TO_CANCEL * DAY_S,
            "delivery_sla_time": compute_delivery_due(order),
            "cancel_order_sla_time": ready + DAYS_TO_CANCEL * DAY_S,
        }
    else:
        times["cancel_order_sla_time"] = order.create_time + PAYMENT_WINDOW_S
    if order.is_cancelled(now):
        times |= {
            "cancel_time": order.cancel_time,
            "cancel_reason": order.cancel_reason,
            "cancellation_initiator": order.cancelled_by,
        }
    if order.request_cancel_time:
        times["request_cancel_time"] = order.request_cancel_time
    return times


def _render_shipment(order: Order, now: int) -> Json:
    shipped = [p for p in order.packages if p.shipped_time and p.shipped_time <= now]
    if not shipped:
        return {"tracking_number": ""}
    first = shipped[0]
    payload: Json = {
        "rts_time": max(p.shipped_time for p in shipped),
        "tracking_number": first.tracking_number,
        "shipping_provider_id": first.provider_id,
        "shipping_provider": CARRIERS[first.provider_id].name,
    }
    if all(package.collected_time <= now for package in shipped):  # as it is ready once the last of them is
        payload["collection_time"] = max(package.collected_time for package in shipped)
    if 0 < order.delivered_time <= now:
        payload["delivery_time"] = order.delivered_time
    return payload


def render_payment(order: Order, currency: str) -> Json:
    def sum_field(field: str) -> str:
        return format_amount(sum((getattr(line, field) for line in order.lines), ZERO))

    return {
        "currency": currency,
        "sub_total": format_amount(order.sub_total),
        "shipping_fee": format_amount(order.paid_by_buyer_for_shipping),
        "seller_discount": sum_field("seller_discount"),
        "platform_discount": sum_field("platform_discount"),
        "total_amount": format_amount(order.total_amount),
        "original_total_product_price": sum_field("original_price"),
        "original_shipping_fee": format_amount(order.shipping_fee),
        "shipping_fee_seller_discount": format_amount(order.shipping_seller_discount),
        "shipping_fee_platform_discount": format_amount(order.shipping_platform_discount),
        "shipping_fee_cofunded_discount": "0.00",
        "tax": format_amount(order.tax),
        "product_tax": format_amount(order.tax),
        "shipping_fee_tax": "0.00",
    }


def render_recipient(order: Order, region: str, now: int) -> Json:
    """Where the order goes; nothing while it is not to be shipped yet."""
    return _render_recipient(order, make_buyer(region, order.buyer), region, order.get_status(now))


def _render_recipient(order: Order, person: Buyer, region: str, status: str) -> Json:
    if status in ("UNPAID", "ON_HOLD"):
        return {}
    hidden = order.shipping_type == "TIKTOK"
    street = "***" if hidden else person.street
    levels = (person.country, person.district, person.town)
    return {
        "name": mask_words(person.name) if hidden else person.name,
        "first_name": mask_words(person.first_name) if hidden else person.first_name,
        "last_name": mask_words(person.last_name) if hidden else person.last_name,
        "phone_number": mask_phone(person.phone) if hidden else person.phone,
        "full_address": ", ".join((*levels, street)),
        "address_detail": street,
        "address_line1": street,
        "address_line2": "",
        "postal_code": mask_words(person.postcode, keep=2) if hidden else person.postcode,
        "post_town": person.town,
        "region_code": region,
        "district_info": [
            {"address_level": f"L{level}", "address_level_name": kind, "address_name": name}
            for level, (kind, name) in enumerate(zip(ADDRESS_LEVELS, levels, strict=True))
        ],
    }


def _render_line(line: Line, shop: SimulatedShop, now: int, base_url: str) -> Json:
    order, package = line.order, line.package
    payload: Json = {
        "id": line.id,
        "product_id": line.product.id,
        "product_name": line.product.title,
        "sku_id": line.sku.id,
        "sku_name": line.sku.name,
        "seller_sku": line.sku.seller_sku,
        "sku_image": f"{base_url}/images/{line.product.images[0].uri}" if line.product.images else "",
        "sku_type": "NORMAL",
        "currency": shop.currency,
        "original_price": format_amount(line.original_price),
        "sale_price": format_amount(line.sale_price),
        "seller_discount": format_amount(line.seller_discount),
        "platform_discount": format_amount(line.platform_discount),
        "display_status": order.get_line_status(line, now),
        "is_gift": False,
        "is_dangerous_good": False,
        "needs_prescription": False,
    }
    if line.cancel_time:
        payload |= {"cancel_user": line.cancelled_by, "cancel_reason": line.cancel_reason}
    elif order.is_cancelled(now):
        payload |= {"cancel_user": order.cancelled_by, "cancel_reason": order.cancel_reason}
    if package and order.paid_time and not order.is_on_hold(now):
        payload |= {"package_id": package.id, "package_status": package.get_status(now)}
        if package.shipped_time and package.shipped_time <= now:
            payload |= {
                "tracking_number": package.tracking_number,
                "shipping_provider_id": package.provider_id,
                "shipping_provider_name": CARRIERS[package.provider_id].name,
                "rts_time": package.shipped_time,
            }
    return payload
