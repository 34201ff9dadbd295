"""What a category asks about its products: attributes with their values, and the answers a listing gives."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.listings import categories
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json


@dataclass(frozen=True)
class Attribute:
    """`is_number`: it takes any positive number, and has no list of values."""

    id: str
    name: str
    values: tuple[str, ...] = ()
    is_required: bool = False
    is_customizable: bool = False
    is_multiple: bool = False
    is_number: bool = False

    @property
    def names_by_id(self) -> dict[str, str]:
        return {f"{self.id}{place:02d}": name for place, name in enumerate(self.values, 1)}

    def find_value_id(self, name: str) -> str:
        return next((i for i, value_name in self.names_by_id.items() if value_name.casefold() == name.casefold()), "")

    def to_json(self, kind: str) -> Json:
        payload: Json = {
            "id": self.id,
            "name": self.name,
            "type": kind,
            "is_requried": self.is_required,
            "is_customizable": self.is_customizable or self.is_number,
            "is_multiple_selection": self.is_multiple,
            "requirement_conditions": [],
            "values": [{"id": value_id, "name": name} for value_id, name in self.names_by_id.items()],
        }
        return payload | ({"value_data_format": "POSITIVE_INT_OR_DECIMAL"} if self.is_number else {})


TEA_TYPE = Attribute(
    "100701",
    "Tea Type",
    ("Black tea", "Green tea", "Oolong tea", "White tea", "Pu-erh tea", "Herbal infusion", "Fruit infusion"),
    is_required=True,
)
FORM = Attribute("100702", "Form", ("Loose leaf", "Tea bags", "Powder", "Pressed cake"))
CAFFEINE = Attribute("100703", "Caffeine", ("Caffeinated", "Decaffeinated", "Caffeine-free"))
ORIGIN = Attribute(
    "100704", "Country of Origin", ("China", "India", "Japan", "Sri Lanka", "Colombia"), is_customizable=True
)
MATERIAL = Attribute(
    "100710",
    "Material",
    ("Stoneware", "Cast iron", "Glass", "Clay", "Porcelain", "Enamel", "Stainless steel", "Bamboo", "Paper"),
    is_required=True,
)
CAPACITY = Attribute("100711", "Capacity (l)", is_number=True)
DISHWASHER = Attribute("100712", "Dishwasher Safe", ("Yes", "No"))
ACCESSORY_TYPE = Attribute(
    "100713", "Accessory Type", ("Infuser", "Whisk", "Caddy", "Filter", "Other"), is_required=True
)
CONTENTS = Attribute("100720", "Contents", ("Tea", "Teaware", "Food"), is_required=True, is_multiple=True)
OCCASION = Attribute("100721", "Occasion", ("Any", "Birthday", "Christmas", "Wedding"), is_multiple=True)
ROAST = Attribute("100730", "Roast", ("Light", "Medium", "Dark"), is_required=True)
ALLERGENS = Attribute("100740", "Allergens", ("None", "Gluten", "Milk", "Nuts"), is_required=True, is_multiple=True)

ATTRIBUTES_BY_CATEGORY: dict[str, tuple[Attribute, ...]] = {
    categories.TEA: (TEA_TYPE, FORM, CAFFEINE, ORIGIN),
    categories.COFFEE: (ROAST, ORIGIN),
    categories.CHOCOLATE: (ALLERGENS, ORIGIN),
    categories.BISCUITS: (ALLERGENS, ORIGIN),
    categories.GIFT: (CONTENTS, OCCASION),
    categories.POT: (MATERIAL, CAPACITY, DISHWASHER),
    categories.CUP: (MATERIAL, CAPACITY, DISHWASHER),
    categories.TOOL: (ACCESSORY_TYPE, MATERIAL),
    categories.BREWER: (MATERIAL, CAPACITY),
    categories.GLASS: (MATERIAL, CAPACITY, DISHWASHER),
    categories.FLASK: (MATERIAL, CAPACITY),
    categories.JAR: (MATERIAL, CAPACITY),
}
# What variants may differ by, in every category; other names are taken as well.
SALES_ATTRIBUTES = (
    Attribute("100000", "Variant", is_customizable=True),
    Attribute("100007", "Size", ("Small", "Medium", "Large"), is_customizable=True),
    Attribute("100089", "Colour", ("Black", "White", "Blue", "Green"), is_customizable=True),
)


def check_attributes(category_id: str, answers: list[Json]) -> None:
    """Only attributes and values that the category knows, and all that it requires."""
    attributes = {attribute.id: attribute for attribute in ATTRIBUTES_BY_CATEGORY.get(category_id, ())}
    answered_ids: set[str] = set()
    for item in answers:
        attribute = attributes.get(item["id"])
        if attribute is None:
            raise RefusalError(12052240, f"The category '{category_id}' has no product attribute '{item['id']}'.")
        if attribute.id in answered_ids:
            raise RefusalError(12052254, f"The product attribute '{attribute.id}' is given twice.")
        answered_ids.add(attribute.id)
        _check_values(attribute, item["values"])
    for attribute in attributes.values():
        if attribute.is_required and attribute.id not in answered_ids:
            raise RefusalError(12052104, f"The product attribute '{attribute.id}' ({attribute.name}) is required.")


def _check_values(attribute: Attribute, values: list[Json]) -> None:
    if len(values) > 1 and not attribute.is_multiple:
        raise RefusalError(12052246, f"The product attribute '{attribute.id}' takes one value.")
    for value in values:
        value_id, name = value.get("id", ""), value.get("name", "")
        if value_id:
            if value_id not in attribute.names_by_id:
                raise RefusalError(12052529, f"The product attribute '{attribute.id}' has no value '{value_id}'.")
        elif not name:
            raise RefusalError(12052248, f"A value of the product attribute '{attribute.id}' has neither id nor name.")
        elif attribute.is_number:
            if not _is_positive(name):
                raise RefusalError(12052256, f"The product attribute '{attribute.id}' takes a positive number.")
        elif not attribute.is_customizable and not attribute.find_value_id(name):
            raise RefusalError(12052247, f"The product attribute '{attribute.id}' only takes the values of its list.")


def _is_positive(text: str) -> bool:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    return number.is_finite() and number > 0


def add_names(category_id: str, answers: list[Json]) -> list[Json]:
    """The answers with names beside the ids; what the category doesn't know stays as it was given."""
    attributes = {attribute.id: attribute for attribute in ATTRIBUTES_BY_CATEGORY.get(category_id, ())}
    rows = []
    for item in answers:
        attribute = attributes.get(item["id"])
        if attribute is None:
            rows.append(item)
            continue
        values = []
        for value in item["values"]:
            value_id = value.get("id") or attribute.find_value_id(value.get("name", ""))
            name = attribute.names_by_id.get(value_id, value.get("name", ""))
            values.append({"id": value_id, "name": name} if value_id else {"name": name})
        rows.append({"id": attribute.id, "name": attribute.name, "values": values})
    return rows
