"""How heavy and how large a listed product says its parcel is, in units that the shop's market takes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway.markets import allowed
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

# Where a listing may leave its parcel's size out.
SIZELESS_MARKETS = ("ID", "TH", "VN")
IMPERIAL = ("POUND", "INCH")
SIDES = ("length", "width", "height")
BAD_WEIGHT, BAD_SIZE, WRONG_UNITS, IMPERIAL_ABROAD, NO_WEIGHT = 12019011, 12019012, 12052915, 12019061, 12052181


def check_package(call: Call, asked: Json) -> None:
    weight, size = asked.get("package_weight"), asked.get("package_dimensions")
    facts = call.operation.in_body
    if weight:
        _check_weight(call, "package_weight", weight, facts["package_weight"])
    elif not all(given.get("sku_weight") for given in asked["skus"]):
        raise Refusal(BAD_WEIGHT, "'package_weight' is missing, and not every SKU has 'sku_weight'.")
    if size:
        _check_size(call, "package_dimensions", size, facts["package_dimensions"])
    elif call.shop.region not in SIZELESS_MARKETS:
        raise Refusal(BAD_SIZE, f"'package_dimensions' is missing: shops in {call.shop.region} have to give it.")
    if weight and size and (weight["unit"] in IMPERIAL) != (size["unit"] in IMPERIAL):
        raise Refusal(WRONG_UNITS, "The units of 'package_weight' and 'package_dimensions' do not match.")
    members = facts["skus"]["items"]["properties"]
    for given in asked["skus"]:
        if given.get("sku_weight"):
            _check_weight(call, "sku_weight", given["sku_weight"], members["sku_weight"])
        if given.get("sku_dimensions"):
            _check_size(call, "sku_dimensions", given["sku_dimensions"], members["sku_dimensions"])


def _check_weight(call: Call, name: str, weight: Json, facts: Json) -> None:
    _check_unit(call, name, weight["unit"], facts, BAD_WEIGHT)
    value = Decimal(weight["value"])
    if value <= 0:
        raise Refusal(NO_WEIGHT, f"'{name}' must be more than zero.")
    places: int = {"GRAM": 0, "KILOGRAM": 3, "POUND": 2}[weight["unit"]]
    if value != round(value, places):
        raise Refusal(BAD_WEIGHT, f"'{name}.value' has more than {places} decimals in {weight['unit']}.")


def _check_size(call: Call, name: str, size: Json, facts: Json) -> None:
    _check_unit(call, name, size["unit"], facts, BAD_SIZE)
    for side in SIDES:
        if Decimal(size[side]) <= 0:
            raise Refusal(BAD_SIZE, f"'{name}.{side}' must be more than zero.")


def _check_unit(call: Call, name: str, unit: str, facts: Json, code: int) -> None:
    units = allowed(facts["properties"]["unit"], call.shop.region)
    if unit not in units:
        words = f"Invalid '{name}.unit': shops in {call.shop.region} use {' or '.join(units)}, not {unit}."
        raise Refusal(IMPERIAL_ABROAD if unit in IMPERIAL else code, words)
