"""Warehouses, the ways to deliver from them, and the carriers behind those."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import make_id

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.gateway.wire import Json

from mcp_server_tiktok_shop.sandbox.gateway.wire import Refusal

SALES, RETURN = "SALES_WAREHOUSE", "RETURN_WAREHOUSE"
COUNTRIES = {"GB": "United Kingdom", "DE": "Germany", "US": "United States"}
TOWNS = {
    "GB": ("England", "Sampleton", "ZZ9 9ZZ"),
    "DE": ("Hessen", "Musterstadt", "00009"),
    "US": ("Ohio", "Sampleville", "00009"),
}


@dataclass(frozen=True)
class Warehouse:
    id: str
    name: str
    kind: str
    region: str
    sub_type: str = "DOMESTIC_WAREHOUSE"
    is_default: bool = True
    address: Json = field(default_factory=dict)

    def shown(self) -> Json:
        state, city, postcode = TOWNS[self.region]
        street = "1 Sample Yard" if self.kind == SALES else "2 Sample Yard"
        return {
            "id": self.id,
            "entity_id": make_id("73", "entity", self.id),
            "name": self.name,
            "effect_status": "ENABLED",
            "type": self.kind,
            "sub_type": self.sub_type,
            "is_default": self.is_default,
            "address": {
                "region": COUNTRIES[self.region],
                "state": state,
                "city": city,
                "contact_person": "Warehouse Desk",
                "postal_code": postcode,
                "full_address": f"{street}, {city}, {postcode}, {COUNTRIES[self.region]}",
                "region_code": self.region,
                "phone_number": "",
                "address_line1": street,
                "geolocation": {"latitude": "0.00000", "longitude": "0.00000"},
            }
            | self.address,
        }


@dataclass(frozen=True)
class Carrier:
    id: str
    name: str


@dataclass(frozen=True)
class DeliveryOption:
    id: str
    name: str
    kind: str
    days: tuple[int, int]
    carriers: tuple[Carrier, ...]


PARCEL = Carrier("7117858858072016686", "Sandbox Parcel")
POST = Carrier("7117859084333745966", "Sandbox Post")
COURIER = Carrier("7117859310595475246", "Sandbox Courier")
STANDARD = DeliveryOption("6955034615128000261", "Standard Shipping", "STANDARD", (2, 4), (PARCEL, POST))
EXPRESS = DeliveryOption("6955034615128000517", "Express Shipping", "EXPRESS", (1, 2), (COURIER,))
BY_SELLER = DeliveryOption(
    "6955034615128000773", "Shipped by seller", "SEND_BY_SELLER", (2, 5), (PARCEL, POST, COURIER)
)
OPTIONS = {option.id: option for option in (STANDARD, EXPRESS, BY_SELLER)}
CARRIERS = {carrier.id: carrier for carrier in (PARCEL, POST, COURIER)}


def seeded(region: str, seller_type: str, *origin: object) -> list[Warehouse]:
    sub_type = "DOMESTIC_WAREHOUSE" if seller_type == "LOCAL" else "CB_OVERSEA_WAREHOUSE"
    return [
        Warehouse(make_id("70", *origin, kind), f"{name} {region}", kind, region, sub_type)
        for kind, name in ((SALES, "Sales warehouse"), (RETURN, "Returns warehouse"))
    ]


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
