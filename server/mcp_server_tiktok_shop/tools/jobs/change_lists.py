"""Reads what `change_prices` and `change_stock` should change: products under one rule, a list, or a table."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.table_files.sheet_cells import parse_cell_amount, parse_cell_id
from mcp_server_tiktok_shop.table_files.sheets import CURRENCY_NAMES, SELLER_SKU_NAMES, find_columns, read_sheet
from mcp_server_tiktok_shop.tools.jobs.change_rules import ChangeRule, ensure_one

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_FILE_BYTES = 5 * 2**20
MAX_CHANGES = 1_000
MAX_FAULTS = 10
# What each column may be called, of the first three each line fills one. An assistant can't rename a heading in a
# person's file, so headings may be in the languages of the markets, too.
NAME_COLUMNS = {
    "sku_id": ("sku_id",),
    "seller_sku": SELLER_SKU_NAMES,
    "product_id": ("product_id",),
}
MORE_COLUMNS = {"currency": CURRENCY_NAMES, "warehouse": ("warehouse", "warehouse_id", "lager", "almacén", "almacen")}
VALUE_COLUMNS = {
    "price": ("price", "new_price", "preis", "neuer_preis", "precio", "prix", "prezzo"),
    "stock": (
        *("stock", "quantity", "new_stock", "qty", "counted", "count", "bestand", "lagerbestand", "menge", "anzahl"),
        *("existencias", "cantidad", "quantité", "quantite", "giacenza", "quantità", "quantita"),
    ),
}
STOCK = "stock"
MAX_NAMED_COLUMNS = 20


class Change(Struct, frozen=True):
    """What is to become of the SKUs that a name means; `place` is where it stands, as in items[3] or line 5."""

    name: str
    rule: ChangeRule
    place: str
    currency: str = ""
    warehouse: str = ""


class ChangeList(Struct, frozen=True):
    """The changes of a call; those of a file name SKUs and products by their codes alone, `has_titles` is false."""

    argument: str
    changes: tuple[Change, ...]
    has_titles: bool = True


async def read_changes(values: Json, value_name: str, files: AllowedFiles) -> ChangeList:
    """The changes of a call; `value_name` is `price` or `stock`.

    Raises:
        ShopError: `invalid_arguments`: what is given goes not together, or the file has lines that can't be taken.

    """
    source = ensure_one(values, ("products", "items", "file"), "Say what is meant by one of these")
    rule_names = (value_name, "percent", "amount")
    if source == "products":
        ensure_one(values, rule_names, "Say what it becomes by one of these")
        rule = ChangeRule.from_values(values, value_name) or ChangeRule()
        more = {name: str(values.get(name) or "") for name in MORE_COLUMNS}
        return ChangeList(source, tuple(Change(name, rule, source, **more) for name in values["products"]))
    if given := [name for name in rule_names if values.get(name) is not None]:
        problem = Problem(given[0], f"stands beside {source}, which has a value for each", "one of the two")
        raise ShopError("invalid_arguments", f"{given[0]} {problem.message}.", problems=(problem,))
    if source == "items":
        return ChangeList(source, tuple(_read_items(values, value_name)))
    content = await asyncio.to_thread(files.read, "file", values["file"], MAX_FILE_BYTES)
    changes = await asyncio.to_thread(_read_table, values, value_name, content)
    return ChangeList(source, changes, has_titles=False)


def _read_items(values: Json, value_name: str) -> Iterator[Change]:
    for index, item in enumerate(values["items"]):
        more = {name: str(item.get(name) or values.get(name) or "") for name in MORE_COLUMNS}
        rule = ChangeRule(fixed=Decimal(str(item[value_name])))
        yield Change(str(item["product"]), rule, f"items[{index}]", **more)


def _read_table(values: Json, value_name: str, content: bytes) -> tuple[Change, ...]:
    """The changes in a CSV or XLSX file, whose first line names its columns."""
    lines = read_sheet("file", values["file"], content)
    if len(lines) > MAX_CHANGES + 1:
        raise _table_error(f"has {len(lines) - 1:,} lines", f"at most {MAX_CHANGES:,}")
    columns = find_columns(lines[0][1], NAME_COLUMNS | MORE_COLUMNS | VALUE_COLUMNS) if lines else {}
    form = f"a first line with sku_id, seller_sku or product_id, and {value_name}"
    if value_name not in columns or not columns.keys() & NAME_COLUMNS.keys():
        there = ", ".join(repr(str(cell)) for cell in (lines[0][1] if lines else ())[:MAX_NAMED_COLUMNS])
        missing = value_name if value_name not in columns else "seller_sku"
        raise _table_error(f"has no column {missing}, but {there or 'none'}", form)
    changes, faults = [], []
    for number, cells in lines[1:]:
        line = {name: cells[place] for name, place in columns.items() if place < len(cells)}
        try:
            changes.append(_read_line(values, value_name, line, f"line {number}"))
        except ValueError as error:
            faults.append(f"line {number}: {error}")
    if faults:
        more = f"; and {len(faults) - MAX_FAULTS} more lines" if len(faults) > MAX_FAULTS else ""
        raise _table_error(f"can't be taken: {'; '.join(faults[:MAX_FAULTS])}{more}", form)
    if not changes:
        raise _table_error("has no line but the first", form)
    return tuple(changes)


def _read_line(values: Json, value_name: str, line: dict[str, Any], place: str) -> Change:
    """One line of a table.

    Raises:
        ValueError: What is wrong with it.

    """
    name = ""
    for column in NAME_COLUMNS:
        try:
            name = name or parse_cell_id(line.get(column, ""))
        except ValueError as error:
            raise ValueError(f"{column} {error}") from None
    if not name:
        raise ValueError("names no SKU and no product")
    cell = line.get(value_name, "")
    try:
        amount = parse_cell_amount(cell)
    except ValueError as error:
        is_text = value_name == STOCK and str(cell).strip()
        raise ValueError(f"{value_name} of {name} {f'is {cell!r}, no number of units' if is_text else error}") from None
    more = {column: parse_cell_id(line.get(column, "")) or str(values.get(column) or "") for column in MORE_COLUMNS}
    return Change(name, ChangeRule(fixed=amount), place, **more)


def list_names(changes: Sequence[Change]) -> list[str]:
    """The names in all changes, each once."""
    return list(dict.fromkeys(change.name.strip() for change in changes))


def refuse_changes(argument: str, faults: Sequence[tuple[Change, str]], allowed: str = "") -> ShopError:
    """The error for changes that can't be meant so; each fault goes on from the name of what it is about."""
    problems = tuple(
        Problem(argument if change.place == argument else change.place, f"{change.name!r} {fault}", allowed or None)
        for change, fault in faults[:MAX_FAULTS]
    )
    more = f"; and {len(faults) - MAX_FAULTS} more" if len(faults) > MAX_FAULTS else ""
    message = "; ".join(problem.message for problem in problems)
    return ShopError("invalid_arguments", f"{message}{more}.", hint="Nothing was sent.", problems=problems)


def _table_error(message: str, allowed: str) -> ShopError:
    problem = Problem("file", message, allowed)
    return ShopError("invalid_arguments", f"file {message}", hint="Nothing was sent.", problems=(problem,))
