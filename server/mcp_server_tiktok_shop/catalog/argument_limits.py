"""Limits the size of arguments as they come, before any work is done with them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.json_text import MAX_DEPTH

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_ARGUMENT_VALUES = 50_000  # of one call, at all depths
MAX_ARGUMENT_CHARS = 2_000_000  # of all texts and names in one call
MAX_TEXT_CHARS = 200_000  # of one text, such as a long list written as JSON
MAX_ID_CHARS = 999  # of an external_product_id, the longest that the platform takes
MAX_PATH_CHARS, MAX_NAME_CHARS = 4096, 200
MAX_NUMBER = 2**63 - 1  # the platform counts in 64 bits
MAX_REPORTED_PROBLEMS = 20
MAX_QUOTED_PATH_CHARS = 100


def check_size(arguments: Json) -> None:
    """Refuse arguments that are larger, longer or nested deeper than any that make sense.

    Raises:
        ShopError: `invalid_arguments`, naming the argument and its limit.

    """
    problems: list[Problem] = []
    value_count = char_count = 0
    pending: list[tuple[str, str, Any, int]] = [("", "", arguments, 0)]  # path, nearest name, value, depth
    while pending:
        path, name, value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise _build_error([Problem(path, "is nested too deep", f"at most {MAX_DEPTH} levels")])
        if isinstance(value, dict):
            pending += [(_join(path, key), key, inner, depth + 1) for key, inner in value.items()]
            char_count += sum(map(len, value))
        elif isinstance(value, list):
            pending += [(path, name, inner, depth + 1) for inner in value]
        elif isinstance(value, str):
            char_count += len(value)
        value_count += 1
        if value_count + len(pending) > MAX_ARGUMENT_VALUES or char_count > MAX_ARGUMENT_CHARS:
            allowed = f"{MAX_ARGUMENT_VALUES:,} values and {MAX_ARGUMENT_CHARS:,} characters in all"
            raise _build_error([Problem(path, "makes the arguments exceed their limit", f"at most {allowed}")])
        if problem := _find_problem(path, name, value):
            problems.append(problem)
            if len(problems) == MAX_REPORTED_PROBLEMS:
                break
    if problems:
        raise _build_error(problems)


def _find_problem(path: str, name: str, value: Any) -> Problem | None:
    if len(name) > MAX_NAME_CHARS:
        return Problem(path, f"is a name with {len(name):,} characters", f"at most {MAX_NAME_CHARS} characters")
    if isinstance(value, str):
        limit = _get_max_chars(name, value)
        return Problem(path, f"has {len(value):,} characters", f"at most {limit:,}") if len(value) > limit else None
    if isinstance(value, float) and not isfinite(value):
        return Problem(path, "is NaN or Infinity, not a number", "a number")
    if isinstance(value, int | float) and abs(value) > MAX_NUMBER:
        return Problem(path, "is a number with too many digits", "an id in quotes, or a number")
    return None


def _get_max_chars(name: str, text: str) -> int:
    if name in ("id", "ids") or name.endswith(("_id", "_ids")):
        return MAX_TEXT_CHARS if text.lstrip().startswith("[") else MAX_ID_CHARS  # a list may come as JSON text
    if name == "file" or name.endswith("_base64"):
        return MAX_ARGUMENT_CHARS  # what is too much of a file is said where it is read
    return MAX_PATH_CHARS if name == "source" or name.endswith("_path") else MAX_TEXT_CHARS


def _join(path: str, name: str) -> str:
    """The path of a field, cut where it is too long to be read: it is only for an error."""
    return f"{path}.{name}"[:MAX_QUOTED_PATH_CHARS] if path else name[:MAX_QUOTED_PATH_CHARS]


def _build_error(problems: list[Problem]) -> ShopError:
    summary = "; ".join(f"{problem.argument or 'the arguments'} {problem.message}" for problem in problems[:3])
    hint = "Shorten them, or split them over several calls; nothing was sent."
    return ShopError("invalid_arguments", summary, hint=hint, problems=tuple(problems))
