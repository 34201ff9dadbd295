"""Lays out the answer of `get_profit`: totals with every kind of fee, then rows with fees in one amount."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.results.answer_tables import (
    SHARED_VALUES,
    find_shared_values,
    is_name_enough,
    remove_columns,
)
from mcp_server_tiktok_shop.money import ZERO
from mcp_server_tiktok_shop.platform.shop_choice import group_by_value
from mcp_server_tiktok_shop.tools.profit.columns import (
    BASIS,
    ESTIMATED,
    FEES,
    GOODS_BACK,
    OPTIONAL_AMOUNTS,
    OTHER_FEES,
)
from mcp_server_tiktok_shop.tools.profit.table import (
    ALL_COLUMNS,
    EXACT,
    LABELS,
    SPLIT_GROUPS,
    TIME_GROUPS,
    UNTRUSTED_COLUMN,
    ProfitLayout,
    ProfitRow,
    format_money,
    lay_out_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.table_files.unit_costs import CostTable
    from mcp_server_tiktok_shop.tools.profit.order import ProfitOrder
    from mcp_server_tiktok_shop.tools.profit.shop_profit import ShopProfit
    from mcp_server_tiktok_shop.tools.profit.spoken_costs import SpokenCost

ABOVE, MAX_ABOVE = "costs_above_price", 3  # of each shop
CUT_NOTE = "{count} of {in_all} rows are shown, totals are of all: limit (rows of each shop) for more, save_as for all."
FEES_NOTE = "fees are all kinds together; columns: all tells them by kind."
TOTAL_FEES_NOTE = (
    "fees are those between net_sales and affiliate_commission in totals; columns: all tells them by kind."
)
ESTIMATED_NOTE = "estimated is what of a row's settlement TikTok only expects; columns: basis makes two rows of it."
OTHER_FEES_NOTE = (
    "zero_columns are zero in what TikTok itemises; what is in other_fees or not itemised, it does not tell."
)
COVERAGE_NOTE = "profit is that of the units whose cost is known: covers_percent of net sales."
REST_NOTE = "The row without {key} holds what belongs to none: penalties, reimbursements, ads."
GOODS_BACK_NOTE = (
    "goods_back is what of goods_cost buyers sent back: where it can be sold again, profit is that much more."
)
OPEN_NOTE = "orders_without_amounts: TikTok tells nothing of them yet, not even an estimate; no figure holds them."
ABOVE_NOTE = (
    "costs_above_price: what one unit is said to cost is above its price before discounts. Is it the cost of one unit, "
    "in the shop's currency? A share of the price is given as 40%."
)
SPREAD_NOTE = (
    "Where fees_by_sku is not exact, an order's amounts are split by line value: rows move a little when TikTok's own "
    "split is read in the background, totals do not; of its estimates there is none."
)


class ProfitTerms(Struct, frozen=True):
    """What was asked: `limit` rows of a period that is one of orders or of statements, and how many to show of each.

    `columns` are those of the rows, `total_columns` of the totals; none: a few. `costs` stand in a file, `spoken_costs`
    came with the call.
    """

    period: str
    by: str
    group_by: str
    limit: int
    shown_rows: int
    costs: CostTable
    spoken_costs: tuple[SpokenCost, ...] = ()
    order: ProfitOrder | None = None
    columns: tuple[str, ...] = ()
    total_columns: tuple[str, ...] = (ALL_COLUMNS,)

    @property
    def has_costs(self) -> bool:
        return bool(self.costs.costs or self.spoken_costs)

    @property
    def row_part(self) -> str:
        """The part of the SQL's answer that rows are: what is settled and what is estimated as one, but where asked."""
        return "part" if {ALL_COLUMNS, BASIS}.intersection(self.columns) else "row"


