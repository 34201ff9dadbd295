"""Converts what a model wrote to its argument's type: numbers and lists from text, ids to text, times to Unix time."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from mcp_server_tiktok_shop.catalog.dates import FORMS_BY_UNIT, MAX_QUOTED_CHARS, is_date, parse_moment, read_date
from mcp_server_tiktok_shop.catalog.operation import TIME_UNITS_PER_SECOND, Json, Operation, get_default, is_time
from mcp_server_tiktok_shop.catalog.server_arguments import INJECTED_ARGUMENTS
from mcp_server_tiktok_shop.errors import NestingError, Problem
from mcp_server_tiktok_shop.json_text import parse_json

SAFE_INTEGER_LIMIT = 2**53  # from here on, clients written in JavaScript have already rounded an integer
DECIMAL_UNITS = frozenset(("decimal-string", "decimal-or-percent"))  # `2.0` stays what it is
MIN_UNIX_MILLISECONDS = 10**11  # as seconds this is the year 5138: a number above it was meant as milliseconds
MIN_UNIX_SECONDS = 10**8  # 1973: what is smaller was meant as a date or a duration
TIME_DIGITS_LIMIT = 20  # a number of so many digits is no time

PLATFORM_ID_PATTERN = re.compile(r"\s*\d{15,20}\s*", re.ASCII)  # blanks around one are a slip of the pen

# A share as people write it, with what it is a share of: only `30%` is left of it.
PRICE_SHARE_PATTERN = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*(?:%|percent|per cent)(?:\s+of\s+(?:(?:the|its|each|their)\s+)?prices?)?\s*\.?",
    re.ASCII | re.IGNORECASE,
)

# A number as JSON writes it, of few enough digits to be exact.
NUMBER_TEXT_PATTERN = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?", re.ASCII)
# A whole number of any 64 bits is exact, too: the platform has ids of that kind, and clients in JavaScript round them.
INTEGER_TEXT_PATTERN = re.compile(r"-?[1-9]\d{0,18}", re.ASCII)
BOOLEANS_BY_TEXT = {"true": True, "false": False, "True": True, "False": False}  # as JSON and Python write them

TIME_FORMATS = "ISO 8601 such as 2026-11-01, 2026-11-01T09:30 or 2026-11-01T09:30:00+00:00, or Unix seconds"


def coerce_arguments(operation: Operation, arguments: Json) -> tuple[Json, list[Problem]]:
    """Coerce each argument to the type that its schema has, where the meaning is exact.

    Returns the values by name, and a problem for each argument that could not be read; its value then stands as it
    came. Optional arguments left empty count as not given; a required one with a single sensible value is filled in.
    A time becomes Unix time in the schema's unit, or stays an ISO text without offset until the shop's time zone is
    known. A former name counts as the one of now; what hosts put in for themselves is dropped where the operation has
    no such argument. Nothing is judged here: `validate` does that.
    """
    problems: list[Problem] = []
    values: Json = {}
    schemas = operation.all_arguments
    for name, value in _replace_former_names(operation, arguments, problems).items():
        if not _is_encodable(name):
            problems.append(Problem(ascii(name), "is not an argument here: it holds half a character"))
            continue
        if name in INJECTED_ARGUMENTS and name not in schemas:
            continue
        schema = schemas.get(name, {})
        keeps_empty = _can_clear(operation, name) or "x-shorthand" in schema
        if name not in operation.required and _is_empty(value, keep_empty_container=keeps_empty):
            continue
        if "x-shorthand" in schema and _is_no(value):
            continue
        values[name] = _coerce(schema, value, name, problems)
        if not _is_encodable(values[name]):
            problems.append(Problem(name, "holds half a character (a lone surrogate)", "whole characters"))
            del values[name]
    page_size_schema = operation.arguments.get("page_size", {})
    is_long_read = "pages" in values or "save_as" in values
    if is_long_read and "page_size" not in values and "maximum" in page_size_schema:
        largest = page_size_schema["maximum"]  # who wants many pages wants few requests
        values["page_size"] = _coerce(page_size_schema, largest, "page_size", problems)  # of some lists it is a text
    for name in operation.required:
        if values.get(name) is None and (default := get_default(operation.arguments[name], name)) is not None:
            values[name] = _coerce(operation.arguments[name], default, name, problems)
    return values, problems


def coerce_value(schema: Json, value: Any) -> Any:
    """One value as `coerce_arguments` reads it; one that can't be read comes back as it is."""
    return _coerce(schema, value, "", [])


