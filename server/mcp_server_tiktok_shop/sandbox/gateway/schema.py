"""Holds a value to a record's schema: type, enum, bounds, members; the first fault is refused by its path."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.json_types import Json

BAD_PARAM = 36009004
WHOLE = re.compile(r"-?\d{1,19}\Z")
AMOUNT = re.compile(r"-?\d+(\.\d+)?\Z")
JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
    "number": (int, float),
}


def refuse(path: str, reason: str) -> Refusal:
    return Refusal(BAD_PARAM, f"Invalid param '{path}': {reason}.", 400)


def missing(path: str) -> Refusal:
    return Refusal(BAD_PARAM, f"param {path} is missing.", 400)


def from_query(schema: Json, text: str, path: str) -> Any:
    """A query value as the type that the record says; lists are comma-joined."""
    kind = schema["type"]
    if kind == "integer":
        if not WHOLE.match(text):
            raise refuse(path, f"expected an integer, got '{text}'")
        return int(text)
    if kind == "boolean":
        if text not in ("true", "false"):
            raise refuse(path, f"expected 'true' or 'false', got '{text}'")
        return text == "true"
    if kind == "array":
        return [from_query(schema["items"], part, path) for part in text.split(",")] if text else []
    return text


def check(schema: Json, value: Any, path: str) -> None:
    kind = schema["type"]
    if not _is(kind, value):
        raise refuse(path, f"expected type {kind}")
    if value in schema.get("x-special", ()):
        return
    if "enum" in schema and value not in schema["enum"] and not schema.get("x-enum-open"):
        raise refuse(path, f"'{value}' is not one of {', '.join(map(str, schema['enum']))}")
    if kind == "string":
        _text(schema, value, path)
    elif kind in ("integer", "number"):
        _bounds(schema, Decimal(str(value)), path)
    elif kind == "array":
        _list(schema, value, path)
    elif kind == "object" and "properties" in schema:
        members(schema["properties"], schema.get("required", ()), value, path)


def _is(kind: str, value: Any) -> bool:
    """JSON's types: to Python a truth value is a number as well, to the platform it is not."""
    return isinstance(value, JSON_TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def members(properties: Mapping[str, Json], required: Any, value: Json, path: str) -> None:
    """Every member known, every required one there and not empty."""
    for name in value:
        if name not in properties:
            raise refuse(f"{path}.{name}", "unknown field")
    for name in required:
        if value.get(name) in (None, "", []):
            raise missing(f"{path}.{name}")
    for name, member in value.items():
        check(properties[name], member, f"{path}.{name}")


def _bounds(schema: Json, number: Decimal, path: str) -> None:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and number < Decimal(str(low)):
        raise refuse(path, f"must be at least {low}")
    if high is not None and number > Decimal(str(high)):
        raise refuse(path, f"must be at most {high}")


def _text(schema: Json, text: str, path: str) -> None:
    if len(text) > schema.get("maxLength", len(text)):
        raise refuse(path, f"longer than {schema['maxLength']} characters")
    if len(text) < schema.get("minLength", 0):
        raise refuse(path, f"shorter than {schema['minLength']} characters")
    if schema.get("x-unit") == "decimal-string" and text and not AMOUNT.match(text):
        raise refuse(path, "expected a decimal number as text")
    if "minimum" in schema or "maximum" in schema:
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise refuse(path, "expected a number as text") from None
        _bounds(schema, number, path)


def _list(schema: Json, items: list[Any], path: str) -> None:
    if len(items) > schema.get("maxItems", len(items)):
        raise refuse(path, f"at most {schema['maxItems']} items, got {len(items)}")
    if len(items) < schema.get("minItems", 0):
        raise refuse(path, f"at least {schema['minItems']} items, got {len(items)}")
    if "x-total-max-length" in schema and sum(map(len, items)) > schema["x-total-max-length"]:
        raise refuse(path, f"more than {schema['x-total-max-length']} characters in all")
    for item in items:
        check(schema["items"], item, path)
