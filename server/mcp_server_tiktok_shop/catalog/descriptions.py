"""Tells all that the catalog knows of an operation: the whole schema, its rules, and the shape of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.catalog.schemas import build_full_schema

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

CIPHER_RULE_PHRASES = {
    "required": "for one shop",
    "optional": "for one shop",
    "never": "for the whole account, not one shop",
}


def summarize_operation(operation: Operation) -> Json:
    """What a search result says of an operation."""
    result: Json = {"name": operation.name, "summary": operation.record["summary"]}
    result |= {"effect": operation.effect, "area": operation.area}
    return result | ({"required": list(operation.caller_required)} if operation.caller_required else {})


def describe_operation(operation: Operation, shape: Json) -> Json:
    """What a model needs to call an operation it has not seen listed."""
    record = operation.record
    result: Json = {
        "name": operation.name,
        "description": operation.description,
        "effect": operation.effect,
        "area": operation.area,
    }
    if operation.uses_platform:
        result["acts"] = CIPHER_RULE_PHRASES[operation.cipher_rule]
    for key, word in (("scope", "scopes"), ("regions", "markets"), ("superseded_by", "replaced_by")):
        if key in record:
            result[word] = record[key]
    result["arguments"] = build_full_schema(operation)
    if server_arguments := operation.server_arguments:
        result["also_inside_arguments"] = {name: schema["description"] for name, schema in server_arguments.items()}
    if outline := outline_shape(shape):
        result["answer"] = outline
    return result


def outline_shape(shape: Json) -> str:
    """The names in an answer, nested: `orders[]{id, payment{currency}}`."""
    fields = shape.get("properties", {})
    return ", ".join(name + _outline_field(field) for name, field in fields.items() if not field.get("deprecated"))


def _outline_field(field: Json) -> str:
    if field.get("type") == "array":
        return "[]" + _outline_field(field.get("items", {}))
    inner = outline_shape(field)
    return f"{{{inner}}}" if inner else ""
