"""Parses a statement into DuckDB's syntax tree and back into text; nothing is judged by the text itself."""

from __future__ import annotations

import json
import re
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.mirror.sql.dialects import find_dialect_hint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.mirror.duckdb_extension import DuckDBPyConnection

Tree = dict[str, Any]
MAX_SQL_CHARS = 20_000
MAX_TREE_DEPTH = 400  # objects and lists within each other: about three for an operator
ONE_SELECT_HINT = "Ask with exactly one SELECT (WITH … SELECT is one); describe_tables tells tables and columns."
FIRST_WORD = re.compile(r"(?:\s+|--[^\n]*\n?|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)

_parser_lock = threading.Lock()


class SelectStatement(Struct, frozen=True):
    """One parsed SELECT: its text, and the node of its tree."""

    sql: str
    tree: Tree

    @property
    def node(self) -> Tree:
        node: Tree = self.tree["statements"][0]["node"]
        return node


def parse_statement(sql: str) -> SelectStatement:
    """The only statement of a text.

    Raises:
        ShopError: `invalid_arguments`: it is too long, can't be parsed, is none, several, or no SELECT.

    """
    if len(sql) > MAX_SQL_CHARS:
        raise build_sql_error(f"is longer than {MAX_SQL_CHARS:,} characters", "Ask for less in one statement.")
    if "\0" in sql or _has_half_characters(sql):
        raise build_sql_error("holds a character that is none (NUL or half of one)", "Leave it out and ask again.")
    try:
        tree = json.loads(_run_parser("SELECT json_serialize_sql($1::VARCHAR)", sql))
    except RecursionError:
        raise _build_depth_error() from None
    if _measure_depth(tree) > MAX_TREE_DEPTH:
        raise _build_depth_error()
    if tree["error"]:
        raise _build_parse_error(sql, tree)
    statements = tree["statements"]
    if not statements:
        raise build_sql_error("holds no statement", ONE_SELECT_HINT)
    if len(statements) > 1:
        raise build_sql_error(f"holds {len(statements)} statements, and one is run", ONE_SELECT_HINT)
    return SelectStatement(sql, tree)


def format_statement(tree: Tree) -> str:
    """The text of a tree."""
    return str(_run_parser("SELECT json_deserialize_sql($1::JSON)", json.dumps(tree)))


def build_sql_error(message: str, hint: str, line: int | None = None, allowed: str | None = None) -> ShopError:
    """The error of an argument `sql`, with the line where it is known."""
    place = f" (line {line})" if line is not None else ""
    problem = Problem("sql", f"{message}{place}", allowed)
    return ShopError("invalid_arguments", f"sql: {message}{place}", hint=hint, problems=(problem,))


def find_line(sql: str, position: int) -> int:
    """The line of a place in a text, counted from 1; places are in bytes, as the parser gives them."""
    return sql.encode("utf-8", "replace")[:position].count(b"\n") + 1


def walk(tree: Any) -> Iterator[Tree]:
    """Every object of a tree, the outer before the inner."""
    stack = [tree]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield value
            stack.extend(reversed(value.values()))
        elif isinstance(value, list):
            stack.extend(reversed(value))


def _measure_depth(tree: Any) -> int:
    deepest = 0
    stack = [(tree, 1)]
    while stack:
        value, depth = stack.pop()
        deepest = max(deepest, depth)
        inner = value.values() if isinstance(value, dict) else value
        stack.extend((each, depth + 1) for each in inner if isinstance(each, dict | list))
    return deepest


def _build_depth_error() -> ShopError:
    return build_sql_error(
        "is nested too deep", "Write IN (…) in the place of many conditions, or ask in smaller steps."
    )


def _has_half_characters(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _build_parse_error(sql: str, answer: Tree) -> ShopError:
    message = answer["error_message"]
    if answer["error_type"] == "not implemented":
        found = FIRST_WORD.match(sql)
        word = found[1].upper() if found else "this"
        if "PIVOT" in sql.upper():
            hint = (
                "PIVOT needs its values: PIVOT t ON status IN ('a', 'b') USING count(*); or count(*) FILTER (WHERE …)."
            )
            return build_sql_error("holds a PIVOT without a list of values", hint)
        if "parameters" in message:
            return build_sql_error("mixes ? with named parameters", "Write values into the text.")
        return build_sql_error(f"is no SELECT: {word} is not run here, the copy is only read", ONE_SELECT_HINT)
    position = answer.get("position")
    line = find_line(sql, int(position)) if position and str(position).isdigit() else None
    hint = find_dialect_hint(sql, message) or "It is DuckDB's SQL, close to PostgreSQL's."
    return build_sql_error(message, hint, line)


def _run_parser(sql: str, argument: str) -> Any:
    with _parser_lock:
        return _get_parser().execute(sql, [argument]).fetchall()[0][0]


@cache
def _get_parser() -> DuckDBPyConnection:
    """A connection that only parses: it holds nothing."""
    from mcp_server_tiktok_shop.mirror.duckdb_extension import connect  # noqa: PLC0415 - at the first question only

    connection = connect(":memory:", config={"threads": 1, "memory_limit": "64MB"})
    for setting in ("temp_directory=''", "enable_external_access=false", "lock_configuration=true"):
        connection.execute(f"SET {setting}")
    return connection
