"""Builds the JSON Schemas of a record's arguments: the one to validate by, and the view of it that a tool lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.dates import is_date
from mcp_server_tiktok_shop.catalog.operation import Json, Operation, is_time
from mcp_server_tiktok_shop.catalog.time_limits import describe_time_limits

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

TOOL_SCHEMA_DEPTH, FULL_SCHEMA_DEPTH = 5, 50  # levels of an argument in the list of tools, and in its description
MAX_PATH_VALUE_CHARS, MAX_QUERY_VALUE_CHARS = 128, 4096  # a URL has to stay sendable
# Ids and other values that stand in the path: what has a meaning in a URL can't be one.
PATH_VALUE_PATTERN = r"^[A-Za-z0-9_~.-]*[A-Za-z0-9_~-]$"
NOT_BLANK_PATTERN = r"\S"
QUERY_LIST_ITEM_PATTERN = r"^[^,]*[^,\s][^,]*$"  # items are joined by commas
DECIMAL_PATTERN = r"^-?\d+(\.\d+)?$"
DECIMAL_OR_PERCENT_PATTERN = r"^-?\d+(\.\d+)?\s?%?$"
INTEGER_PATTERN = r"^-?\d+$"
CURRENCY_PATTERN = r"^[A-Z]{3}$"
COUNTRY_PATTERN = r"^[A-Z]{2}$"
FILE_NAME_PATTERN = r"^[^\W_][^\s.]*\.[A-Za-z0-9]+$"
PATTERN_BY_UNIT = {
    "decimal-string": DECIMAL_PATTERN,
    "decimal-or-percent": DECIMAL_OR_PERCENT_PATTERN,
    "integer-string": INTEGER_PATTERN,
    "iso-4217": CURRENCY_PATTERN,
    "iso-3166-1-alpha-2": COUNTRY_PATTERN,
    "file-name": FILE_NAME_PATTERN,
}
VALIDATION_KEYWORDS = (
    "type",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
)
TIME_DESCRIPTION = "ISO 8601"


def build_validation_schema(operation: Operation) -> Json:
    """Build the JSON Schema to validate coerced arguments by: every depth, every limit, no undeclared name."""
    properties = {
        name: _to_validation_schema(
            schema, required=name in operation.required, locations=operation.get_locations(name)
        )
        for name, schema in operation.arguments.items()
    }
    properties |= {
        name: _to_validation_schema(schema, required=False) for name, schema in operation.server_arguments.items()
    }
    root = {"type": "object", "properties": properties, "required": list(operation.required)}
    return root | {"additionalProperties": False} | _build_conditions(operation.arguments)


def _to_validation_schema(schema: Json, *, required: bool, locations: tuple[str, ...] = ()) -> Json:
    if is_time(schema) or is_date(schema):  # validated by coercion
        return {}
    validation: Json = {keyword: schema[keyword] for keyword in VALIDATION_KEYWORDS if keyword in schema}
    if "enum" in schema and not schema.get("x-enum-open"):
        validation["enum"] = schema["enum"]
    match schema.get("type"):
        case "string":
            validation = _restrict_text(validation, schema, required=required, locations=locations)
        case "array":
            validation["minItems"] = max(int(required), schema.get("minItems", 0))
            validation["items"] = _to_validation_schema(
                schema["items"], required=required, locations=_get_item_locations(locations)
            )
            validation["items"].pop("minProperties", None)  # it is the list that is required
        case "object" if "properties" in schema:
            required_names = schema.get("required", [])
            fields = {
                n: _to_validation_schema(s, required=n in required_names) for n, s in schema["properties"].items()
            }
            validation |= {"properties": fields, "required": list(required_names), "additionalProperties": False}
            validation |= _build_conditions(schema["properties"])
            validation |= {"minProperties": 1} if required and "x-shorthand" not in schema else {}
    if special := schema.get("x-special"):
        bounds = {k: validation.pop(k) for k in ("minimum", "maximum") if k in validation}
        validation |= {"if": {"enum": special}, "else": bounds}
    return validation


def _restrict_text(validation: Json, schema: Json, *, required: bool, locations: tuple[str, ...]) -> Json:
    """Add bounds on length and form. Those on the number in a text are no matter of JSON Schema: see `validation`."""
    validation = {k: v for k, v in validation.items() if k not in ("minimum", "maximum")}
    if "path" in locations or "query" in locations:
        max_chars = MAX_PATH_VALUE_CHARS if "path" in locations else MAX_QUERY_VALUE_CHARS
        validation["maxLength"] = min(max_chars, validation.get("maxLength", max_chars))
    pattern = _choose_pattern(schema, required=required, locations=locations)
    return validation | ({"pattern": pattern} if pattern else {})


def _get_item_locations(locations: tuple[str, ...]) -> tuple[str, ...]:
    return ("query list",) if "query" in locations else ()


def _choose_pattern(schema: Json, *, required: bool, locations: tuple[str, ...]) -> str | None:
    if "path" in locations:
        return PATH_VALUE_PATTERN
    if "query list" in locations:
        return QUERY_LIST_ITEM_PATTERN
    if "pattern" in schema:
        return str(schema["pattern"])
    numeric = "minimum" in schema or "maximum" in schema
    pattern = PATTERN_BY_UNIT.get(schema.get("x-unit", ""), DECIMAL_PATTERN if numeric else None)
    return pattern or (NOT_BLANK_PATTERN if required else None)


def _build_conditions(fields: dict[str, Json]) -> Json:
    """Write `x-limits-when` as if/then: a bound on one field under a value of its neighbour."""
    rules: list[Json] = []
    for name, schema in fields.items():
        for rule in schema.get("x-limits-when", ()):
            when = {k: v if isinstance(v, list) else [v] for k, v in rule.items() if k in fields}
            then = _build_consequence(name, rule)
            if when and then:
                condition = {k: {"enum": v} for k, v in when.items()}
                rules.append({"if": {"properties": condition, "required": list(condition)}, "then": then})
    return {"allOf": rules} if rules else {}


def _build_consequence(name: str, rule: Json) -> Json:
    bound: Json = {k: rule[k] for k in VALIDATION_KEYWORDS if k in rule and k not in ("minimum", "maximum", "type")}
    if "digits" in rule:
        bound["pattern"] = "^(" + "|".join(rf"\d{{{n}}}" for n in rule["digits"]) + ")$"
    if "length" in rule:
        bound |= {"minLength": rule["length"], "maxLength": rule["length"]}
    if "x-decimals" in rule:
        decimals = rule["x-decimals"]
        bound["pattern"] = rf"^-?\d+(\.\d{{1,{decimals}}})?$" if decimals else INTEGER_PATTERN
    then: Json = {"properties": {name: bound}} if bound else {}
    return then | ({"required": [name]} if rule.get("required") else {})


def build_tool_schema(operation: Operation, *, hidden_arguments: Container[str] = ()) -> Json:
    """Build the JSON Schema that a tool lists: one type a property, limits also in words, rare fields left out.

    `hidden_arguments` are those of the server's own that mean nothing here, such as `shop` where there is only one.
    """
    server_arguments = {
        name: schema for name, schema in operation.server_arguments.items() if name not in hidden_arguments
    }
    schemas = {
        name: schema for name, schema in (operation.arguments | server_arguments).items() if not schema.get("unlisted")
    }
    return _build_object_schema(
        {name: _to_tool_schema(schema, TOOL_SCHEMA_DEPTH, include_unlisted=False) for name, schema in schemas.items()},
        operation.caller_required,
    )


def build_full_schema(operation: Operation) -> Json:
    """Build the same view of every argument of the platform's at every depth, seldom needed ones included."""
    properties = {
        name: _to_tool_schema(schema, FULL_SCHEMA_DEPTH, include_unlisted=True)
        for name, schema in operation.arguments.items()
    }
    return _build_object_schema(properties, operation.caller_required)


