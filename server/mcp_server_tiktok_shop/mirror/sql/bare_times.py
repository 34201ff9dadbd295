"""Finds times that a statement cuts into days or compares with literals without naming a zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.mirror.sql.statements import walk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mcp_server_tiktok_shop.mirror.sql.statements import Tree

IN_ZONE = "timezone"  # what AT TIME ZONE is, too
NOW = frozenset({"now", "get_current_timestamp", "current_timestamp", "transaction_timestamp"})
# Functions that give a moment of those they are given, and those that tell the same of moments in every zone.
CHOOSING_FUNCTIONS = frozenset(
    {"max", "min", "first", "last", "any_value", "lag", "lead", "coalesce", "greatest", "least", "first_value"}
)
ZONELESS_FUNCTIONS = frozenset({"count", "epoch", "epoch_ms", "row_number", "rank", "dense_rank", "arg_max", "arg_min"})
ARITHMETIC = frozenset({"+", "-"})
SIDES = ("left", "right", "input", "lower", "upper")


def has_bare_times(tree: Tree, time_columns: Collection[str]) -> bool:
    """Whether days, hours or written dates of a column of `time_columns` are asked for outside of `timezone(…)`."""
    names = {*time_columns}
    names |= {part["alias"].lower() for part in walk(tree) if part.get("alias") and _gives_moment(part, names)}
    stack: list[tuple[Any, bool]] = [(tree, True)]  # with whether a moment is used as such where this stands
    while stack:
        part, is_moment = stack.pop()
        if isinstance(part, list):
            stack.extend((inner, is_moment) for inner in part)
        elif isinstance(part, dict) and part.get("function_name", "").lower() != IN_ZONE:
            if part.get("class") == "COLUMN_REF" and not is_moment and _name_column(part) in names:
                return True
            is_moment = _keeps_moments(part, is_moment=is_moment)
            stack.extend((inner, is_moment) for inner in part.values())
    return False


def _gives_moment(part: Tree, names: Collection[str]) -> bool:
    if part.get("class") == "COLUMN_REF":
        return _name_column(part) in names
    if part.get("function_name", "").lower() not in CHOOSING_FUNCTIONS:
        return False
    return any(_gives_moment(each["expression"], names) for each in part.get("arguments", ()))


def _keeps_moments(part: Tree, *, is_moment: bool) -> bool:
    """Whether what stands directly in a part of the tree is used as a moment, not as a day or an hour of some zone."""
    kind = part.get("class")
    if kind is None:
        return is_moment or str(part.get("type", "")).endswith("_NODE")
    if "function_name" in part:
        name = part["function_name"].lower()
        is_difference = name == "-" and all(_is_moment(each) for each in _iter_operands(part))
        return name in ZONELESS_FUNCTIONS or is_difference or (is_moment and name in CHOOSING_FUNCTIONS | ARITHMETIC)
    if kind in ("COMPARISON", "BETWEEN"):
        return all(_is_moment(part[side]) for side in SIDES if part.get(side))
    if kind == "OPERATOR":
        return part["type"] in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL")
    return is_moment and kind != "CAST"


def _is_moment(side: Tree) -> bool:
    """Whether it is a column, the present moment, or a time before or after it."""
    if side["class"] == "COLUMN_REF":
        return _name_column(side) != "current_date"
    name = side.get("function_name", "").lower()
    return name in NOW or (name in ARITHMETIC and any(_is_moment(each) for each in _iter_operands(side)))


def _iter_operands(call: Tree) -> Iterator[Tree]:
    return (each["expression"] for each in call.get("arguments", ()))


def _name_column(column: Tree) -> str:
    return str(column["column_names"][-1]).lower()
