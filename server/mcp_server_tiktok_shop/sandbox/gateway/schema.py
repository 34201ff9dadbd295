"""Holds a value to a record's schema: type, enum, bounds, members; the first fault is refused by its path."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.json_types import Json

INVALID_PARAM_CODE = 36009004
INTEGER_PATTERN = re.compile(r"-?\d{1,19}\Z")
AMOUNT_PATTERN = re.compile(r"-?\d+(\.\d+)?\Z")
JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
    "number": (int, float),
}


def make_refusal(path: str, reason: str) -> RefusalError:
    return RefusalError(INVALID_PARAM_CODE, f"Invalid param '{path}': {reason}.", 400)


def make_missing_refusal(path: str) -> RefusalError:
    return RefusalError(INVALID_PARAM_CODE, f"param {path} is missing.", 400)


def parse_query_value(schema: Json, text: str, path: str) -> Any:
    """A query value as the type that the record says; lists are comma-joined."""
    kind = schema["type"]
    if kind == "integer":
        if not INTEGER_PATTERN.match(text):
            raise make_refusal(path, f"expected an integer, got '{text}'")
        return int(text)
    if kind == "boolean":
        if text not in ("true", "false"):
            raise make_refusal(path, f"expected 'true' or 'false', got '{text}'")
        return text == "true"
    if kind == "array":
        return [parse_query_value(schema["items"], part, path) for part in text.split(",")] if text else []
    return text


def check_value(schema: Json, value: Any, path: str) -> None:
    kind = schema["type"]
    if not _is_of_type(kind, value):
        raise make_refusal(path, f"expected type {kind}")
    if value in schema.get("x-special", ()):
        return
    if "enum" in schema and value not in schema["enum"] and not schema.get("x-enum-open"):
        raise make_refusal(path, f"'{value}' is not one of {', '.join(map(str, schema['enum']))}")
    if kind == "string":
        _check_text(schema, value, path)
    elif kind in ("integer", "number"):
        _check_bounds(schema, Decimal(str(value)), path)
    elif kind == "array":
        _check_list(schema, value, path)
    elif kind == "object" and "properties" in schema:
        check_members(schema["properties"], schema.get("required", ()), value, path)


def _is_of_type(kind: str, value: Any) -> bool:
    """JSON's types: to Python a truth value is a number as well, to the platform it is not."""
    return isinstance(value, JSON_TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def check_members(properties: Mapping[str, Json], required: Any, value: Json, path: str) -> None:
    """Every member known, every required one there and not empty."""
    for name in value:
        if name not in properties:
            raise make_refusal(f"{path}.{name}", "unknown field")
    for name in required:
        if value.get(name) in (None, "", []):
            raise make_missing_refusal(f"{path}.{name}")
    for name, member in value.items():
        check_value(properties[name], member, f"{path}.{name}")


def _check_bounds(schema: Json, number: Decimal, path: str) -> None:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and number < Decimal(str(low)):
        raise make_refusal(path, f"must be at least {low}")
    if high is not None and number > Decimal(str(high)):
        raise make_refusal(path, f"must be at most {high}")


def _check_text(schema: Json, text: str, path: str) -> None:
    if len(text) > schema.get("maxLength", len(text)):
        raise make_refusal(path, f"longer than {schema['maxLength']} characters")
    if len(text) < schema.get("minLength", 0):
        raise make_refusal(path, f"shorter than {schema['minLength']} characters")
    if schema.get("x-unit") == "decimal-string" and text and not AMOUNT_PATTERN.match(text):
        raise make_refusal(path, "expected a decimal number as text")
    if "minimum" in schema or "maximum" in schema:
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise make_refusal(path, "expected a number as text") from None
        _check_bounds(schema, number, path)


def _check_list(schema: Json, items: list[Any], path: str) -> None:
    if len(items) > schema.get("maxItems", len(items)):
        raise make_refusal(path, f"at most {schema['maxItems']} items, got {len(items)}")
    if len(items) < schema.get("minItems", 0):
        raise make_refusal(path, f"at least {schema['minItems']} items, got {len(items)}")
    if "x-total-max-length" in schema and sum(map(len, items)) > schema["x-total-max-length"]:
        raise make_refusal(path, f"more than {schema['x-total-max-length']} characters in all")
    for item in items:
        check_value(schema["items"], item, path)
