"""Finds columns by whose values a statement chooses, counts, groups or sorts, rather than showing them as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.mirror.sql.statements import walk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mcp_server_tiktok_shop.mirror.sql.statements import Tree

# Functions and operators whose result is a value as it is, and those that only ask whether there is one.
SHOWING = frozenset({"any_value", "arg_max", "arg_min", "first", "last", "list", "OPERATOR_COALESCE"})
COUNTING = frozenset({"count", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"})
GROUPED_BY_ALL = "FORCE_AGGREGATES"
DISTINCT = "DISTINCT_MODIFIER"
ID_ENDING = "id"


def find_judged_columns(tree: Tree, columns: Collection[str]) -> set[str]:
    """Those of `columns` that stand in a condition, a calculation, a join, an order, or alone are what is grouped by.

    A name that a query gives to a column as it is, stands for the column in the queries around it. Groups that an id
    tells apart as well are not judged.
    """
    names = {name: name for name in columns}
    for part in walk(tree):
        if part.get("alias") and (name := _name_column(part)) in names:
            names.setdefault(part["alias"].lower(), names[name])
    return {names[name] for name in _iter_names(tree) if name in names}


def _iter_names(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for inner in part:
            yield from _iter_names(inner)
    elif isinstance(part, dict):
        if part.get("type") == "SELECT_NODE":
            yield from _iter_names_in_select(part)
        elif name := _name_column(part):
            yield name
        else:
            yield from (column.lower() for column in part.get("using_columns") or ())
            yield from _iter_names_within(part, COUNTING)


def _iter_names_in_select(select: Tree) -> Iterator[str]:
    shown, groups = select["select_list"], select.get("group_expressions") or []
    is_distinct = any(modifier["type"] == DISTINCT for modifier in select.get("modifiers") or ())
    if is_distinct or groups or select.get("aggregate_handling") == GROUPED_BY_ALL:
        names = [name for each in [*groups, *shown] if (name := _name_column(each))]
        yield from () if any(name.endswith(ID_ENDING) for name in names) else names
    yield from _iter_names([each for each in groups if not _name_column(each)])
    for each in shown:
        if not _name_column(each):
            yield from _iter_names_within(each, SHOWING | COUNTING)
    rest = {key: value for key, value in select.items() if key not in ("select_list", "group_expressions")}
    yield from _iter_names(list(rest.values()))


def _iter_names_within(part: Tree, harmless: Collection[str]) -> Iterator[str]:
    """Those that stand in a part of the tree, but for what is given as it is to one that is `harmless`."""
    kind = part.get("function_name", part.get("type"))
    if kind not in harmless or part.get("distinct"):
        yield from _iter_names(list(part.values()))
        return
    operands = [*part.get("children", ()), *(each["expression"] for each in part.get("arguments", ()))]
    yield from _iter_names([each for each in operands if not _name_column(each)])
    yield from _iter_names([part.get("filter"), part.get("order_bys")])


def _name_column(part: Any) -> str:
    """The name of the column that this is; empty where it is something else."""
    is_column = isinstance(part, dict) and part.get("class") == "COLUMN_REF"
    return str(part["column_names"][-1]).lower() if is_column else ""
