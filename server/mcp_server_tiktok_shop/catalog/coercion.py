"""Reads what a model wrote as arguments: ids as text, lists sent as JSON text, times in any usual form."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from mcp_server_tiktok_shop.catalog.operation import TIMES, Json, Operation, is_time, preset
from mcp_server_tiktok_shop.errors import Problem

SAFE = 2**53  # From here on, clients written in JavaScript have already rounded an integer.
MILLISECONDS = 10**11  # As seconds this is the year 5138; a number above it was meant as milliseconds.
EARLIEST = 10**8  # 1973: what is smaller was meant as a date or a duration
LONGEST = 20  # digits of a number that may still be a time
EPOCH, LAST = 1970, 5000  # years

PLATFORM_ID = re.compile(r"\s*\d{15,20}\s*", re.ASCII)  # blanks around one are a slip of the pen

TIME_FORMS = "ISO 8601 such as 2026-11-01, 2026-11-01T09:30 or 2026-11-01T09:30:00+00:00, or Unix seconds"


def read(operation: Operation, given: Json) -> tuple[Json, list[Problem]]:
    """The values as the platform wants them, and what could not be read.

    Optional arguments left empty count as not given; a required one with a single sensible value is filled in.
    A time becomes Unix time, or stays an ISO text without offset until the shop's time zone is known.
    """
    problems: list[Problem] = []
    values: Json = {}
    known = operation.accepted
    for name, value in given.items():
        if not _encodable(name):
            problems.append(Problem(ascii(name), "is not an argument here: it holds half a character"))
            continue
        schema = known.get(name, {})
        if name not in operation.required and _empty(value, kept=_clears(operation, name)):
            continue
        values[name] = _read(schema, value, name, problems)
        if not _encodable(values[name]):
            problems.append(Problem(name, "holds half a character (a lone surrogate)", "whole characters"))
            del values[name]
    size = operation.arguments.get("page_size", {})
    if "pages" in values and "page_size" not in values and "maximum" in size:
        values["page_size"] = size["maximum"]  # who wants many pages wants few requests
    for name in operation.required:
        if values.get(name) is None and (filled := preset(operation.arguments[name], name)) is not None:
            values[name] = filled
    return values, problems


def _empty(value: Any, *, kept: bool) -> bool:
    return value is None or value == "" or (value in ([], {}) and not kept)


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _clears(operation: Operation, name: str) -> bool:
    """In the body of a write an empty list can mean "take them all away"; anywhere else it means nothing."""
    known = name in operation.arguments
    return operation.effect != "read" and known and "body" in operation.places(name)


def _read(schema: Json, value: Any, path: str, problems: list[Problem]) -> Any:
    if is_time(schema):
        return _time(schema, value, path, problems)
    kind = schema.get("type")
    if kind in ("array", "object") and isinstance(value, str):
        value = _unpacked(schema, value, path, problems)
    if kind == "array" and isinstance(value, list):
        return [_read(schema["items"], item, f"{path}[{i}]", problems) for i, item in enumerate(value)]
    if kind == "object" and isinstance(value, dict):
        fields = schema.get("properties", {})
        return {
            name: _read(fields.get(name, {}), field, f"{path}.{name}", problems)
            for name, field in value.items()
            if field is not None
        }
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)  # 50.0 is 50 in JSON, but not to the platform
    return _string(schema, value, path, problems) if kind == "string" else value


def _string(schema: Json, value: Any, path: str, problems: list[Problem]) -> Any:
    if schema.get("x-unit") == "json-string":
        return _json_text(schema, value, path, problems)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _text(schema, value, path, problems)
    return value.strip() if isinstance(value, str) and PLATFORM_ID.fullmatch(value) else value


def _json_text(schema: Json, value: Any, path: str, problems: list[Problem]) -> Any:
    """JSON as text: an object is written as such, and plain text put where the record says that it belongs."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict | list):
        return value
    if (name := schema.get("x-text-as")) is not None:
        return json.dumps({name: value}, ensure_ascii=False)
    problems.append(Problem(path, "is not JSON text", 'such as {"content": "Hello"}'))
    return value


def _unpacked(schema: Json, text: str, path: str, problems: list[Problem]) -> Any:
    wanted = "list" if schema["type"] == "array" else "object"
    if schema.get("x-single") and not text.lstrip().startswith("["):
        return [text]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else error
        problems.append(Problem(path, f"is text that is not valid JSON: {why}", f"a JSON {wanted}"))
        return text
    if isinstance(value, dict if wanted == "object" else list):
        return value
    example = ' such as ["…"]' if wanted == "list" else ""
    problems.append(Problem(path, f"is text, not a {wanted}", f"a JSON {wanted}{example}"))
    return text


def _text(schema: Json, value: float, path: str, problems: list[Problem]) -> Any:
    """A number where text belongs: an id or an amount that a model left unquoted."""
    if isinstance(value, int):
        if abs(value) < SAFE:
            return str(value)
        told = f"{value} is too large for a JSON number: clients round it, so its last digits may be wrong"
        problems.append(Problem(path, told, "the exact id as a string, in quotes"))
    elif schema.get("x-unit") == "decimal-string" and isfinite(value) and "e" not in str(value):
        return str(value)
    return value


def _time(schema: Json, value: Any, path: str, problems: list[Problem]) -> Any:
    unit = TIMES[schema["x-unit"]]
    if isinstance(value, str) and _seconds(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if value == 0 or EARLIEST <= value < MILLISECONDS:
            return value * unit
        if MILLISECONDS <= value < MILLISECONDS * unit:
            return value
        problems.append(Problem(path, f"{value} is no Unix time of these years", TIME_FORMS))
        return value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            moment = None
        if moment is None or not EPOCH < moment.year < LAST:
            problems.append(Problem(path, f"{value[:40]!r} is not a time", TIME_FORMS))
            return value
        return unix(moment, unit) if moment.tzinfo else moment.isoformat()
    problems.append(Problem(path, "is not a time", TIME_FORMS))
    return value


def _seconds(text: str) -> bool:
    """Digits are Unix time, but eight of them are a date: 20261101."""
    return text.isascii() and text.isdigit() and len(text) < LONGEST and len(text) != len("20261101")


def unix(moment: datetime, unit: int = 1) -> int:
    """Unix time of a moment with a zone; `unit` is 1 for seconds, 1000 for milliseconds."""
    return int(moment.astimezone(UTC).timestamp() * unit)
