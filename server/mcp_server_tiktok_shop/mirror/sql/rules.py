"""Checks a parsed statement: it reads only our tables, and calls no function that reveals the machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.mirror.sql.dialects import find_dialect_hint
from mcp_server_tiktok_shop.mirror.sql.failures import find_near_names
from mcp_server_tiktok_shop.mirror.sql.statements import SelectStatement, Tree, build_sql_error, find_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mcp_server_tiktok_shop.errors import ShopError

QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
TABLE_REFS = frozenset({"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST", "PIVOT"})
TABLE_FUNCTIONS = frozenset({"generate_series", "range", "unnest"})
# Functions that tell of the machine, the session or the catalog, keep a state, wait, or run text as a statement.
REFUSED_FUNCTIONS = frozenset(
    {
        *("add_parquet_key", "cast_to_type", "col_description", "combine", "current_connection_id", "current_database"),
        *("current_catalog", "current_query", "current_query_id", "current_role", "current_schema", "current_schemas"),
        *(
            "current_setting",
            "current_transaction_id",
            "current_user",
            "currval",
            "error",
            "finalize",
            "format_pg_type",
        ),
        *("format_type", "get_block_size", "getenv", "getvariable", "glob", "in_search_path", "index_key"),
        *("map_to_pg_oid", "map_type_id_to_pg_oid", "nextval", "obj_description", "query", "query_table"),
        *(
            "session_user",
            "set_config",
            "setseed",
            "setval",
            "shobj_description",
            "sleep",
            "sleep_ms",
            "stats",
            "summary",
        ),
        *("to_aggregate_state", "txid_current", "user", "version", "which_secret", "write_log"),
    }
)
REFUSED_PREFIXES = (
    *("__", "arrow_", "copy_", "create_", "duckdb_", "has_", "icu_", "inet_", "json_execute_", "json_serialize_"),
    *("json_deserialize_", "pandas_", "parquet_", "pg_", "pragma_", "python_", "read_", "register_", "sniff_", "st_"),
    *("variant_", "write_"),
)
CATALOG_NAMES = re.compile(
    r"^(information_schema|pg_|sqlite_|duckdb_|pragma_|system$|temp$|memory$|show_|all_tables|user_tables|sys$|mysql$)",
    re.IGNORECASE,
)
TABLES_HINT = "describe_tables tells all tables and their columns."
NO_FILES_HINT = "Only the tables of the shop can be read: no files, no network."


def find_named_tables(
    statement: SelectStatement, tables: Collection[str], parameters: Collection[str] = ()
) -> frozenset[str]:
    """The tables of `tables` that a statement reads, where it does nothing but that.

    Raises:
        ShopError: `invalid_arguments`: what it names that can't be read or called, and what is near.

    """
    judge = _Judge(statement, {name.lower(): name for name in tables}, frozenset(parameters))
    judge.visit(statement.node, frozenset())
    return frozenset(judge.found)


class _Judge:
    def __init__(self, statement: SelectStatement, tables: dict[str, str], parameters: frozenset[str]) -> None:
        self._statement = statement
        self._tables = tables
        self._parameters = parameters
        self.found: set[str] = set()

    def visit(self, value: Any, local_names: frozenset[str]) -> None:
        """Judge a part of the tree; `local_names` are those that WITH gives to queries in force here."""
        stack: list[tuple[Any, frozenset[str]]] = [(value, local_names)]
        while stack:
            part, names = stack.pop()
            if isinstance(part, list):
                stack.extend((item, names) for item in part)
            elif isinstance(part, dict):
                stack.extend(self._visit_object(part, names))

    def _visit_object(self, part: Tree, names: frozenset[str]) -> Iterator[tuple[Any, frozenset[str]]]:
        kind = part.get("type")
        if isinstance(kind, str) and kind.endswith("_NODE"):
            yield from self._visit_query(part, kind, names)
            return
        if "sample" in part and "alias" in part and kind not in TABLE_REFS:
            raise self._build_show_error(part)
        if kind == "BASE_TABLE":
            self._judge_table(part, names)
        elif kind == "TABLE_FUNCTION":
            self._judge_table_function(part)
        elif "function_name" in part:
            self._judge_function(part)
        elif kind == "VALUE_PARAMETER" and part.get("identifier") not in self._parameters:
            raise self._error("holds a parameter without a value", "Write the value into the text.", part)
        yield from (
            (inner, names) for key, inner in part.items() if not (kind == "TABLE_FUNCTION" and key == "function")
        )
        if kind == "TABLE_FUNCTION":
            yield from ((inner, names) for key, inner in part["function"].items() if key != "function_name")

    def _visit_query(self, part: Tree, kind: str, names: frozenset[str]) -> Iterator[tuple[Any, frozenset[str]]]:
        if kind not in QUERY_NODES:
            verb = kind.removesuffix("_NODE").removesuffix("_QUERY").lower()
            hint = "Ask with a SELECT; the shop is changed by its own tools, see find_operations."
            raise build_sql_error(f"holds {verb}, and the copy is only read", hint)
        if "cte_name" in part:
            names |= {part["cte_name"].lower()}
        # A name holds for what comes behind it: before that it would mean a table of the catalog.
        for entry in (part.get("cte_map") or {}).get("map", ()):
            yield entry["value"], names
            names |= {entry["key"].lower()}
        yield from ((inner, names) for key, inner in part.items() if key != "cte_map")

    def _judge_table(self, part: Tree, names: frozenset[str]) -> None:
        path = part["qualified_name"]["path"]
        name = path[-1]
        if len(path) == 1 and (name.lower() in names or name.lower() in self._tables):
            if name.lower() not in names:
                self.found.add(self._tables[name.lower()])
            return
        if any(CATALOG_NAMES.match(step) for step in path):
            raise self._error(f"names {'.'.join(path)}, and catalogs are not read here", TABLES_HINT, part)
        if len(path) > 1 and name.lower() in self._tables:
            hint = f"Write {name} alone; WHERE shop = '…' chooses among the shops that were asked for."
            raise self._error(f"names {'.'.join(path)}: tables stand in no schema", hint, part)
        if re.search(r"[/\\:*?]|\.\w+$|://", name):
            raise self._error("names a file, and only tables are read", f"{NO_FILES_HINT} {TABLES_HINT}", part)
        near = find_near_names(name, self._tables)[:3]
        did_you_mean = f"; did you mean {' or '.join(near)}?" if near else ""
        hint = find_dialect_hint(self._statement.sql, name) or f"Tables: {', '.join(sorted(self._tables.values()))}."
        raise self._error(f"there is no table {_shorten(name)}{did_you_mean}", hint, part)

    def _judge_table_function(self, part: Tree) -> None:
        function = part["function"]
        name = function.get("function_name", "").lower()
        if name not in TABLE_FUNCTIONS or len(function["qualified_name"]["path"]) > 1:
            if CATALOG_NAMES.match(name):
                raise self._error(f"calls {name}, and catalogs are not read here", TABLES_HINT, part)
            hint = f"{NO_FILES_HINT} FROM may call range, generate_series and unnest."
            raise self._error(f"calls {_shorten(name)} in FROM", hint, part)

    def _judge_function(self, part: Tree) -> None:
        name = part["function_name"].lower()
        path = (part.get("qualified_name") or {}).get("path", [name])
        if name in REFUSED_FUNCTIONS or name.startswith(REFUSED_PREFIXES):
            hint = (
                "Functions over the rows of the tables can be called: of numbers, texts, times, lists, and aggregates."
            )
            raise self._error(f"calls {_shorten(name)}, which tells of the machine or changes a state", hint, part)
        if len(path) > 1 or part.get("schema") or part.get("catalog"):
            raise self._error(f"calls {_shorten('.'.join(path))} by a schema", "Write the function's name alone.", part)

    def _build_show_error(self, part: Tree) -> ShopError:
        if part.get("type") == "SHOW_REF":
            message = "is a SHOW, DESCRIBE or SUMMARIZE, and catalogs are not read here"
            return self._error(message, TABLES_HINT, part)
        return self._error(f"reads {part.get('type', 'that')!s}, which is no table", TABLES_HINT, part)

    def _error(self, message: str, hint: str, part: Tree) -> ShopError:
        position = part.get("query_location", 0)
        size = len(self._statement.sql.encode("utf-8", "replace"))
        line = find_line(self._statement.sql, position) if position <= size else None
        return build_sql_error(message, hint, line)


def _shorten(name: str, max_chars: int = 40) -> str:
    return name if len(name) <= max_chars else f"{name[:max_chars]}…"
