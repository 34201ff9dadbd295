"""Describes operations to a model: in a line for a search result, or with schema, rules and the response's shape."""

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
    """Describe an operation in a search result: `name`, `summary`, `effect`, `area`, and `required` where any is."""
    result: Json = {"name": operation.name, "summary": operation.record["summary"]}
    result |= {"effect": operation.effect, "area": operation.area}
    return result | ({"required": list(operation.caller_required)} if operation.caller_required else {})


def describe_operation(operation: Operation, shape: Json) -> Json:
    """Describe all that a model needs to call an operation that is not among its tools.

    `arguments` is the whole JSON Schema; `also_inside_arguments` describes the server's own by name; `answer` outlines
    `shape`, the shape of the response's `data`, where it is known.
    """
    record = operation.record
    result: Json = {
        "name": operation.name,
        "description": operation.description,
        "effect": operation.effect,
        "area": operation.area,
    }
    if operation.uses_platform:
        result["acts"] = CIPHER_RULE_PHRASES[operation.cipher_rule]
    for record_key, key in (("scope", "scopes"), ("regions", "markets"), ("superseded_by", "replaced_by")):
        if record_key in record:
            result[key] = record[record_key]
    result["arguments"] = build_full_schema(operation)
    if server_arguments := operation.server_arguments:
        result["also_inside_arguments"] = {name: schema["description"] for name, schema in server_arguments.items()}
    if outline := outline_shape(shape):
        result["answer"] = outline
    return result


def outline_shape(shape: Json) -> str:
    """The names of a shape's fields, nested: `orders[]{id, payment{currency}}`; deprecated ones are left out."""
    fields = shape.get("properties", {})
    return ", ".join(name + _outline_field(field) for name, field in fields.items() if not field.get("deprecated"))


def _outline_field(field: Json) -> str:
    if field.get("type") == "array":
        return "[]" + _outline_field(field.get("items", {}))
    inner = outline_shape(field)
    return f"{{{inner}}}" if inner else ""
