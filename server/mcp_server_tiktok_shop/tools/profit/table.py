"""Lays out profits as a table: fees by kind as columns, and profit where the cost of goods is known."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.money import ZERO
from mcp_server_tiktok_shop.tools.profit.columns import (
    AMOUNTS_AFTER_FEES,
    AMOUNTS_BEFORE_FEES,
    BASIS,
    COLUMN_MEANINGS,
    ESTIMATED,
    FEES,
    GOODS_BACK,
    OPTIONAL_AMOUNTS,
    OTHER_FEES,
    PROFIT_COLUMNS,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

# What a row is called, by how rows are grouped: our column, and that of the SQL.
LABELS: dict[str, tuple[tuple[str, str], ...]] = {
    "sku": (
        ("sku_id", "key"),
        ("seller_sku", "seller_sku"),
        ("sku_name", "sku_name"),
        ("product_name", "product_name"),
    ),
    "product": (("product_id", "key"), ("product_name", "product_name")),
    "order": (("order_id", "key"), ("order_create_time", "order_time")),
    "day": (("day", "key"),),
    "month": (("month", "key"),),
}
SPLIT_GROUPS = ("sku", "product")
TIME_GROUPS = ("day", "month")
MAX_FEE_COLUMNS = 8
ALL_COLUMNS = "all"  # of chosen ones
MAX_QUOTED_CHARS = 40
CENT, TENTH = Decimal("0.01"), Decimal("0.1")
UNTRUSTED_COLUMN = "product_name"
# What a row is called that belongs to none of its grouping: penalties, reimbursements, ads.
REST_LABELS = {"sku": {UNTRUSTED_COLUMN: "(of no SKU)"}, "product": {UNTRUSTED_COLUMN: "(of no product)"}}
SPLIT_COLUMN, EXACT = "fees_by_sku", "exact"


class ProfitRow(Struct, frozen=True):
    """A row as the SQL found it, with its fees by kind, and what its shop is called beside others."""

    shop: str
    cells: Mapping[str, Any]
    fees: Mapping[str, Decimal] = field(default_factory=dict)

    @classmethod
    def from_row(cls, columns: Sequence[str], row: Sequence[Any]) -> ProfitRow:
        cells = dict(zip(columns, row, strict=True))
        fees = json.loads(cells["fees"]) if cells.get("fees") else {}
        return cls("", cells, {name: Decimal(amount) for name, amount in fees.items()})

    def to_cells(self, fee_columns: Iterable[str]) -> dict[str, Any]:
        """Every cell that a table can show of it, as text where it is an amount."""
        cells = self.cells
        result: dict[str, Any] = {"shop": self.shop, BASIS: cells[BASIS], "currency": cells["currency"]}
        result |= {"units": int(cells["units"]), SPLIT_COLUMN: cells["split"]}
        result[ESTIMATED] = format_money(cells[ESTIMATED])
        result |= {name: format_money(cells[name]) for name in (*AMOUNTS_BEFORE_FEES, *AMOUNTS_AFTER_FEES)}
        result |= {name: format_money(self.fees.get(name, ZERO)) for name in fee_columns}
        rest = sum((amount for name, amount in self.fees.items() if name not in set(fee_columns)), ZERO)
        if rest:
            result[OTHER_FEES] = format_money(rest)
        result[FEES] = format_money(sum(self.fees.values(), ZERO))
        return result | self._compute_profit()

    def _compute_profit(self) -> dict[str, str | None]:
        """What is left of the units whose cost is known, and what share of net sales those are; empty where none is."""
        cells = self.cells
        if cells["is_partial"] and not cells["covered_units"]:
            return dict.fromkeys(PROFIT_COLUMNS[:-1]) | {"covers_percent": "0"}
        profit = cells["covered_settlement"] + cells["covered_cost"]
        return {
            "goods_cost": format_money(cells["covered_cost"]),
            GOODS_BACK: format_money(cells[GOODS_BACK]),
            "profit": format_money(profit),
            "margin_percent": format_percent(profit, cells["covered_net_sales"]),
            "covers_percent": self._compute_coverage(),
        }

    def _compute_coverage(self) -> str:
        """The share of net sales whose goods have a cost; a part is never told as the whole."""
        if not self.cells["is_partial"]:
            return "100"
        share = format_percent(self.cells["covered_net_sales"], self.cells["net_sales"])
        return "99.9" if share == "100.0" else share or "0"


def format_money(amount: Decimal | int) -> str:
    return format(Decimal(amount).quantize(CENT, ROUND_HALF_UP) + ZERO, "f")


def format_percent(part: Decimal, whole: Decimal) -> str | None:
    """A share with one decimal; None of nothing."""
    return format((part * 100 / whole).quantize(TENTH, ROUND_HALF_UP), "f") if whole > 0 else None


class ProfitLayout(Struct, frozen=True):
    """What the tables of one answer have in common: the kinds of fees that have a column, and which others stand."""

    fee_columns: Sequence[str]
    unused_columns: frozenset[str]
    has_shops: bool
    has_costs: bool

    @classmethod
    def from_rows(
        cls, totals: Sequence[ProfitRow], rows: Sequence[ProfitRow], *, has_shops: bool, has_costs: bool
    ) -> ProfitLayout:
        """The layout of these totals and rows: amounts of which there are none have no column."""
        unused = {name for name in OPTIONAL_AMOUNTS if not any(row.cells[name] for row in (*totals, *rows))}
        if "refunds" in unused:
            unused.add("sales")  # net_sales is the same
        if all(row.cells["split"] == EXACT for row in rows):
            unused.add(SPLIT_COLUMN)
        if not any(row.cells[GOODS_BACK] for row in (*totals, *rows)):
            unused.add(GOODS_BACK)
        if not any(row.cells[ESTIMATED] for row in rows):
            unused.add(ESTIMATED)
        return cls(choose_fee_columns(totals), frozenset(unused), has_shops, has_costs)


def lay_out_table(
    rows: Sequence[ProfitRow], group_by: str, layout: ProfitLayout, chosen_columns: Sequence[str] = (ALL_COLUMNS,)
) -> Json:
    """The rows as a table; without a grouping those of a total. Without any chosen columns fees have one in all.

    Raises:
        ShopError: `invalid_arguments` of `columns`: one of the chosen is none.

    """
    fee_columns = layout.fee_columns
    labels = LABELS.get(group_by, ())
    has_bases = all(row.cells[BASIS] for row in rows)
    columns = [*(["shop"] if layout.has_shops else []), *(name for name, _ in labels), *([BASIS] if has_bases else [])]
    columns += ["currency", "units", *AMOUNTS_BEFORE_FEES, *fee_columns, *AMOUNTS_AFTER_FEES]
    columns += [] if has_bases else [ESTIMATED]
    columns += PROFIT_COLUMNS if layout.has_costs else ()
    columns += [SPLIT_COLUMN] if group_by in SPLIT_GROUPS else []
    table = [
        row.to_cells(fee_columns)
        | {name: _to_label(row.cells[source]) for name, source in labels}
        | ({} if row.cells["key"] is not None else REST_LABELS.get(group_by, {}))
        for row in rows
    ]
    if any(OTHER_FEES in cells for cells in table) and OTHER_FEES not in columns:
        columns.insert(columns.index(AMOUNTS_AFTER_FEES[0]), OTHER_FEES)
    columns = [name for name in columns if name not in layout.unused_columns]
    columns = _choose_columns(columns, fee_columns, chosen_columns, {name for name, _ in labels})
    defaults = {OTHER_FEES: "0.00"}
    return {"columns": columns, "rows": [[(defaults | cells)[name] for name in columns] for cells in table]}


def _choose_columns(
    columns: list[str], fee_columns: Sequence[str], chosen: Sequence[str], labels: Collection[str]
) -> list[str]:
    """Those of all columns that are to be shown; `FEES` stands where the kinds of fees would."""
    if ALL_COLUMNS in chosen:
        return columns
    kinds = {*fee_columns, OTHER_FEES}
    place = columns.index("net_sales") + 1
    every = [*columns[:place], FEES, *columns[place:]]
    if not chosen:
        hidden = {*kinds, *AMOUNTS_BEFORE_FEES} - {"net_sales"} if len(kinds.intersection(columns)) > 1 else {FEES}
        return [name for name in every if name not in hidden]
    if wrong := [name for name in chosen if name not in {*every, *COLUMN_MEANINGS}]:
        problem = Problem("columns", f"has no {wrong[0][:MAX_QUOTED_CHARS]!r}", f"{ALL_COLUMNS}, {', '.join(every)}")
        text = f"columns {problem.message}"
        raise ShopError("invalid_arguments", text, hint=f"Give {problem.allowed}.", problems=(problem,))
    lasting = {"shop", BASIS, ESTIMATED, "currency", *labels}
    return [name for name in every if name in chosen or name in lasting]


def choose_fee_columns(totals: Iterable[ProfitRow]) -> list[str]:
    """The kinds of fees that have a column: those that take most, others together."""
    weights: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in totals:
        for name, amount in row.fees.items():
            weights[name] += abs(amount)
    names = sorted(weights.keys() - {OTHER_FEES}, key=lambda name: (-weights[name], name))
    return names[: MAX_FEE_COLUMNS if len(names) <= MAX_FEE_COLUMNS else MAX_FEE_COLUMNS - 1]


def _to_label(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
