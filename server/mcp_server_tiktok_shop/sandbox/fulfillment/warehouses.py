"""Warehouses, the ways to deliver from them, and the carriers behind those."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import make_id

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json

SALES_WAREHOUSE, RETURN_WAREHOUSE = "SALES_WAREHOUSE", "RETURN_WAREHOUSE"
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

    def to_json(self) -> Json:
        state, city, postcode = TOWNS[self.region]
        street = "1 Sample Yard" if self.kind == SALES_WAREHOUSE else "2 Sample Yard"
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


PARCEL_CARRIER = Carrier("7117858858072016686", "Sandbox Parcel")
POST_CARRIER = Carrier("7117859084333745966", "Sandbox Post")
COURIER_CARRIER = Carrier("7117859310595475246", "Sandbox Courier")
STANDARD_DELIVERY = DeliveryOption(
    "6955034615128000261", "Standard Shipping", "STANDARD", (2, 4), (PARCEL_CARRIER, POST_CARRIER)
)
EXPRESS_DELIVERY = DeliveryOption("6955034615128000517", "Express Shipping", "EXPRESS", (1, 2), (COURIER_CARRIER,))
SELLER_DELIVERY = DeliveryOption(
    "6955034615128000773",
    "Shipped by seller",
    "SEND_BY_SELLER",
    (2, 5),
    (PARCEL_CARRIER, POST_CARRIER, COURIER_CARRIER),
)
DELIVERY_OPTIONS = {option.id: option for option in (STANDARD_DELIVERY, EXPRESS_DELIVERY, SELLER_DELIVERY)}
CARRIERS = {carrier.id: carrier for carrier in (PARCEL_CARRIER, POST_CARRIER, COURIER_CARRIER)}


def make_seed_warehouses(region: str, seller_type: str, *origin: object) -> list[Warehouse]:
    sub_type = "DOMESTIC_WAREHOUSE" if seller_type == "LOCAL" else "CB_OVERSEA_WAREHOUSE"
    return [
        Warehouse(make_id("70", *origin, kind), f"{name} {region}", kind, region, sub_type)
        for kind, name in ((SALES_WAREHOUSE, "Sales warehouse"), (RETURN_WAREHOUSE, "Returns warehouse"))
    ]
