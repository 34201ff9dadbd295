"""Compiles the paths that say where in an answer a column's value is.

A path is relative to the row: names with dots. `^` leads to the list above, `^^` two above; `/` to the answer's data,
`=` to the arguments of the call, `@` to what an unpivoted amount is called. `0` is the first item of a list, `*` the
list of all, `+` the sum of all, `?role=BUYER` the first item whose role is that.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mcp_server_tiktok_shop.json_values import parse_count

if TYPE_CHECKING:
    from collections.abc import Callable

DATA_LEVEL, ARGUMENTS_LEVEL, AMOUNT_LEVEL = -3, -2, -1  # places after a row and those above it


class ColumnPath(NamedTuple):
    """A path made ready: the level at which it begins (0 is the row, 1 the one above), and how to go on from there.

    `steps` are its names as they are written; `is_plain` says that they are names of fields alone.
    """

    level: int
    steps: tuple[str, ...]
    is_plain: bool
    read: Callable[[Any], Any]


def compile_path(path: str) -> ColumnPath:
    """The path of a column made ready to read by."""
    names = path.lstrip("^")
    level = len(path) - len(names)
    for mark, special_level in (("/", DATA_LEVEL), ("=", ARGUMENTS_LEVEL), ("@", AMOUNT_LEVEL)):
        if names.startswith(mark):
            names, level = names[1:], special_level
    steps = tuple(names.split("."))
    is_plain = all(step.isidentifier() for step in steps)
    return ColumnPath(level, steps, is_plain, partial(_read_steps, steps))


def _read_steps(steps: tuple[str, ...], value: Any) -> Any:
    for index, step in enumerate(steps):
        if step.isidentifier():
            value = value.get(step) if isinstance(value, dict) else None
        elif not isinstance(value, list):
            return None
        elif step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
        elif step.startswith("?"):
            name, _, wanted = step[1:].partition("=")
            value = next((item for item in value if isinstance(item, dict) and item.get(name) == wanted), None)
        else:
            rest = steps[index + 1 :]
            values = [_read_steps(rest, item) if rest else item for item in value]
            return _sum_counts(values) if step == "+" else [item for item in values if item is not None]
    return value


def _sum_counts(values: list[Any]) -> int | None:
    """The sum of whole numbers; None where there is none."""
    counts = [count for count in map(parse_count, values) if count is not None]
    return sum(counts) if counts else None
