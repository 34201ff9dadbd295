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
# Of searches in a text; LIKE and ILIKE are the operators of tildes.
LIKE = {"~~", "!~~", "~~*", "!~~*", "~~~", "like_escape", "ilike_escape", "not_like_escape", "not_ilike_escape"}
PARTS = {"contains", "ends_with", "instr", "position", "prefix", "starts_with", "^@", "strpos", "suffix"}
EXPRESSIONS = {"regexp_extract", "regexp_extract_all", "regexp_full_match", "regexp_matches"}
SEARCHING = frozenset(LIKE | PARTS | EXPRESSIONS)
GROUPED_BY_ALL = "FORCE_AGGREGATES"
DISTINCT = "DISTINCT_MODIFIER"
SET_OPERATION, SELECT = "SET_OPERATION_NODE", "SELECT_NODE"
ID_ENDING = "id"


def find_judged_columns(tree: Tree, columns: Collection[str]) -> set[str]:
    """Those of `columns` that stand in a condition, a calculation, a join, an order, or alone are what is grouped by.

    A name that a query gives to what it makes of a column stands for the column wherever it is used. Groups that an id
    tells apart as well are not judged.
    """
    names = _map_names(tree, columns)
    return {column for name in _iter_names(tree) for column in names.get(name, ())}


def find_searched_texts(tree: Tree, columns: Collection[str]) -> dict[str, list[str]]:
    """Those of `columns` in whose text something is searched for, each with what: patterns, words, parts of them."""
    names = _map_names(tree, columns)
    found: dict[str, list[str]] = {}
    for part in walk(tree):
        if str(part.get("function_name", "")).lower() in SEARCHING:
            words = [
                str(each["literal"].get("text", "")) for each in walk(part) if isinstance(each.get("literal"), dict)
            ]
            for column in {column for name in _iter_columns(part) for column in names.get(name, ())}:
                found.setdefault(column, []).extend(words)
    return found


def _map_names(tree: Tree, columns: Collection[str]) -> dict[str, set[str]]:
    """By a name of the statement, those of `columns` that are in what it stands for, through any number of queries."""
    names = {name: {name} for name in columns}
    definitions = [*_iter_definitions(tree)]
    is_growing = True
    while is_growing:
        is_growing = False
        for name, expression in definitions:
            inner = {column for each in _iter_columns(expression) for column in names.get(each, ())}
            if not inner <= names.get(name, set()):
                names[name] = names.get(name, set()) | inner
                is_growing = True
    return names


def _iter_definitions(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """The names that a statement gives, each with the expression that it stands for."""
    for part in walk(tree):
        if part.get("alias") and "class" in part:
            yield str(part["alias"]).lower(), part
        query = part.get("query_node") or (part.get("query") or part.get("subquery") or {}).get("node")
        renamed = part.get("aliases") or part.get("column_name_alias") or ()
        if query and renamed:
            for name, expression in zip(renamed, _list_selected(query), strict=False):
                yield str(name).lower(), expression


def _list_selected(query: Tree) -> list[Tree]:
    """What a query selects; of several that are united, the first."""
    while query.get("type") == SET_OPERATION and query.get("children"):
        query = query["children"][0]
    selected: list[Tree] = query.get("select_list") or []
    return selected


def _iter_columns(expression: Any) -> Iterator[str]:
    """The names of the columns in an expression, but for those of which it only asks whether there is a value."""
    if isinstance(expression, list):
        for each in expression:
            yield from _iter_columns(each)
    elif isinstance(expression, dict):
        if name := _name_column(expression):
            yield name
        elif _get_kind(expression) not in COUNTING:
            yield from _iter_columns([*expression.values()])


def _iter_names(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for inner in part:
            yield from _iter_names(inner)
    elif isinstance(part, dict):
        if part.get("type") == SELECT:
            yield from _iter_names_in_select(part)
        elif name := _name_column(part):
            yield name
        else:
            if part.get("type") == SET_OPERATION and not part["setop_all"]:
                yield from _iter_grouping_names(_list_selected(part))
            yield from (column.lower() for column in part.get("using_columns") or ())
            yield from _iter_names_within(part, COUNTING)


def _iter_names_in_select(select: Tree) -> Iterator[str]:
    shown, groups = select["select_list"], select.get("group_expressions") or []
    is_distinct = any(modifier["type"] == DISTINCT for modifier in select.get("modifiers") or ())
    if is_distinct or groups or select.get("aggregate_handling") == GROUPED_BY_ALL:
        yield from _iter_grouping_names([*groups, *shown])
    yield from _iter_names([each for each in groups if not _name_column(each)])
    for each in shown:
        if not _name_column(each):
            yield from _iter_names_within(each, SHOWING | COUNTING)
    rest = {key: value for key, value in select.items() if key not in ("select_list", "group_expressions")}
    yield from _iter_names(list(rest.values()))


def _iter_grouping_names(expressions: list[Tree]) -> Iterator[str]:
    """The columns by which rows are told apart; none where one of them is an id."""
    names = [name for each in expressions if (name := _name_column(each))]
    yield from () if any(name.endswith(ID_ENDING) for name in names) else names


def _iter_names_within(part: Tree, harmless: Collection[str]) -> Iterator[str]:
    """Those that stand in a part of the tree, but for what is given as it is to one that is `harmless`."""
    if _get_kind(part) not in harmless or part.get("distinct"):
        yield from _iter_names(list(part.values()))
        return
    operands = [*part.get("children", ()), *(each["expression"] for each in part.get("arguments", ()))]
    yield from _iter_names([each for each in operands if not _name_column(each)])
    yield from _iter_names([part.get("filter"), part.get("order_bys")])


def _get_kind(part: Tree) -> str:
    return str(part.get("function_name", part.get("type")))


def _name_column(part: Any) -> str:
    """The name of the column that this is; empty where it is something else."""
    is_column = isinstance(part, dict) and part.get("class") == "COLUMN_REF"
    return str(part["column_names"][-1]).lower() if is_column else ""
