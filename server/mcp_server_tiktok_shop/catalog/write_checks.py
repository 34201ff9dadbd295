"""Refuses a write that says nothing, or whose end lies before its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.binding import encode_times
from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS, is_time
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

# Of these a call without anything but ids would change nothing; others, such as shipping, need no more than an id.
CHANGING_VERBS = ("update", "edit", "partial", "replicate", "apply", "bind", "enable", "remove")
CLEARING_VERBS = ("edit", "partial")  # for these an empty list takes away what is there
START_WORDS = ("begin", "start")
MAX_NAMED_ARGUMENTS = 6


def find_missing_content(operation: Operation, values: Json) -> Problem | None:
    """The problem of a write that gives nothing of what it could change; None where it gives something."""
    if not operation.is_platform_write or operation.upload_schemas:
        return None
    names = list_content(operation)
    keeps_empty_lists = operation.name.startswith(CLEARING_VERBS)
    if not names or any(_is_content(values.get(name), keeps_empty_lists=keeps_empty_lists) for name in names):
        return None
    if not names[1:]:
        return Problem(
            names[0], "is missing: without it nothing changes", operation.arguments[names[0]].get("description")
        )
    more = ", …" if len(names) > MAX_NAMED_ARGUMENTS else ""
    allowed = f"one or more of {', '.join(names[:MAX_NAMED_ARGUMENTS])}{more}"
    return Problem(names[0], "is missing, as is all else that would change something", allowed)


def list_content(operation: Operation) -> list[str]:
    """The arguments of which a write needs one; none of a write that does something without any of them."""
    if "needs_any" in operation.record:
        return list(operation.record["needs_any"])
    body = [name for name in operation.arguments if "body" in operation.get_locations(name)]
    if any(name in operation.required and not name.endswith(("_id", "_ids")) for name in body):
        return []
    if operation.required and not operation.name.startswith(CHANGING_VERBS):
        return []
    return [name for name in body if name not in (*operation.required, *IDEMPOTENCY_KEY_ARGUMENTS)]


def _is_content(value: Any, *, keeps_empty_lists: bool) -> bool:
    return value not in (None, "", {}, []) or (value == [] and keeps_empty_lists)


def validate_order_of_times(operation: Operation, values: Json, zone: ZoneInfo) -> None:
    """Refuse an end before its beginning; times without offset are read in `zone`.

    Raises:
        ShopError: `invalid_arguments`.

    """
    problems = tuple(_iter_time_problems({"properties": operation.arguments}, values, zone, ""))
    if problems:
        message = "; ".join(f"{problem.argument} {problem.message}" for problem in problems)
        hint = "Correct the times named and call again; nothing was sent."
        raise ShopError("invalid_arguments", message, hint=hint, problems=problems)


def _iter_time_problems(schema: Json, value: Any, zone: ZoneInfo, path: str) -> Iterator[Problem]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _iter_time_problems(schema.get("items", {}), item, zone, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    fields = schema.get("properties", {})
    for name, inner in value.items():
        inner_path = f"{path}.{name}" if path else name
        yield from _iter_time_problems(fields.get(name, {}), inner, zone, inner_path)
        end_name = find_end_name(name)
        if end_name in value and all(is_time(fields.get(each, {})) for each in (name, end_name)):
            start, end = (int(encode_times(fields[each], value[each], zone)) for each in (name, end_name))
            if 0 < end < start:
                end_path = f"{path}.{end_name}" if path else end_name
                yield Problem(end_path, f"lies before {name}", f"a time after {name}")


def find_end_name(name: str) -> str:
    """The argument with the end of what begins at the one of this name; empty where it is no beginning."""
    word = next((word for word in START_WORDS if word in name.split("_")), "")
    return name.replace(word, "end", 1) if word else ""
