"""Two views of a record's arguments: the JSON Schema that is enforced, and the one that a model is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.operation import Json, Operation, is_time

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

DEPTH, WHOLE = 5, 50  # how deep an argument is shown in the list, and when it is described
# Ids and other values that stand in the path: what has a meaning in a URL can't be one.
LONGEST_IN_PATH, LONGEST_IN_QUERY = 128, 4096  # characters; a URL has to stay sendable
IN_PATH = r"^[A-Za-z0-9_~.-]*[A-Za-z0-9_~-]$"
NOT_BLANK = r"\S"
IN_LIST = r"^[^,]*[^,\s][^,]*$"  # items are joined by commas
DECIMAL = r"^-?\d+(\.\d+)?$"
INTEGER = r"^-?\d+$"
KEYWORDS = ("type", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum")
TIME = "ISO 8601 or Unix seconds"


def checking(operation: Operation) -> Json:
    """The whole schema: every depth, every limit, nothing beyond what is declared."""
    properties = {
        name: _enforced(schema, required=name in operation.required, places=operation.places(name))
        for name, schema in operation.arguments.items()
    }
    properties |= {name: _enforced(schema, required=False) for name, schema in operation.ours.items()}
    whole = {"type": "object", "properties": properties, "required": list(operation.required)}
    return whole | {"additionalProperties": False} | _conditions(operation.arguments)


def _enforced(schema: Json, *, required: bool, places: tuple[str, ...] = ()) -> Json:
    if is_time(schema):  # judged when it was read
        return {}
    made: Json = {keyword: schema[keyword] for keyword in KEYWORDS if keyword in schema}
    if "enum" in schema and not schema.get("x-enum-open"):
        made["enum"] = schema["enum"]
    match schema.get("type"):
        case "string":
            made = _enforced_text(made, schema, required=required, places=places)
        case "array":
            made["minItems"] = max(int(required), schema.get("minItems", 0))
            made["items"] = _enforced(schema["items"], required=required, places=_item_places(places))
        case "object" if "properties" in schema:
            needed = schema.get("required", [])
            fields = {n: _enforced(s, required=n in needed) for n, s in schema["properties"].items()}
            made |= {"properties": fields, "required": list(needed), "additionalProperties": False}
            made |= _conditions(schema["properties"])
    if special := schema.get("x-special"):
        bounds = {k: made.pop(k) for k in ("minimum", "maximum") if k in made}
        made |= {"if": {"enum": special}, "else": bounds}
    return made


def _enforced_text(made: Json, schema: Json, *, required: bool, places: tuple[str, ...]) -> Json:
    """Bounds on the number in a text are no matter of JSON Schema: `checking` sees to them."""
    made = {k: v for k, v in made.items() if k not in ("minimum", "maximum")}
    if "path" in places or "query" in places:
        longest = LONGEST_IN_PATH if "path" in places else LONGEST_IN_QUERY
        made["maxLength"] = min(longest, made.get("maxLength", longest))
    pattern = _pattern(schema, required=required, places=places)
    return made | ({"pattern": pattern} if pattern else {})


def _item_places(places: tuple[str, ...]) -> tuple[str, ...]:
    return ("query list",) if "query" in places else ()


def _pattern(schema: Json, *, required: bool, places: tuple[str, ...]) -> str | None:
    if "path" in places:
        return IN_PATH
    if "query list" in places:
        return IN_LIST
    if "pattern" in schema:
        return str(schema["pattern"])
    numeric = "minimum" in schema or "maximum" in schema
    by_unit = {"decimal-string": DECIMAL, "integer-string": INTEGER}
    pattern = by_unit.get(schema.get("x-unit", ""), DECIMAL if numeric else None)
    return pattern or (NOT_BLANK if required else None)


def _conditions(fields: dict[str, Json]) -> Json:
    """`x-limits-when` as if/then: a bound on one field under a value of its neighbour."""
    rules: list[Json] = []
    for name, schema in fields.items():
        for rule in schema.get("x-limits-when", ()):
            when = {k: v if isinstance(v, list) else [v] for k, v in rule.items() if k in fields}
            then = _then(name, rule)
            if when and then:
                told = {k: {"enum": v} for k, v in when.items()}
                rules.append({"if": {"properties": told, "required": list(told)}, "then": then})
    return {"allOf": rules} if rules else {}


def _then(name: str, rule: Json) -> Json:
    bound: Json = {k: rule[k] for k in KEYWORDS if k in rule and k not in ("minimum", "maximum", "type")}
    if "digits" in rule:
        bound["pattern"] = "^(" + "|".join(rf"\d{{{n}}}" for n in rule["digits"]) + ")$"
    if "length" in rule:
        bound |= {"minLength": rule["length"], "maxLength": rule["length"]}
    if "x-decimals" in rule:
        places = rule["x-decimals"]
        bound["pattern"] = rf"^-?\d+(\.\d{{1,{places}}})?$" if places else INTEGER
    then: Json = {"properties": {name: bound}} if bound else {}
    return then | ({"required": [name]} if rule.get("required") else {})


def listing(operation: Operation, *, without: Container[str] = ()) -> Json:
    """What a model is shown: one type a property, limits also in words, seldom needed fields left out.

    `without` are those of our own arguments that mean nothing on this server, such as `shop` where there is one.
    """
    ours = {name: schema for name, schema in operation.ours.items() if name not in without}
    shown = {name: schema for name, schema in (operation.arguments | ours).items() if not schema.get("unlisted")}
    return _object({name: _shown(schema, DEPTH, whole=False) for name, schema in shown.items()}, operation.asked)


def full(operation: Operation) -> Json:
    """The same view of every argument at every depth."""
    shown = {name: _shown(schema, WHOLE, whole=True) for name, schema in operation.arguments.items()}
    return _object(shown, operation.asked)


def _object(properties: Json, needed: Iterable[str]) -> Json:
    needed = [name for name in needed if name in properties]
    return {"type": "object", "properties": properties} | ({"required": needed} if needed else {})


def _shown(schema: Json, depth: int, *, whole: bool) -> Json:
    kind = "string" if is_time(schema) else schema.get("type", "string")
    made: Json = {"type": kind}
    if words := _words(schema):
        made["description"] = words
    if "enum" in schema and not schema.get("x-enum-open"):
        made["enum"] = schema["enum"]
    if kind == "array":
        made["items"] = _shown(schema["items"], depth, whole=whole)
    if kind == "object" and depth and "properties" in schema:
        kept = {n: s for n, s in schema["properties"].items() if whole or not s.get("unlisted")}
        inner = {n: _shown(s, depth - 1, whole=whole) for n, s in kept.items()}
        made |= _object(inner, schema.get("required", ()))
    return made if is_time(schema) else made | _bounds(schema, kind)


def _bounds(schema: Json, kind: str) -> Json:
    bounds: Json = {k: schema[k] for k in ("minItems", "maxItems", "default") if k in schema}
    if kind != "string" and "x-special" not in schema:
        bounds |= {k: schema[k] for k in ("minimum", "maximum") if k in schema}
    return bounds


def _words(schema: Json) -> str:
    parts = [str(schema.get("description", ""))]
    if is_time(schema):
        parts.append(TIME)
    if schema.get("x-enum-open"):
        parts.append("one of " + ", ".join(map(str, schema["enum"])) + ", or newer values")
    parts += limits(schema)
    return "; ".join(filter(None, parts))


def limits(schema: Json) -> list[str]:
    """The bounds of a schema in words, for clients that drop the keywords."""
    told = []
    if "maxItems" in schema or "minItems" in schema:
        told.append(_span(schema.get("minItems"), schema.get("maxItems"), "items"))
    if "minimum" in schema or "maximum" in schema:
        told.append(_span(schema.get("minimum"), schema.get("maximum"), ""))
    if special := schema.get("x-special"):
        told.append("or " + ", ".join(map(str, special)))
    if "maxLength" in schema:
        told.append(f"up to {schema['maxLength']} characters")
    return told


def _span(low: Any, high: Any, unit: str) -> str:
    if low is not None and high is not None:
        return f"{low}-{high} {unit}".strip()
    return (f"up to {high} {unit}" if high is not None else f"at least {low} {unit}").strip()
