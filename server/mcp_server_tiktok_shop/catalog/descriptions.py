"""Tells all that the catalog knows of an operation: the whole schema, its rules, and the shape of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.catalog.schemas import full

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

CIPHER = {
    "required": "for one shop",
    "optional": "for one shop",
    "never": "for the whole account, not one shop",
}


def summary(operation: Operation) -> Json:
    """What a search result says of an operation."""
    told: Json = {"name": operation.name, "summary": operation.record["summary"]}
    told |= {"effect": operation.effect, "area": operation.area}
    return told | ({"required": list(operation.asked)} if operation.asked else {})


def description(operation: Operation, shape: Json) -> Json:
    """What a model needs to call an operation it has not seen listed."""
    record = operation.record
    told: Json = {
        "name": operation.name,
        "description": operation.description,
        "effect": operation.effect,
        "area": operation.area,
    }
    if operation.asks_platform:
        told["acts"] = CIPHER[operation.cipher]
    for key, word in (("scope", "scopes"), ("regions", "markets"), ("superseded_by", "replaced_by")):
        if key in record:
            told[word] = record[key]
    told["arguments"] = full(operation)
    if ours := operation.ours:
        told["also_inside_arguments"] = {name: schema["description"] for name, schema in ours.items()}
    if outline := shaped(shape):
        told["answer"] = outline
    return told


def shaped(shape: Json) -> str:
    """The names in an answer, nested: `orders[]{id, payment{currency}}`."""
    fields = shape.get("properties", {})
    return ", ".join(name + _inside(field) for name, field in fields.items() if not field.get("deprecated"))


def _inside(field: Json) -> str:
    if field.get("type") == "array":
        return "[]" + _inside(field.get("items", {}))
    inner = shaped(field)
    return f"{{{inner}}}" if inner else ""
