"""Runs one checked statement in DuckDB, on read-only snapshots with nothing else in reach."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import TikTokShopServerError
from mcp_server_tiktok_shop.mirror.sql.cells import to_cents, to_json_cell
from mcp_server_tiktok_shop.mirror.sql.exactness import EXACT, EXACT_MACRO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.mirror.duckdb_extension import DuckDBPyConnection

Job = dict[str, Any]
MEMORY_LIMIT = "256MB"
THREADS = 2
FETCH_ROWS = 500
AMOUNT_TYPES = ("DOUBLE", "DECIMAL")
DESCRIBE = "DESCRIBE\n"  # on a line of its own: what DuckDB says of lines is then one more
# Functions that make much of little; DuckDB neither counts what they make nor stops in the midst of it.
MAX_MADE_VALUES = 10_000
MAX_MADE_CHARS = 100_000
TOO_MANY = f"error('makes more than {MAX_MADE_VALUES} values; FROM range(…) has no such bound')"
TOO_LONG = f"error('makes more than {MAX_MADE_CHARS} characters')"


def _build_series_macro(name: str) -> str:
    """What bounds a function that makes a list, of numbers or of times: their types are not known before."""
    numbers = [f"TRY_CAST({each}::VARCHAR AS DOUBLE)" for each in "abc"]
    moments = [f"epoch(TRY_CAST({each}::VARCHAR AS TIMESTAMP))" for each in "ab"]
    step = "epoch(TRY_CAST(c::VARCHAR AS INTERVAL))"
    steps = (
        f"CASE WHEN typeof(c) = 'INTERVAL' THEN ({moments[1]} - {moments[0]}) / {step} "
        f"ELSE ({numbers[1]} - {numbers[0]}) / {numbers[2]} END"
    )
    forms = (("b", "b"), ("a, b", "b - a"), ("a, b, c", f"coalesce({steps}, 0)"))
    bounded = f"CASE WHEN {{}} > {MAX_MADE_VALUES} THEN {TOO_MANY} ELSE b END"
    return f"CREATE MACRO {name}" + ", ".join(
        f"({parameters}) AS system.main.{name}({parameters.replace('b', bounded.format(count))})"
        for parameters, count in forms
    )


def _build_text_macro(name: str, parameters: str, chars: str) -> str:
    given = parameters.replace("n", f"CASE WHEN {chars} > {MAX_MADE_CHARS} THEN {TOO_LONG} ELSE n END")
    return f"CREATE MACRO {name}({parameters}) AS system.main.{name}({given})"


MACROS = {
    EXACT: EXACT_MACRO,
    **{name: _build_series_macro(name) for name in ("range", "generate_series")},
    "repeat": _build_text_macro("repeat", "x, n", "length(x) * n"),
    **{name: _build_text_macro(name, "x, n, y", "n") for name in ("lpad", "rpad")},
}
SETTINGS = (
    "temp_directory=''",
    "python_enable_replacements=false",
    "ieee_floating_point_ops=false",  # a division by zero is NULL, not infinite
    "error_on_division_by_zero=false",
    "autoinstall_known_extensions=false",
    "autoload_known_extensions=false",
)


class SnapshotFileError(TikTokShopServerError):
    """A snapshot that can't be opened: that of the shop at this place."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


class QueryError(TikTokShopServerError):
    """DuckDB's refusal: the name of its exception, and its words."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def run_job(job: Job) -> dict[str, Any]:
    """Run a job: `sql` over `tables` (the columns of each) of `shops` (their files), in `zone`, with `parameters`.

    `exact_sql` is what is run, `sql` what was asked for where that differs. `money` are the places of columns that are
    amounts. The answer has `names`, `types`, `rows` of JSON cells (`max_rows` and `max_bytes` at most), `is_truncated`.

    Raises:
        QueryError: DuckDB refuses it, or it takes more than `timeout_s` or the memory there is.
        SnapshotFileError: A file is gone or damaged.

    """
    from mcp_server_tiktok_shop.mirror.duckdb_extension import Error, connect  # noqa: PLC0415 - at the first question only

    connection = connect(":memory:", config={"threads": THREADS, "memory_limit": MEMORY_LIMIT})
    try:
        for setting in SETTINGS:
            connection.execute(f"SET {setting}")
        for place, shop in enumerate(job["shops"]):
            try:
                _attach(connection, place, shop, job["tables"])
            except Error as error:
                raise SnapshotFileError(str(error), place) from None
        _prepare(connection, job)
        return _run(connection, job)
    except Error as error:
        raise QueryError(type(error).__name__, str(error)) from None
    finally:
        connection.close()


def _attach(
    connection: DuckDBPyConnection, place: int, shop: Mapping[str, Any], tables: Mapping[str, list[str]]
) -> None:
    """Open a shop's file, and see that the tables are in it."""
    connection.execute(f"ATTACH {_quote_text(shop['path'])} AS {_name_shop(place)} (READ_ONLY)")
    for name in tables:
        connection.execute(f"SELECT 1 FROM {_name_shop(place)}.main.{_quote_name(name)} LIMIT 1").fetchall()


