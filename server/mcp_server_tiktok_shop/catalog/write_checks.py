"""Refuses a write without any content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS
from mcp_server_tiktok_shop.errors import Problem

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

# Of these a call without anything but ids would change nothing; others, such as shipping, need no more than an id.
CHANGING_VERBS = ("update", "edit", "partial", "replicate", "apply", "bind", "enable", "remove")
CLEARING_VERBS = ("edit", "partial")  # for these an empty list takes away what is there
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
    return Problem(names[0], "is missing, and so is everything else that would change something", allowed)


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