def _build_object_schema(properties: Json, required_names: Iterable[str]) -> Json:
    required_names = [name for name in required_names if name in properties]
    return {"type": "object", "properties": properties} | ({"required": required_names} if required_names else {})


def _to_tool_schema(schema: Json, depth: int, *, include_unlisted: bool) -> Json:
    kind = "string" if is_time(schema) else schema.get("type", "string")
    tool_schema: Json = {"type": kind}
    if description := _describe(schema):
        tool_schema["description"] = description
    if "enum" in schema and not _needs_choices_in_words(schema):
        tool_schema["enum"] = schema["enum"]
    if kind == "array":
        tool_schema["items"] = _to_tool_schema(schema["items"], depth, include_unlisted=include_unlisted)
    if kind == "object" and depth and "properties" in schema:
        field_schemas = {n: s for n, s in schema["properties"].items() if include_unlisted or not s.get("unlisted")}
        inner = {n: _to_tool_schema(s, depth - 1, include_unlisted=include_unlisted) for n, s in field_schemas.items()}
        tool_schema |= _build_object_schema(inner, schema.get("required", ()))
    if kind == "object" and "properties" not in schema:
        tool_schema["additionalProperties"] = True  # some clients close an object that does not say that it is open
    return tool_schema if is_time(schema) else tool_schema | _select_bounds(schema, kind)


def has_common_default(schema: Json) -> bool:
    """Whether there is a default that holds in every market: another one is not told, a model would send it."""
    return "default" in schema and "x-enum-by-region" not in schema


def _select_bounds(schema: Json, kind: str) -> Json:
    bounds: Json = {k: schema[k] for k in ("minItems", "maxItems") if k in schema}
    if has_common_default(schema):
        bounds["default"] = schema["default"]
    if kind != "string" and "x-special" not in schema:
        bounds |= {k: schema[k] for k in ("minimum", "maximum") if k in schema}
    return bounds


def _describe(schema: Json) -> str:
    phrases = [str(schema.get("description", ""))]
    if is_time(schema):
        phrases.append(TIME_DESCRIPTION)
    if _needs_choices_in_words(schema):
        choices = "one of " + ", ".join(map(str, schema["enum"]))
        phrases.append(choices + (", or newer values" if schema.get("x-enum-open") else ""))
    phrases += describe_limits(schema)
    return "; ".join(filter(None, phrases))


def _needs_choices_in_words(schema: Json) -> bool:
    """Whether the keyword `enum` can't list a schema's choices: there may be more, or they are numbers.

    Some providers take an enum of strings alone.
    """
    return bool(schema.get("x-enum-open")) or not all(isinstance(choice, str) for choice in schema.get("enum", ()))


def describe_limits(schema: Json) -> list[str]:
    """Describe the bounds of a schema, a phrase each, for clients that drop the keywords."""
    phrases = []
    if "maxItems" in schema or "minItems" in schema:
        phrases.append(_describe_range(schema.get("minItems"), schema.get("maxItems"), "items"))
    if "minimum" in schema or "maximum" in schema:
        phrases.append(_describe_range(schema.get("minimum"), schema.get("maximum"), ""))
    if special := schema.get("x-special"):
        phrases.append("or " + ", ".join(map(str, special)))
    if "maxLength" in schema:
        phrases.append(f"up to {schema['maxLength']} characters")
    return phrases + describe_time_limits(schema)


def _describe_range(low: Any, high: Any, unit: str) -> str:
    if low is not None and high is not None:
        return f"{low}-{high} {unit}".strip()
    return (f"up to {high} {unit}" if high is not None else f"at least {low} {unit}").strip()