def _prepare(connection: DuckDBPyConnection, job: Job) -> None:
    """Make what the statement can name, and close all else."""
    connection.execute(f"SET TimeZone={_quote_text(job['zone'])}")
    for name in job["macros"]:
        connection.execute(MACROS[name])
    for name, columns in job["tables"].items():
        selected = ", ".join(map(_quote_name, columns))
        parts = [
            f"SELECT {_select_texts(shop['columns'])}, {selected} FROM {_name_shop(index)}.main.{_quote_name(name)}"
            for index, shop in enumerate(job["shops"])
        ]
        connection.execute(f"CREATE VIEW {_quote_name(name)} AS {' UNION ALL '.join(parts)}")
    connection.execute(f"SET max_execution_time={max(1, int(job['timeout_s'] * 1000))}")
    connection.execute("SET enable_external_access=false")
    connection.execute("SET lock_configuration=true")


def _run(connection: DuckDBPyConnection, job: Job) -> dict[str, Any]:
    parameters = {name: _read_parameter(*value) for name, value in job["parameters"].items()} or None
    names: list[str] | None = None
    if job["exact_sql"] != job["sql"]:
        # Names of columns, and what is wrong and in which line, are those of the statement as it was written.
        described = connection.execute(DESCRIBE + job["sql"], parameters).fetchall()
        names = [row[0] for row in described]
    connection.execute(job["exact_sql"], parameters)
    description = connection.description or []
    types = [str(column[1]) for column in description]
    names = names or [column[0] for column in description]
    is_money = _find_money(job["money"], job["money_names"], names, types)
    rows: list[list[Any]] = []
    remaining_bytes = job["max_bytes"]
    is_truncated = False
    while not is_truncated and (chunk := connection.fetchmany(FETCH_ROWS)):
        for values in chunk:
            row = [to_json_cell(to_cents(v) if money else v) for v, money in zip(values, is_money, strict=True)]
            remaining_bytes -= len(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")) + 1
            if remaining_bytes < 0 or len(rows) >= job["max_rows"]:
                is_truncated = True
                break
            rows.append(row)
    types = [
        f"DECIMAL(38,2){'[]' if kind.endswith('[]') else ''}" if money else kind
        for kind, money in zip(types, is_money, strict=True)
    ]
    return {"names": names, "types": types, "rows": rows, "is_truncated": is_truncated}


def _find_money(places: list[bool], money_names: list[str], names: list[str], types: list[str]) -> list[bool]:
    """Which columns are amounts that need rounding; by their names where the text alone does not tell their number."""
    guess = places if len(places) == len(names) else [name.lower() in money_names for name in names]
    return [money and kind.startswith(AMOUNT_TYPES) for money, kind in zip(guess, types, strict=True)]


def _read_parameter(kind: str, text: Any) -> Any:
    if kind == "datetime":
        return datetime.fromisoformat(text)
    return Decimal(text) if kind == "decimal" else text


def _name_shop(index: int) -> str:
    return f"shop_{index}"


def _select_texts(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{_quote_text(text)} AS {_quote_name(name)}" for name, text in columns.items())


def _quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def write_parameter(value: Any) -> tuple[str, Any]:
    """A parameter as JSON can hold it, with its kind."""
    if isinstance(value, datetime):
        return "datetime", value.isoformat()
    return ("decimal", str(value)) if isinstance(value, Decimal) else ("plain", value)


def list_parameters(parameters: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    return {name: write_parameter(value) for name, value in parameters.items()}
