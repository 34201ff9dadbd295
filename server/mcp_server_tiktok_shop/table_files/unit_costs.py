"""Reads the cost of goods from a seller's table, and reports each line that can't be used."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.table_files.sheet_cells import parse_cell_amount, to_cell_text
from mcp_server_tiktok_shop.table_files.sheets import CURRENCY_NAMES, SELLER_SKU_NAMES, find_columns, read_sheet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

MAX_COSTS_BYTES = 5 * 2**20
MAX_COST_LINES = 100_000
# What each column may be called; case and blanks around do not matter.
COLUMN_NAMES = {
    "code": SELLER_SKU_NAMES,
    "unit_cost": ("unit_cost", "cost", "stückkosten", "einkaufspreis", "ek", "coste", "costo", "coût", "cout"),
    "currency": CURRENCY_NAMES,
    "since": ("from", "since", "valid_from", "ab", "gültig_ab", "desde", "depuis", "dal"),
}
REQUIRED_COLUMNS = ("code", "unit_cost", "currency")
TABLE_FORM = "a first line with seller_sku, unit_cost, currency and, where costs change, from (as 2026-10-31)"
CURRENCY_PATTERN = re.compile(r"[A-Z]{3}")
DOTTED_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")  # 31.10.2026: with dots the day stands first everywhere
BEGINNING = date.min


class UnitCost(Struct, frozen=True):
    """What one unit costs from a day on; `code` is the seller's own, or the SKU id where a SKU has none.

    Where it `is_percent`, `unit_cost` is of the price at which the unit was offered.
    """

    code: str
    unit_cost: Decimal
    currency: str
    since: date
    is_percent: bool = False

    def to_json(self) -> dict[str, str]:
        amount = self.unit_cost.scaleb(-2) if self.is_percent else self.unit_cost
        return {
            "code": self.code,
            "price_share" if self.is_percent else "unit_cost": format(amount, "f"),
            "currency": self.currency,
            "since": self.since.isoformat(),
        }


class CostTable(Struct, frozen=True):
    """The costs of a table; `faults` tell each line that can't be taken, by its number, and why.

    A code of which a line can't be taken has no cost at all: another line's would be a guess.
    """

    costs: tuple[UnitCost, ...] = ()
    faults: tuple[str, ...] = ()


def read_costs(file_name: str, content: bytes) -> CostTable:
    """The costs in a CSV or XLSX file. Two different costs of one code, currency and day are a fault.

    Raises:
        ShopError: `invalid_arguments` of the argument `costs`: no such table at all.

    """
    lines = read_sheet("costs", file_name, content)
    if len(lines) > MAX_COST_LINES:
        raise _table_error(f"has {len(lines):,} lines", f"at most {MAX_COST_LINES:,}")
    columns = find_columns(lines[0][1], COLUMN_NAMES) if lines else {}
    missing = [COLUMN_NAMES[name][0] for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise _table_error(f"has no column {', '.join(missing)}", TABLE_FORM)
    costs: dict[tuple[str, str, date], UnitCost] = {}
    faults: list[str] = []
    faulty_codes: set[str] = set()
    for number, cells in lines[1:]:
        values = {name: cells[place] if place < len(cells) else "" for name, place in columns.items()}
        code = to_cell_text(values["code"])
        try:
            cost = _read_cost(code, values)
            earlier = costs.setdefault((cost.code, cost.currency, cost.since), cost)
            if earlier.unit_cost != cost.unit_cost:
                raise ValueError(f"{code} has another cost for the same day in a line before")  # noqa: TRY301
        except ValueError as error:
            faults.append(f"line {number}: {error}")
            faulty_codes.add(code)
    return CostTable(tuple(cost for cost in costs.values() if cost.code not in faulty_codes), tuple(faults))


def _read_cost(code: str, values: Mapping[str, Any]) -> UnitCost:
    """The cost that a line holds by the names of its columns.

    Raises:
        ValueError: What is wrong with it.

    """
    if not code:
        raise ValueError("seller_sku is empty")
    currency = to_cell_text(values["currency"]).upper()
    if CURRENCY_PATTERN.fullmatch(currency) is None:
        raise ValueError(f"currency of {code} is no currency code such as GBP")
    return UnitCost(code, _parse_cost(code, values["unit_cost"]), currency, _parse_day(code, values.get("since", "")))


def _parse_cost(code: str, value: Any) -> Decimal:
    try:
        return parse_cell_amount(value)
    except ValueError as error:
        raise ValueError(f"unit_cost of {code} {error}") from None


def _parse_day(code: str, value: Any) -> date:
    """The first day of a cost; from the beginning where none is given."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = to_cell_text(value)
    if not text:
        return BEGINNING
    if dotted := DOTTED_DAY.fullmatch(text):
        text = "{2}-{1:0>2}-{0:0>2}".format(*dotted.groups())
    try:
        return datetime.fromisoformat(text).date() if re.match(r"\d{4}-\d{2}-\d{2}", text) else date.fromisoformat("")
    except ValueError:
        raise ValueError(f"from of {code} is no day such as 2026-10-31") from None


def _table_error(message: str, allowed: str) -> ShopError:
    return ShopError("invalid_arguments", f"costs {message}", problems=(Problem("costs", message, allowed),))