def _replace_former_names(operation: Operation, arguments: Json, problems: list[Problem]) -> Json:
    former_names = {name: operation.former_names[name] for name in arguments if name in operation.former_names}
    current = {name: value for name, value in arguments.items() if name not in former_names}
    for former_name, name in former_names.items():
        value = arguments[former_name]
        if value not in (None, "") and current.get(name, value) not in (None, "", value):
            problems.append(
                Problem(former_name, f"is the former name of {name}, and has another value", f"{name} alone")
            )
        elif current.get(name) in (None, ""):
            current[name] = value
    return current


def _is_empty(value: Any, *, keep_empty_container: bool) -> bool:
    return value is None or value == "" or (value in ([], {}) and not keep_empty_container)


def _is_no(value: Any) -> bool:
    return value is False or (isinstance(value, str) and BOOLEANS_BY_TEXT.get(value.strip()) is False)


def _is_encodable(value: Any) -> bool:
    if type(value) is str and value.isascii():
        return True
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _can_clear(operation: Operation, name: str) -> bool:
    """In the body of a write an empty list can mean "take them all away"; anywhere else it means nothing."""
    is_operation_argument = name in operation.arguments
    return operation.effect != "read" and is_operation_argument and "body" in operation.get_locations(name)


def _coerce(schema: Json, value: Any, path: str, problems: list[Problem]) -> Any:
    if is_time(schema):
        return _coerce_time(schema, value, path, problems)
    if is_date(schema):
        return _coerce_date(schema, value, path, problems)
    kind = schema.get("type")
    if "x-shorthand" in schema:
        value = _expand_shorthand(schema["x-shorthand"], value)
    if kind in ("array", "object") and isinstance(value, str):
        value = _parse_container(schema, value, path, problems)
    if kind == "array" and isinstance(value, list):
        return [_coerce(schema["items"], item, f"{path}[{i}]", problems) for i, item in enumerate(value)]
    if kind == "object" and isinstance(value, dict):
        fields = schema.get("properties", {})
        return {
            name: _coerce(fields.get(name, {}), field, f"{path}.{name}", problems)
            for name, field in value.items()
            if field is not None
        }
    if kind in ("integer", "number", "boolean") and isinstance(value, str):
        value = _parse_scalar(kind, value)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)  # 50.0 is 50 in JSON, but not to the platform
    return _coerce_string(schema, value, path, problems) if kind == "string" else value


def _expand_shorthand(field: str, value: Any) -> Any:
    """The object that a shorter form stands for: true for one with nothing in it, a plain text for one field alone."""
    if value is True or (isinstance(value, str) and BOOLEANS_BY_TEXT.get(value.strip()) is True):
        return {}
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if inner != ""}
    is_plain_text = isinstance(value, str) and not value.lstrip().startswith(("{", "["))
    return {field: value.strip()} if is_plain_text else value


def _parse_scalar(kind: str, text: str) -> Any:
    """The number or boolean that a text is exactly; any other text as it is."""
    stripped = text.strip()  # which takes off more than `int` and `float` do: \x1f, for one
    if kind == "boolean":
        return BOOLEANS_BY_TEXT.get(stripped, text)
    if kind == "integer" and INTEGER_TEXT_PATTERN.fullmatch(stripped) is not None:
        return int(stripped)
    if NUMBER_TEXT_PATTERN.fullmatch(stripped) is None:
        return text
    return float(stripped) if "." in stripped else int(stripped)


def _coerce_string(schema: Json, value: Any, path: str, problems: list[Problem]) -> Any:
    if schema.get("x-unit") == "json-string":
        return _coerce_json_text(schema, value, path, problems)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _coerce_number_to_text(schema, value, path, problems)
    if "x-list-as-text" in schema and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value[0] if len(value) == 1 else json.dumps(value, ensure_ascii=False)
    if schema.get("x-unit") == "decimal-or-percent" and isinstance(value, str):
        share = PRICE_SHARE_PATTERN.fullmatch(value)
        return f"{share[1]}%" if share is not None else value.strip()
    return value.strip() if isinstance(value, str) and PLATFORM_ID_PATTERN.fullmatch(value) else value