def lay_out_profit(found: Sequence[ShopProfit], terms: ProfitTerms, *, has_shops: bool, is_whole: bool) -> Json:
    """The tables of an answer; what each row of a shop would repeat is told by its totals, but where it `is_whole`."""
    totals = [replace(row, shop=each.brief_label) for each in found for row in each.get("total")]
    rows = [
        replace(row, shop=each.brief_label) for each in found for row in each.get(terms.row_part)[: terms.shown_rows]
    ]
    has_one_currency = all(len({row.cells["currency"] for row in each.get("total")}) <= 1 for each in found)
    layout = ProfitLayout.from_rows(totals, rows, has_shops=has_shops, has_costs=terms.has_costs)
    oldest = min(each.coverage.as_of for each in found)
    periods = group_by_value((each.brief_label, each.period.description) for each in found)
    rows_in_all = sum(part[0].cells["rows_in_all"] for each in found if (part := each.get(terms.row_part)))
    table = lay_out_table(rows, terms.group_by, layout, (ALL_COLUMNS,) if is_whole else terms.columns)
    labels = {name for name, _ in LABELS[terms.group_by]}  # of which totals have none
    total_columns = [name for name in terms.total_columns if name not in labels]
    result: Json = {
        "period": next(iter(periods.values())) if len(periods) == 1 else periods,
        "shops": {each.brief_label: each.label for each in found if has_shops},
        "by": terms.by,
        "group_by": terms.group_by,
        "as_of": datetime.fromtimestamp(oldest, found[0].zone).isoformat(timespec="minutes") if oldest else None,
        "totals": lay_out_table(totals, "", layout, (ALL_COLUMNS,) if is_whole else total_columns),
        "profit": table,
        "zero_columns": [name for name in OPTIONAL_AMOUNTS if name in layout.unused_columns],
        "statements": [_compare_with_statements(each, row) for each in found for row in each.get("statements")],
        "orders_without_amounts": [
            {"shop": each.row_label, "currency": row.cells["currency"], "orders": row.cells["units"]}
            for each in found
            for row in each.get("open")
        ],
    }
    if not is_whole:
        table = remove_columns(result["profit"], ("currency",) if has_one_currency else ())
        label, *names = (name for name, _ in LABELS[terms.group_by])
        if names and terms.group_by in SPLIT_GROUPS and is_name_enough(table, label, names[0]):
            table = remove_columns(table, (label,))
        lasting = {"shop", "units", "settlement", *labels}
        shared = find_shared_values(table, lasting, is_cut=rows_in_all > len(rows))
        result |= {"profit": remove_columns(table, shared), SHARED_VALUES: shared}
    if terms.has_costs:
        result |= _lay_out_missing(found, has_shops=has_shops)
        result = _lay_out_above(found, has_shops=has_shops) | result
    cut_note = ""
    if rows_in_all > len(rows):
        result["rows_in_all"] = rows_in_all
        cut_note = CUT_NOTE.format(count=len(rows), in_all=rows_in_all)
    result["untrusted"] = [
        f"{name}.{UNTRUSTED_COLUMN}"
        for name in ("profit", "missing_costs")
        if UNTRUSTED_COLUMN in result.get(name, {}).get("columns", ())
    ]
    is_spread = terms.group_by in SPLIT_GROUPS and any(row.cells["split"] != EXACT for row in rows)
    is_partial = terms.has_costs and any(row.cells["is_partial"] for row in totals)
    has_other_fees = any(OTHER_FEES in row.fees for row in (*totals, *rows))
    unknown_note = OTHER_FEES_NOTE if has_other_fees and result["zero_columns"] else ""
    fees_note = FEES_NOTE if FEES in result["totals"]["columns"] else TOTAL_FEES_NOTE
    key = LABELS[terms.group_by][0][0]
    has_rest = terms.group_by not in TIME_GROUPS and any(row.cells["key"] is None for row in rows)
    notes = [
        ABOVE_NOTE if ABOVE in result else "",
        cut_note,
        REST_NOTE.format(key=key) if has_rest else "",
        GOODS_BACK_NOTE if GOODS_BACK in {*result["profit"]["columns"], *result["totals"]["columns"]} else "",
        OPEN_NOTE if result["orders_without_amounts"] else "",
        ESTIMATED_NOTE if ESTIMATED in result["profit"]["columns"] else "",
        fees_note if FEES in result["profit"]["columns"] else "",
        unknown_note,
        SPREAD_NOTE if is_spread else "",
        COVERAGE_NOTE if is_partial else "",
        *_list_gaps(found),
    ]
    result["note"] = " ".join(filter(None, notes))
    return result


def _lay_out_above(found: Sequence[ShopProfit], *, has_shops: bool) -> Json:
    """The first SKUs whose cost is above the price they were offered at, each as on average, and how many there are."""
    columns = [*(["shop"] if has_shops else []), "seller_sku", "currency", "unit_cost", "price"]
    rows = []
    for each in found:
        for row in each.get("above")[:MAX_ABOVE]:
            cells, units = row.cells, Decimal(row.cells["units"])
            amounts = [format_money(cells[name] / units) for name in ("cost", "sales")]
            rows.append([*([each.row_label] if has_shops else []), cells["seller_sku"], cells["currency"], *amounts])
    in_all = sum(part[0].cells["rows_in_all"] for each in found if (part := each.get("above")))
    return {ABOVE: {"columns": columns, "rows": rows}, f"{ABOVE}_in_all": in_all} if rows else {}


def _lay_out_missing(found: Sequence[ShopProfit], *, has_shops: bool) -> Json:
    """The SKUs whose cost is not known, those with most units first."""
    found_rows = [(each.row_label, row.cells) for each in found for row in each.get("missing")]
    columns = [*(["shop"] if has_shops else []), "seller_sku", "currency", "units", "product_name"]
    table = [
        {"shop": label, "units": int(cells["units_without_cost"])}
        | {name: cells[name] for name in ("seller_sku", "currency", "product_name")}
        for label, cells in found_rows
    ]
    in_all = sum(part[0].cells["rows_in_all"] for each in found if (part := each.get("missing")))
    if not table:
        return {}
    rows = [[cells[name] for name in columns] for cells in table]
    return {"missing_costs": {"columns": columns, "rows": rows}, "missing_costs_in_all": in_all}


def _compare_with_statements(profit: ShopProfit, statements: ProfitRow) -> Json:
    """The sum that the period's statements tell themselves, beside that of the rows."""
    currency = statements.cells["currency"]
    settled = sum((row.cells["settlement"] for row in profit.get("total") if row.cells["currency"] == currency), ZERO)
    own_sum = statements.cells["settlement"] or ZERO
    return {
        "shop": profit.row_label,
        "currency": currency,
        "statements": statements.cells["units"],
        "settlement": format_money(own_sum),
        "difference": format_money(settled - own_sum),
    }


def _list_gaps(found: Sequence[ShopProfit]) -> list[str]:
    """What the copies lack of the period."""
    parts = [(each.label, text) for each in found for text in (each.coverage.part_only, each.coverage.stale) if text]
    return [f"{label}: {text}." for label, text in parts]
