"""SQL that turns spooled cells into column values, and selects the rows of a batch that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.json_values import MAX_UNIX_SECONDS, MIN_UNIX_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.mirror.tables import Table

MAX_LINE_BYTES = 2**21  # of a row; DuckDB makes room for several lines of the size that it is told of
LINE_COLUMNS = "{\"table\": 'VARCHAR', moment: 'DOUBLE', place: 'BIGINT', cells: 'VARCHAR[]'}"  # all else is NULL there
AMOUNT_PATTERN = r"-?[0-9]{1,15}(\.[0-9]{1,10})?"
COUNT_PATTERN = r"-?[0-9]{1,18}(\.0*)?"
ISO_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].*(Z|[+-][0-9]{2}:?[0-9]{2})"


def quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def join_names(names: Iterable[str]) -> str:
    return ", ".join(map(quote_name, names))


def cast_cell(cell: str, type_name: str) -> str:
    """The SQL that reads a cell, an expression that gives text, as a type of the records; NULL where it is none."""
    if type_name == "VARCHAR":
        return cell
    if type_name in ("MONEY", "RATE"):
        decimal = "DECIMAL(18,2)" if type_name == "MONEY" else "DECIMAL(24,10)"
        return f"CASE WHEN regexp_full_match({cell}, '{AMOUNT_PATTERN}') THEN TRY_CAST({cell} AS {decimal}) END"
    if type_name == "BIGINT":
        return f"CASE WHEN regexp_full_match({cell}, '{COUNT_PATTERN}') THEN TRY_CAST({cell} AS BIGINT) END"
    if type_name == "BOOLEAN":
        return f"TRY_CAST({cell} AS BOOLEAN)"
    if type_name == "VARCHAR[]":
        return f"TRY_CAST(TRY_CAST({cell} AS JSON) AS VARCHAR[])"
    number = f"TRY_CAST({cell} AS BIGINT)"
    iso = f"CASE WHEN regexp_full_match({cell}, '{ISO_PATTERN}') THEN TRY_CAST({cell} AS TIMESTAMPTZ) END"
    return (
        f"CASE WHEN {number} BETWEEN {MIN_UNIX_SECONDS} AND {MAX_UNIX_SECONDS} THEN to_timestamp({number}) "
        f"WHEN {number} BETWEEN {MIN_UNIX_SECONDS}000 AND {MAX_UNIX_SECONDS}000 THEN to_timestamp({number} / 1000.0) "
        f"ELSE {iso} END"
    )


def build_stage_sql(table: Table, paths: Sequence[str]) -> str:
    """The SQL that makes the temporary table `stage_<table>` of the table's rows in spooled files.

    Beside the columns it has `_at` and `_place`, the page and the place on it, and `_unreadable`, a count.
    """
    selected: list[str] = []
    counted: list[str] = []
    for number, column in enumerate(table.columns.values(), start=1):
        cell, name = f"cells[{number}]", quote_name(column.name)
        cast = cast_cell(cell, column.type)
        selected.append(f"coalesce({cast}, '') AS {name}" if column.name in table.key else f"{cast} AS {name}")
        if column.type != "VARCHAR":
            counted.append(f"({cell} IS NOT NULL AND {name} IS NULL)::INTEGER")
    lines = (
        f"read_json([{', '.join(map(quote_text, paths))}], format='newline_delimited', "
        f"maximum_object_size={MAX_LINE_BYTES}, columns={LINE_COLUMNS})"
    )
    return (
        f"CREATE OR REPLACE TEMP TABLE {name_stage(table)} AS "
        f"SELECT * EXCLUDE (cells), {' + '.join(counted) or '0'} AS _unreadable "
        f"FROM (SELECT cells, moment AS _at, place AS _place, {', '.join(selected)} "
        f'FROM {lines} WHERE "table" = {quote_text(table.name)})'
    )


def name_stage(table: Table) -> str:
    return quote_name(f"stage_{table.name}")


def build_prune_sql(table: Table, main_table: Table, condition: str) -> str:
    """The SQL that leaves of the staged rows of a table those that count.

    They are the last of each key; of the main table those that meet the condition, of one below it those that came
    with such a row.
    """
    conditions = [f"{quote_name(table.key[0])} <> ''"]
    if table is main_table:
        conditions.append(f"({condition})")
    elif table.parent_column:
        parent = f"({quote_name(table.parent_column)}, _at)"
        conditions.append(f"{parent} IN (SELECT ({quote_name(main_table.key[0])}, _at) FROM {name_stage(main_table)})")
    return (
        f"DELETE FROM {name_stage(table)} WHERE rowid NOT IN "
        f"(SELECT arg_max(rowid, (_at, _place)) FROM {name_stage(table)} WHERE {' AND '.join(conditions)} "
        f"GROUP BY {join_names(table.key)})"
    )
