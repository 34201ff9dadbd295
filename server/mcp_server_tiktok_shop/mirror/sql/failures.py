"""Explains DuckDB's errors to whoever wrote the statement."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.mirror.sql.dialects import find_dialect_hint
from mcp_server_tiktok_shop.mirror.sql.statements import build_sql_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp_server_tiktok_shop.errors import ShopError
    from mcp_server_tiktok_shop.mirror.tables import Table

LINE = re.compile(r"\n\s*LINE (\d+):.*", re.DOTALL)
KIND = re.compile(r"^[A-Z][A-Za-z-]*(?: [A-Za-z]+)* Error: ")
MISSING_COLUMN = re.compile(r'Referenced column "(?P<name>[^"]*)"|does not have a column named "(?P<field>[^"]*)"')
QUOTED_VALUES = re.compile(r"['\"].*['\"]", re.DOTALL)  # from the first to the last: a value may hold quotes itself
# Exceptions that speak of a statement's own words; others may speak of values in rows.
NAMING_KINDS = frozenset({"BinderException", "CatalogException", "ParserException", "NotImplementedException"})
GROUPS_ALL = re.compile(r"\bGROUP\s+BY\s+ALL\b", re.IGNORECASE)
GROUPED_FILTER = re.compile(r"\bQUALIFY\b", re.IGNORECASE)  # which GROUP BY ALL can't stand beside
OWN_BOUND = "makes more than"
PART_WEIGHT, MIN_NEARNESS = 0.95, 0.65
FUNCTION_CANDIDATES = re.compile(r"\n\s*Candidate (?:functions|macros):.*", re.DOTALL)
INNER_NAME = re.compile(r"\b(?:memory|shop_\d+|main)\.(?:main\.)?")  # what tables stand in within a question's process
MAX_MESSAGE_CHARS = 300
MAX_NEAR_NAMES = 4
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
    if kind not in NAMING_KINDS:
        return build_sql_error(_take_out_values(kind, text), find_dialect_hint(sql, "") or VALUE_HINT, line)
    text = FUNCTION_CANDIDATES.sub("", text)
    return build_sql_error(_shorten(text), find_dialect_hint(sql, text) or _suggest(text, sql), line)


def _build_missing_column_error(name: str, sql: str, tables: Mapping[str, Table], line: int | None) -> ShopError:
    columns = {column for table in tables.values() for column in table.columns}
    near = find_near_names(name, columns)
    owners = [table.name for table in tables.values() if name.lower() in table.columns]
    message = f"there is no column {_shorten(name)} here"
    if owners:
        message += f"; {', '.join(owners[:MAX_NEAR_NAMES])} has it"
    elif near:
        message += f"; near: {', '.join(near)}"
    hint = find_dialect_hint(sql, name)
    if not hint and re.search(rf'"{re.escape(name)}"', sql):
        hint = "Texts stand in single quotes: 'text'; double quotes name a column."
    return build_sql_error(
        message, hint or "describe_tables tells the columns of each table.", line, ", ".join(near) or None
    )


def find_near_names(name: str, names: Iterable[str]) -> list[str]:
    """Names that are like a name, or one of whose parts is, as in `total_amount` for `totl`; the nearest first."""
    searched = name.lower()

    def measure(known: str) -> float:
        parts = [PART_WEIGHT * SequenceMatcher(None, searched, part).ratio() for part in known.split("_")]
        return max(SequenceMatcher(None, searched, known).ratio(), *parts)

    scores = {known: measure(known) for known in sorted(names)}
    near = sorted((known for known in scores if scores[known] >= MIN_NEARNESS), key=lambda known: -scores[known])
    return near[:MAX_NEAR_NAMES]


def _take_out_values(kind: str, text: str) -> str:
    """What a function or a cast can't do, without the value that it can't do it with."""
    if OWN_BOUND in text:
        return text
    if kind not in ("ConversionException", "OutOfRangeException"):
        return "a function was given a value that it can't take"
    return _shorten(QUOTED_VALUES.sub("…", text).partition("\n")[0])


def _suggest(text: str, sql: str) -> str:
    if "GROUP BY" in text:
        return _suggest_groups(text, sql)
    if "cannot be nested" in text:
        return "Aggregate the inner in WITH t AS (…), the outer over t."
    if "explicit type casts" in text:
        return "Ids are text, amounts DECIMAL, times timestamps: cast what is of another type, as in CAST(x AS BIGINT)."
    if "Ambiguous" in text:
        return "Write the table's alias before the column; with several shops join on shop as well."
    return "It is DuckDB's SQL, close to PostgreSQL's; describe_tables tells tables and columns."


def _suggest_groups(text: str, sql: str) -> str:
    """What to write instead: never what stands in the statement already, or can't stand beside what does."""
    if "QUALIFY with GROUP BY ALL" in text:
        return "Name the groups: GROUP BY 1, 2 QUALIFY …"
    if "out of range" in text:
        return "Numbers in GROUP BY count the columns that are selected, from 1."
    if "contain aggregates" in text:
        return "Group by what is no aggregate; conditions on aggregates stand in HAVING."
    if GROUPS_ALL.search(sql):
        return "Select it as well, or write any_value(x), max(x): GROUP BY ALL groups by what is selected without one."
    if GROUPED_FILTER.search(sql):
        return "Add it to GROUP BY, or write any_value(x), max(x) of it."
    return "Add it to GROUP BY, or write GROUP BY ALL where it is selected, or any_value(x) of it."


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_MESSAGE_CHARS else f"{text[:MAX_MESSAGE_CHARS]}…"
