"""Warehouses read, set up and changed, and what delivers from them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import (
    COUNTRIES,
    DELIVERY_OPTIONS,
    RETURN_WAREHOUSE,
    SALES_WAREHOUSE,
    Warehouse,
)
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

CONTACT_FIELDS = ("contact_person", "first_name", "last_name", "phone_number")


def get_warehouse_list(call: Call) -> Json:
    return {"warehouses": [warehouse.to_json() for warehouse in call.shop.warehouses]}


def get_global_seller_warehouses(call: Call) -> Json:
    warehouses = [w for shop in call.account.shops for w in shop.warehouses if w.kind == SALES_WAREHOUSE]
    return {"global_warehouses": [{"id": w.id, "name": w.name, "ownership": "SELLER"} for w in warehouses]}


def get_warehouse_delivery_options(call: Call) -> Json:
    if call.arguments["warehouse_id"] not in {warehouse.id for warehouse in call.shop.warehouses}:
        raise RefusalError(98001004, "Invalid 'warehouse_id': the shop has no such warehouse.")
    unit = "POUND" if call.shop.region == "US" else "GRAM"
    return {
        "delivery_options": [
            {
                "id": option.id,
                "name": option.name,
                "type": option.kind,
                "description": f"{option.days[0]}-{option.days[1]} days",
                "dimension_limit": {"max_height": 100, "max_length": 120, "max_width": 80, "unit": "CM"},
                "weight_limit": {"max_weight": 40 if unit == "POUND" else 20_000, "min_weight": 0, "unit": unit},
                "platform": ["TIKTOK_SHOP"],
            }
            for option in DELIVERY_OPTIONS.values()
        ]
    }


def get_shipping_providers(call: Call) -> Json:
    option = DELIVERY_OPTIONS.get(call.arguments["delivery_option_id"])
    if option is None:
        raise RefusalError(21008116, "The shop has not subscribed to this 'delivery_option_id'.")
    return {"shipping_providers": [{"id": carrier.id, "name": carrier.name} for carrier in option.carriers]}


def create_warehouse(call: Call) -> Json:
    """What is wrong with it is told in the answer, and no warehouse made."""
    details = call.arguments.get("warehouse", {})
    problem = _find_problem(call, details)
    if problem:
        return {"error_list": [{"code": 98001004, "message": problem}]}
    warehouse = Warehouse(
        id=make_id("70", call.shop.id, "warehouse", len(call.shop.warehouses), details["name"]),
        name=details["name"],
        kind=details["type"],
        region=call.shop.region,
        is_default=False,
        address=_render_address(call, details),
    )
    call.shop.warehouses.append(warehouse)
    call.shop.mark_changed()
    return {"warehouse_id": warehouse.id}


def _find_problem(call: Call, details: Json) -> str:
    if not details.get("name"):
        return "Invalid 'warehouse.name': a warehouse needs one."
    if details.get("type") not in (SALES_WAREHOUSE, RETURN_WAREHOUSE):
        return f"Invalid 'warehouse.type': {SALES_WAREHOUSE} or {RETURN_WAREHOUSE} is expected."
    return _find_name_conflict(call, details["name"])


def _find_name_conflict(call: Call, name: str, except_id: str = "") -> str:
    is_taken = any(warehouse.name == name and warehouse.id != except_id for warehouse in call.shop.warehouses)
    return f"Invalid 'warehouse.name': there is a warehouse '{name}' already." if is_taken else ""


def _render_address(call: Call, details: Json) -> Json:
    """The address as lists of warehouses show it, which name its parts a little differently."""
    address = details.get("address", {})
    payload = {f"address_line{n}": address[f"address_line_{n}"] for n in range(1, 5) if f"address_line_{n}" in address}
    payload |= {name: address[name] for name in ("state", "city") if name in address}
    if "postcode" in address:
        payload["postal_code"] = address["postcode"]
    if address:
        parts = (
            payload.get("address_line1"),
            payload.get("city"),
            payload.get("postal_code"),
            COUNTRIES[call.shop.region],
        )
        payload["full_address"] = ", ".join(part for part in parts if part)
    return payload | {name: details[name] for name in CONTACT_FIELDS if name in details}


def update_warehouse(call: Call) -> Json:
    warehouse_id, details = call.arguments["warehouse_id"], call.arguments.get("warehouse", {})
    place = next((n for n, warehouse in enumerate(call.shop.warehouses) if warehouse.id == warehouse_id), None)
    if place is None:
        raise RefusalError(98001004, "Invalid 'warehouse_id': the shop has no such warehouse.")
    old = call.shop.warehouses[place]
    problem = _find_name_conflict(call, details.get("name", old.name), except_id=old.id)
    if problem:
        return {"error_list": [{"code": 98001004, "message": problem}]}
    address = old.address | _render_address(call, details)
    call.shop.warehouses[place] = replace(old, name=details.get("name", old.name), address=address)
    call.shop.mark_changed()
    return {}
