"""How heavy and how large a listed product says its parcel is, in units that the shop's market takes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway.markets import list_allowed_values
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

# Where a listing may leave its parcel's size out.
SIZELESS_MARKETS = ("ID", "TH", "VN")
IMPERIAL_UNITS = ("POUND", "INCH")
SIDES = ("length", "width", "height")
BAD_WEIGHT_CODE, BAD_SIZE_CODE, MIXED_UNITS_CODE, IMPERIAL_ABROAD_CODE, NO_WEIGHT_CODE = (
    12019011,
    12019012,
    12052915,
    12019061,
    12052181,
)


def check_package(call: Call, listing: Json) -> None:
    weight, size = listing.get("package_weight"), listing.get("package_dimensions")
    facts = call.operation.in_body
    if weight:
        _check_weight(call, "package_weight", weight, facts["package_weight"])
    elif not all(sku.get("sku_weight") for sku in listing["skus"]):
        raise RefusalError(BAD_WEIGHT_CODE, "'package_weight' is missing, and not every SKU has 'sku_weight'.")
    if size:
        _check_size(call, "package_dimensions", size, facts["package_dimensions"])
    elif call.shop.region not in SIZELESS_MARKETS:
        raise RefusalError(
            BAD_SIZE_CODE, f"'package_dimensions' is missing: shops in {call.shop.region} have to give it."
        )
    if weight and size and (weight["unit"] in IMPERIAL_UNITS) != (size["unit"] in IMPERIAL_UNITS):
        raise RefusalError(MIXED_UNITS_CODE, "The units of 'package_weight' and 'package_dimensions' do not match.")
    members = facts["skus"]["items"]["properties"]
    for sku in listing["skus"]:
        if sku.get("sku_weight"):
            _check_weight(call, "sku_weight", sku["sku_weight"], members["sku_weight"])
        if sku.get("sku_dimensions"):
            _check_size(call, "sku_dimensions", sku["sku_dimensions"], members["sku_dimensions"])


def _check_weight(call: Call, name: str, weight: Json, facts: Json) -> None:
    _check_unit(call, name, weight["unit"], facts, BAD_WEIGHT_CODE)
    value = Decimal(weight["value"])
    if value <= 0:
        raise RefusalError(NO_WEIGHT_CODE, f"'{name}' must be more than zero.")
    places: int = {"GRAM": 0, "KILOGRAM": 3, "POUND": 2}[weight["unit"]]
    if value != round(value, places):
        raise RefusalError(BAD_WEIGHT_CODE, f"'{name}.value' has more than {places} decimals in {weight['unit']}.")


def _check_size(call: Call, name: str, size: Json, facts: Json) -> None:
    _check_unit(call, name, size["unit"], facts, BAD_SIZE_CODE)
    for side in SIDES:
        if Decimal(size[side]) <= 0:
            raise RefusalError(BAD_SIZE_CODE, f"'{name}.{side}' must be more than zero.")


def _check_unit(call: Call, name: str, unit: str, facts: Json, code: int) -> None:
    units = list_allowed_values(facts["properties"]["unit"], call.shop.region)
    if unit not in units:
        words = f"Invalid '{name}.unit': shops in {call.shop.region} use {' or '.join(units)}, not {unit}."
        raise RefusalError(IMPERIAL_ABROAD_CODE if unit in IMPERIAL_UNITS else code, words)
