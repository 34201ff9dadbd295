"""Warehouses read, set up and changed, and what delivers from them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import COUNTRIES, OPTIONS, RETURN, SALES, Warehouse
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

PEOPLE = ("contact_person", "first_name", "last_name", "phone_number")


def get_warehouse_list(call: Call) -> Json:
    return {"warehouses": [warehouse.shown() for warehouse in call.shop.warehouses]}


def get_global_seller_warehouses(call: Call) -> Json:
    warehouses = [w for shop in call.account.shops for w in shop.warehouses if w.kind == SALES]
    return {"global_warehouses": [{"id": w.id, "name": w.name, "ownership": "SELLER"} for w in warehouses]}


def get_warehouse_delivery_options(call: Call) -> Json:
    if call.arguments["warehouse_id"] not in {warehouse.id for warehouse in call.shop.warehouses}:
        raise Refusal(98001004, "Invalid 'warehouse_id': the shop has no such warehouse.")
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
            for option in OPTIONS.values()
        ]
    }


def get_shipping_providers(call: Call) -> Json:
    option = OPTIONS.get(call.arguments["delivery_option_id"])
    if option is None:
        raise Refusal(21008116, "The shop has not subscribed to this 'delivery_option_id'.")
    return {"shipping_providers": [{"id": carrier.id, "name": carrier.name} for carrier in option.carriers]}


def create_warehouse(call: Call) -> Json:
    """What is wrong with it is told in the answer, and no warehouse made."""
    given = call.arguments.get("warehouse", {})
    problem = _problem(call, given)
    if problem:
        return {"error_list": [{"code": 98001004, "message": problem}]}
    warehouse = Warehouse(
        id=make_id("70", call.shop.id, "warehouse", len(call.shop.warehouses), given["name"]),
        name=given["name"],
        kind=given["type"],
        region=call.shop.region,
        is_default=False,
        address=_address(call, given),
    )
    call.shop.warehouses.append(warehouse)
    call.shop.changed()
    return {"warehouse_id": warehouse.id}


def _problem(call: Call, given: Json) -> str:
    if not given.get("name"):
        return "Invalid 'warehouse.name': a warehouse needs one."
    if given.get("type") not in (SALES, RETURN):
        return f"Invalid 'warehouse.type': {SALES} or {RETURN} is expected."
    return _taken(call, given["name"])


def _taken(call: Call, name: str, besides: str = "") -> str:
    taken = any(warehouse.name == name and warehouse.id != besides for warehouse in call.shop.warehouses)
    return f"Invalid 'warehouse.name': there is a warehouse '{name}' already." if taken else ""


def _address(call: Call, given: Json) -> Json:
    """The address as lists of warehouses show it, which name its parts a little differently."""
    address = given.get("address", {})
    told = {f"address_line{n}": address[f"address_line_{n}"] for n in range(1, 5) if f"address_line_{n}" in address}
    told |= {name: address[name] for name in ("state", "city") if name in address}
    if "postcode" in address:
        told["postal_code"] = address["postcode"]
    if address:
        parts = (told.get("address_line1"), told.get("city"), told.get("postal_code"), COUNTRIES[call.shop.region])
        told["full_address"] = ", ".join(part for part in parts if part)
    return told | {name: given[name] for name in PEOPLE if name in given}


def update_warehouse(call: Call) -> Json:
    warehouse_id, given = call.arguments["warehouse_id"], call.arguments.get("warehouse", {})
    place = next((n for n, warehouse in enumerate(call.shop.warehouses) if warehouse.id == warehouse_id), None)
    if place is None:
        raise Refusal(98001004, "Invalid 'warehouse_id': the shop has no such warehouse.")
    old = call.shop.warehouses[place]
    problem = _taken(call, given.get("name", old.name), besides=old.id)
    if problem:
        return {"error_list": [{"code": 98001004, "message": problem}]}
    address = old.address | _address(call, given)
    call.shop.warehouses[place] = replace(old, name=given.get("name", old.name), address=address)
    call.shop.changed()
    return {}
