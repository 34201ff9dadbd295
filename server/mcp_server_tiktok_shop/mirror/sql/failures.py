"""Turns what DuckDB refuses or can't do into words for the one who wrote the statement."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.mirror.sql.dialects import find_dialect_hint
from mcp_server_tiktok_shop.mirror.sql.statements import build_sql_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.errors import ShopError
    from mcp_server_tiktok_shop.mirror.tables import Table

LINE = re.compile(r"\n\s*LINE (\d+):.*", re.DOTALL)
KIND = re.compile(r"^[A-Z][A-Za-z-]*(?: [A-Za-z]+)* Error: ")
MISSING_COLUMN = re.compile(r'Referenced column "(?P<name>[^"]*)"|does not have a column named "(?P<field>[^"]*)"')
QUOTED_VALUE = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
FUNCTION_CANDIDATES = re.compile(r"\n\s*Candidate (?:functions|macros):.*", re.DOTALL)
INNER_NAME = re.compile(r"\b(?:memory|shop_\d+|main)\.(?:main\.)?")  # what tables stand in within a question's process
MAX_MESSAGE_CHARS = 300
MAX_NEAR_COLUMNS = 4
FEWER_HINT = "Ask for less: a shorter time, join on keys, group before joining, or add WHERE and LIMIT."
VALUE_HINT = "TRY_CAST(x AS …) gives NULL for what can't be converted. Ids are text: id = '123'."


def build_failure(
    kind: str, message: str, sql: str, tables: Mapping[str, Table], timeout_s: float, *, line_offset: int = 0
) -> ShopError:
    """The error of a statement that DuckDB refused with an exception of this kind.

    Its words name columns, tables and lines; values of rows are taken out, since others may have written them.
    """
    if kind == "InterruptException":
        return build_sql_error(f"took longer than {timeout_s:g} s and was stopped", FEWER_HINT)
    if kind == "OutOfMemoryException":
        return build_sql_error("needs more memory than a question may take", FEWER_HINT)
    found_line = LINE.search(message)
    line = max(1, int(found_line[1]) - line_offset) if found_line else None
    text = INNER_NAME.sub("", KIND.sub("", LINE.sub("", message))).strip()
    if missing := MISSING_COLUMN.search(text):
        return _build_missing_column_error(missing["name"] or missing["field"] or "", sql, tables, line)
    if kind in ("ConversionException", "OutOfRangeException", "InvalidInputException", "InternalException", "Error"):
        text = QUOTED_VALUE.sub("…", text)
        return build_sql_error(_shorten(text), find_dialect_hint(sql, "") or VALUE_HINT, line)
    text = FUNCTION_CANDIDATES.sub("", text)
    return build_sql_error(_shorten(text), find_dialect_hint(sql, text) or _suggest(text), line)


def _build_missing_column_error(name: str, sql: str, tables: Mapping[str, Table], line: int | None) -> ShopError:
    columns = {column for table in tables.values() for column in table.columns}
    near = get_close_matches(name.lower(), columns, n=MAX_NEAR_COLUMNS, cutoff=0.6)
    if not near:  # a part of a longer name, as in total for total_amount
        near = sorted(column for column in columns if name and (name.lower() in column or column in name.lower()))
    near = near[:MAX_NEAR_COLUMNS]
    owners = [table.name for table in tables.values() if name.lower() in table.columns]
    message = f"there is no column {_shorten(name)} here"
    if owners:
        message += f"; {', '.join(owners[:MAX_NEAR_COLUMNS])} has it"
    elif near:
        message += f"; near: {', '.join(near)}"
    hint = find_dialect_hint(sql, name)
    if not hint and re.search(rf'"{re.escape(name)}"', sql):
        hint = "Texts stand in single quotes: 'text'; double quotes name a column."
    return build_sql_error(
        message, hint or "describe_tables tells the columns of each table.", line, ", ".join(near) or None
    )


def _suggest(text: str) -> str:
    if "GROUP BY" in text:
        return "Add it to GROUP BY, or write GROUP BY ALL."
    if "explicit type casts" in text:
        return "Ids are text, amounts DECIMAL, times timestamps: cast what is of another type, as in CAST(x AS BIGINT)."
    if "Ambiguous" in text:
        return "Write the table's alias before the column; with several shops join on shop as well."
    return "It is DuckDB's SQL, close to PostgreSQL's; describe_tables tells tables and columns."


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_MESSAGE_CHARS else f"{text[:MAX_MESSAGE_CHARS]}…"
