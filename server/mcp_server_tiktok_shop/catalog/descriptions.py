"""Describes operations to a model: in a line for a search result, or with schema, rules and the response's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS
from mcp_server_tiktok_shop.catalog.schemas import build_full_schema

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

CIPHER_RULE_PHRASES = {
    "required": "for one shop",
    "optional": "for one shop",
    "never": "for the whole account, not one shop",
}


# Of how a list comes, not of what is asked: the same everywhere, and no help in choosing an operation.
PRESENTATION_ARGUMENTS = frozenset(
    {
        "page_token",
        "page_size",
        "page_no",
        "sort_field",
        "sort_order",
        "sort",
        "pagination",
        "locale",
        "category_version",
    }
)
MAX_MAIN_ARGUMENTS = 7  # of a search result, required ones among them
MIN_MENTION_CHARS = 4  # of a word of an argument's name, to look for its beginning in the operation's words


def summarize_operation(operation: Operation) -> Json:
    """Describe an operation in a search result: `name`, `summary`, `effect`, `area`, and its main arguments.

    Those are `required`, all of them, and the most telling `optional` ones; an ellipsis stands for more.
    """
    result: Json = {"name": operation.name, "summary": operation.record["summary"]}
    result |= {"effect": operation.effect, "area": operation.area}
    required = list(operation.caller_required)
    optional = _list_optional_arguments(operation)
    count = max(0, MAX_MAIN_ARGUMENTS - len(required))
    shown = optional[:count] + ["…"] * (count < len(optional))
    return result | ({"required": required} if required else {}) | ({"optional": shown} if shown else {})


def _list_optional_arguments(operation: Operation) -> list[str]:
    """The optional arguments that say what is asked for, those that the operation's words mention first."""
    names = [
        name
        for name, schema in operation.arguments.items()
        if name not in operation.caller_required
        and name not in PRESENTATION_ARGUMENTS
        and name not in IDEMPOTENCY_KEY_ARGUMENTS
        and not schema.get("unlisted")
    ]
    text = f"{operation.title} {operation.description} {operation.search_hint or ''}".casefold()
    return sorted(names, key=lambda name: not _is_mentioned(name, text))


def _is_mentioned(name: str, text: str) -> bool:
    return any(len(word) >= MIN_MENTION_CHARS and word.removesuffix("s") in text for word in name.split("_"))


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