def _coerce_json_text(schema: Json, value: Any, path: str, problems: list[Problem]) -> Any:
    """Write an object as JSON text, and put plain text where the record says that it belongs."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        parsed = parse_json(value)
    except (ValueError, NestingError):
        parsed = None
    if isinstance(parsed, dict | list):
        return value
    if (name := schema.get("x-text-as")) is not None:
        return json.dumps({name: value}, ensure_ascii=False)
    problems.append(Problem(path, "is not JSON text", 'such as {"content": "Hello"}'))
    return value


def _parse_container(schema: Json, text: str, path: str, problems: list[Problem]) -> Any:
    expected = "list" if schema["type"] == "array" else "object"
    if schema.get("x-single") and not text.lstrip().startswith("["):
        return [text]
    try:
        value = parse_json(text)
    except (ValueError, NestingError) as error:
        problems.append(Problem(path, f"is text that is not valid JSON: {error}", f"a JSON {expected}"))
        return text
    if isinstance(value, dict if expected == "object" else list):
        return value
    example = ' such as ["…"]' if expected == "list" else ""
    problems.append(Problem(path, f"is text, not a {expected}", f"a JSON {expected}{example}"))
    return text


def _coerce_number_to_text(schema: Json, value: float, path: str, problems: list[Problem]) -> Any:
    """Write a number as text: it is an id or an amount that a model left unquoted."""
    if isinstance(value, float) and value.is_integer() and schema.get("x-unit") not in DECIMAL_UNITS:
        value = int(value)  # 2.0 is 2 in JSON
    if isinstance(value, int):
        if abs(value) < SAFE_INTEGER_LIMIT:
            return str(value)
        message = f"{value} is too large for a JSON number: clients round it, so its last digits may be wrong"
        problems.append(Problem(path, message, "the exact id as a string, in quotes"))
    elif schema.get("x-unit") in DECIMAL_UNITS and isfinite(value) and "e" not in str(value):
        return str(value)
    return value


def _coerce_date(schema: Json, value: Any, path: str, problems: list[Problem]) -> Any:
    date = read_date(schema, value)
    if date is not None:
        return date
    quoted = f"{value[:MAX_QUOTED_CHARS]!r} " if isinstance(value, str) else ""
    problems.append(Problem(path, f"{quoted}is not a date that can be sent", FORMS_BY_UNIT[schema["x-unit"]]))
    return value


def _coerce_time(schema: Json, value: Any, path: str, problems: list[Problem]) -> Any:
    units_per_second = TIME_UNITS_PER_SECOND[schema["x-unit"]]
    if isinstance(value, str) and _is_unix_time(value.strip()):
        value = int(value.strip())
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if value == 0 or MIN_UNIX_SECONDS <= value < MIN_UNIX_MILLISECONDS:
            return value * units_per_second
        if MIN_UNIX_MILLISECONDS <= value < MIN_UNIX_MILLISECONDS * units_per_second:
            return value
        problems.append(Problem(path, f"{value} is not a Unix time of recent years", TIME_FORMATS))
        return value
    if isinstance(value, str):
        moment = parse_moment(value)
        if moment is None:
            problems.append(Problem(path, f"{value[:MAX_QUOTED_CHARS]!r} is not a time", TIME_FORMATS))
            return value
        return to_unix_time(moment, units_per_second) if moment.tzinfo else moment.isoformat()
    problems.append(Problem(path, "is not a time", TIME_FORMATS))
    return value


def _is_unix_time(text: str) -> bool:
    """Whether a text is Unix time: digits are, but eight of them are a date: 20261101."""
    return text.isascii() and text.isdigit() and len(text) < TIME_DIGITS_LIMIT and len(text) != len("20261101")


def to_unix_time(moment: datetime, units_per_second: int = 1) -> int:
    """Unix time of a moment with a zone: in seconds, or with 1000 units per second in milliseconds."""
    return int(moment.astimezone(UTC).timestamp() * units_per_second)
