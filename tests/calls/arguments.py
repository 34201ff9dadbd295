"""Builds arguments for any operation from its own schema, and the ways to get them wrong."""

from __future__ import annotations

import copy
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.operation import is_time
from mcp_server_tiktok_shop.catalog.time_limits import validate_times
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

VALUES_BY_UNIT = {
    "iso-date": "2026-11-01",
    "yyyymmdd": 20261101,
    "iso-datetime": "2026-11-01T00:00:00Z",
    "rfc3339": "2026-11-01T00:00:00Z",
    "iso-4217": "USD",
    "iso-3166-1-alpha-2": "US",
    "base64": "PG5mZS8+",
    "file-name": "demo.mp4",
}
DIGITS = {"GTIN": 14, "EAN": 13, "UPC": 12, "ISBN": 13, "JAN": 13}


def value(schema: Json, now: float | None = None) -> Any:
    """The least that a schema accepts; `now` is where another clock than the machine's tells it."""
    if (moment := _find_moment_near(schema, time.time() if now is None else now)) is not None:
        return moment.date().isoformat() if schema["x-unit"] == "iso-date" else moment.isoformat()
    if is_time(schema):
        return "2026-11-01T00:00:00+00:00"
    if "enum" in schema:
        return schema["enum"][0]
    if (unit := schema.get("x-unit")) in VALUES_BY_UNIT:
        return VALUES_BY_UNIT[unit]
    made: Any = "1" * max(1, schema.get("minLength", 1))
    match schema.get("type"):
        case "integer" | "number":
            made = max(schema.get("minimum", 1), 1) if "maximum" not in schema else schema.get("minimum", 1)
        case "boolean":
            made = True
        case "array":
            made = [value(schema["items"], now) for _ in range(max(1, schema.get("minItems", 1)))]
        case "object":
            made = {name: value(schema["properties"][name], now) for name in schema.get("required", ())}
        case "string" if schema.get("x-unit") in ("decimal-string", "integer-string"):
            made = str(schema.get("minimum", 1))
    return made


def _find_moment_near(schema: Json, now: float) -> datetime | None:
    """A moment within the limits of a time that are counted from now."""
    for rule in schema.get("x-limits-when", ()):
        low, high = rule.get("days_from_now_min"), rule.get("days_from_now_max")
        if low is not None or high is not None:
            days = high - 1 if low is None else low + 1
            return datetime.fromtimestamp(int(now), UTC) + timedelta(days=days)
    return None


def accepted(operation: Operation, files: dict[str, str], now: float | None = None) -> Json:
    """Arguments that the operation's own checks accept; `files` has a small file for each noun of an upload."""
    given = {name: value(operation.arguments[name], now) for name in operation.required}
    for upload in operation.upload_schemas.values():
        noun = upload["given_as"]
        picture = "JPG" in upload.get("x-formats", ())
        given[f"{noun}_path"] = files["image" if picture else noun]
    for _ in range(5):
        try:
            values, unread = coerce_arguments(operation, copy.deepcopy(given))
            validate(operation, values, unread)
            validate_times(operation, values, ZoneInfo("UTC"), time.time() if now is None else now)
        except ShopError as error:
            for problem in error.problems:
                _mend(operation, given, problem.argument, problem.message, now)
        else:
            return given
    raise AssertionError(f"no arguments can be made for {operation.name}: {given}")


def _mend(operation: Operation, given: Json, path: str, message: str, now: float | None) -> None:
    """Add what a condition asks for, or lengthen what it wants longer."""
    steps = path.replace("]", "").replace("[", ".").split(".")
    schema: Json = {"type": "object", "properties": operation.arguments}
    at: Any = given
    for step in steps[:-1]:
        schema = schema["items"] if step.isdigit() else schema["properties"][step]
        at = at[int(step)] if step.isdigit() else at[step]
    last = steps[-1]
    inner = schema["properties"][last]
    if "missing" in message or (inner.get("type") == "object" and "empty" in message):
        first = [*inner.get("properties", {}).items()][:1]
        at[last] = value(inner, now) or {name: value(field, now) for name, field in first}
    elif "too few" in message or "empty" in message:
        at[last] = [value(inner["items"], now) for _ in range(2)]
    elif " after " in message or " before " in message:
        neighbour = message.rpartition(" ")[2]
        at[last] = (datetime.fromisoformat(at[neighbour]) + timedelta(days=2)).isoformat()
    else:
        raise AssertionError(f"{operation.name}: {path} {message}")


def spoilt(operation: Operation, good: Json) -> Iterator[tuple[str, Json]]:
    """One call for each way to be wrong: missing, mistyped, unknown, and one past each limit."""
    for name in operation.caller_required:
        yield f"{name} missing", {k: v for k, v in good.items() if k != name}
    yield "an unknown argument", {**good, "colour_of_the_sky": "blue"}
    for name, schema in operation.arguments.items():
        if is_time(schema):
            yield f"{name} is no time", {**good, name: "soon"}
            continue
        if schema.get("x-unit") in VALUES_BY_UNIT and "enum" not in schema:
            yield f"{name} is no {schema['x-unit']}", {**good, name: "soon"}
        kind = schema.get("type", "string")
        yield (
            f"{name} of a wrong type",
            {
                **good,
                name: {"array": 7, "object": 7, "string": True if _takes_objects(schema) else {"not": "text"}}.get(
                    kind, "seven"
                ),
            },
        )
        yield from ((f"{name} past its limit", {**good, name: past}) for past in _past(schema))


def _takes_objects(schema: Json) -> bool:
    """Of JSON as text an object is as good."""
    return schema.get("x-unit") == "json-string"


def _past(schema: Json) -> Iterator[Any]:
    if "maxItems" in schema:
        yield [value(schema["items"]) for _ in range(schema["maxItems"] + 1)]
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    special = schema.get("x-special", [])
    text = schema.get("type") == "string"
    if "enum" in schema and not schema.get("x-enum-open"):
        yield "NO_SUCH_VALUE" if text else 987654
    for bound, step in (("maximum", 1), ("minimum", -1)):
        if bound in schema and (past := schema[bound] + step) not in special:
            yield str(past) if text else past
