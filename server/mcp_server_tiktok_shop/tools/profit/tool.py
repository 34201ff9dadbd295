"""The tool `get_profit`: what is left of a period's sales, by SKU, product, order, day or month."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.profit_sql import load_profit_sql
from mcp_server_tiktok_shop.money import WHOLE_CURRENCIES, ZERO
from mcp_server_tiktok_shop.table_files.unit_costs import CostTable
from mcp_server_tiktok_shop.tools.answer_tables import SHARED_VALUES, find_shared_values, is_name_enough, remove_columns
from mcp_server_tiktok_shop.tools.charts.requests import read_output
from mcp_server_tiktok_shop.tools.periods import describe_period_words, parse_period
from mcp_server_tiktok_shop.tools.profit.chart_source import make_chart_source
from mcp_server_tiktok_shop.tools.profit.columns import OPTIONAL_AMOUNTS, OTHER_FEES
from mcp_server_tiktok_shop.tools.profit.shop_profit import ShopProfit
from mcp_server_tiktok_shop.tools.profit.table import (
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
from mcp_server_tiktok_shop.tools.query_tables import save_answer_table
from mcp_server_tiktok_shop.tools.reports.coverage import Coverage
from mcp_server_tiktok_shop.tools.shared_progress import SharedProgress
from mcp_server_tiktok_shop.tools.shop_choice import choose_targets, name_briefly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.cost_book import CostBook
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.mirror import Mirror
    from mcp_server_tiktok_shop.mirror.progress import ProgressReporter
    from mcp_server_tiktok_shop.mirror.query import QueryRunner
    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder
    from mcp_server_tiktok_shop.tools.charts.maker import ChartMaker

DEADLINE_MARGIN_S = 12.0  # before a call's deadline, in which the answer is made of what was read by then
SLOW_TABLES = frozenset({"order_fees"})  # read order by order: nobody waits for the whole of it
PARAMETERS = ("from", "until", "now", "by", "group_by", "limit", "costs", "step")
SLOW_TABLES_S = 5.0  # seconds in which fees by order may come; the rest of them come in the background
MAX_FAULTS = 10
SHOWN_ROWS, MIN_SHOWN_ROWS = 12, 4  # of all shops, and of each, where no limit is given
SHOWN_TIMES = 31  # of each shop
MAX_CHART_ROWS = 400  # of a shop, in a chart
MAX_SAVED_ROWS = 50_000  # of a shop, in a file
GRANULARITY = {True: 100, False: 1}  # hundredths in the smallest amount of a currency without a fraction, and with one
NO_COSTS_NOTE = (
    "No costs, so no profit: put costs.csv or costs.xlsx into {folder}, with columns seller_sku (or the SKU id), "
    "unit_cost, currency and, where costs change, from."
)
CUT_NOTE = "{count} of {in_all} rows are shown, totals are of all: limit (rows of each shop) for more, save_as for all."
OTHER_FEES_NOTE = (
    "zero_columns are zero in what TikTok itemises; what is in other_fees or not itemised, it does not tell."
)
COVERAGE_NOTE = "profit is that of the units whose cost is known: covers_percent of net sales."
SPREAD_NOTE = (
    "Where fees_by_sku is not exact, amounts of orders with several SKUs are split by line value, settled ones, too: "
    "rows move a little when TikTok's own split is read, order by order in the background; totals do not. Of its "
    "estimates TikTok tells no split."
)


class ProfitTerms(Struct, frozen=True):
    """What was asked: `limit` rows of a period that is one of orders or of statements, and how many to show of each."""

    period: str
    by: str
    group_by: str
    limit: int
    shown_rows: int
    costs: CostTable


class GetProfitTool(Struct, frozen=True):
    """The tool `get_profit`. `zone` is the time zone set for all shops, if one is; `clock` gives Unix seconds."""

    mirror: Mirror
    query_runner: QueryRunner
    platform: PlatformClient
    cost_book: CostBook
    export_folder: ExportFolder
    chart_maker: ChartMaker
    zone: ZoneInfo | None
    clock: Callable[[], float]

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json:
        """Totals, then rows; amounts have the platform's sign, so that those before `settlement` add up to it.

        Raises:
            ShopError: A period or a file of costs that can't be read, or why no shop at all can be answered for.

        """
        save_as, chart_request = read_output(values)
        file_name, costs = await asyncio.to_thread(self._load_costs, values.get("costs"))
        targets = await choose_targets(self.platform.shops, shop)
        shops = [target.shop for target in targets if target.shop is not None]
        brief_labels = dict(zip((each.label for each in shops), name_briefly(shops), strict=True))
        few_rows = max(SHOWN_ROWS // len(targets), MIN_SHOWN_ROWS)
        default_limit = SHOWN_TIMES if values["group_by"] in TIME_GROUPS else few_rows
        shown_rows = MAX_SAVED_ROWS if save_as is not None else values.get("limit", default_limit)
        limit = max(shown_rows, MAX_CHART_ROWS) if chart_request is not None else shown_rows
        terms = ProfitTerms(values["period"], values["by"], values["group_by"], limit, shown_rows, costs)
        self.query_runner.prepare()
        self.chart_maker.prepare(chart_request)
        deadline = self.platform.new_deadline() - DEADLINE_MARGIN_S
        progress = SharedProgress(caller, len(targets))
        answers = await asyncio.gather(
            *(
                self._find_profit(target, terms, deadline, progress.create_reporter(place))
                for place, target in enumerate(targets)
            )
        )
        found = [answer for answer in answers if isinstance(answer, ShopProfit)]
        if not found:
            raise next(answer for answer in answers if isinstance(answer, ShopError))
        if len(targets) > 1:
            found = [replace(each, brief_label=brief_labels.get(each.label, each.label)) for each in found]
        result = _lay_out(found, terms, has_shops=len(targets) > 1, is_whole=save_as is not None)
        notes = [result["note"], found[0].period_note]
        result |= {"costs": _describe_costs(file_name, costs)} if file_name else {}
        result["not_answered"] = {
            target.shop.label: answer.message
            for target, answer in zip(targets, answers, strict=True)
            if isinstance(answer, ShopError) and target.shop is not None
        }
        if not file_name:
            notes.insert(0, NO_COSTS_NOTE.format(folder=self.cost_book.files.folders[0]))
        result["note"] = " ".join(filter(None, notes))
        if save_as is not None:
            zones = [each.zone for each in found]
            result["saved"] = await save_answer_table(self.export_folder, save_as, result, "profit", zones)
        source = make_chart_source(found, terms.group_by, has_costs=bool(costs.costs))
        return await self.chart_maker.add(result, chart_request, source, caller)

    def _load_costs(self, path: str | None) -> tuple[str, CostTable]:
        """The costs, and the file they stand in: the one that is named, or one of the usual name; empty without one."""
        if path is None:
            path = self.cost_book.find_file()
        if path is None:
            return "", CostTable()
        return path, self.cost_book.read(path)

    async def _find_profit(
        self, target: Target, terms: ProfitTerms, deadline: float, report_progress: ProgressReporter
    ) -> ShopProfit | ShopError:
        """The profit of one shop, or why it can't be told."""
        try:
            period = parse_period(terms.period, target.resolve_zone(self.zone), self.clock())
            snapshot = await self._refresh(target, terms, deadline, report_progress)
            result = await self.query_runner.run(
                load_profit_sql(),
                [snapshot],
                zone=snapshot.zone,
                parameters={
                    "from": datetime.fromtimestamp(period.start, UTC),
                    "until": datetime.fromtimestamp(period.end, UTC),
                    "now": datetime.fromtimestamp(int(self.clock()), UTC),
                    "by": terms.by,
                    "group_by": terms.group_by,
                    "limit": terms.limit,
                    "costs": json.dumps([cost.to_json() for cost in terms.costs.costs]),
                    "step": GRANULARITY[snapshot.shop.currency in WHOLE_CURRENCIES],
                },
            )
        except ShopError as error:
            return error
        columns = [column.name for column in result.columns]
        coverage = Coverage.measure(snapshot, sorted(self._find_tables()), period.start)
        words = describe_period_words(terms.period, snapshot.zone, self.clock())
        profit = ShopProfit(snapshot.shop.label, snapshot.zone, period, coverage, words)
        for row in result.rows:
            found = ProfitRow.from_row(columns, row)
            profit.parts.setdefault(found.cells["part"], []).append(found)
        return profit

    async def _refresh(
        self, target: Target, terms: ProfitTerms, deadline: float, report_progress: ProgressReporter
    ) -> ShopSnapshot:
        """The shop's copy; fees by order are given some seconds where SKUs matter, and go on in the background."""
        tables = self._find_tables()
        snapshot = await self.mirror.refresh(target, tables, deadline=deadline, report_progress=report_progress)
        if terms.group_by not in SPLIT_GROUPS and not terms.costs.costs:
            return snapshot
        slow_deadline = deadline - max(0.0, self.platform.time_remaining(deadline) - SLOW_TABLES_S)
        return await self.mirror.refresh(
            target, tables | SLOW_TABLES, deadline=slow_deadline, report_progress=report_progress
        )

    def _find_tables(self) -> frozenset[str]:
        """The tables that the answer waits for."""
        return self.query_runner.find_tables(load_profit_sql(), dict.fromkeys(PARAMETERS)) - SLOW_TABLES


def _lay_out(found: Sequence[ShopProfit], terms: ProfitTerms, *, has_shops: bool, is_whole: bool) -> Json:
    """The tables of an answer; what each row of a shop would repeat is told by its totals, but where it `is_whole`."""
    totals = [replace(row, shop=each.brief_label) for each in found for row in each.get("total")]
    rows = [replace(row, shop=each.brief_label) for each in found for row in each.get("row")[: terms.shown_rows]]
    has_one_currency = all(len({row.cells["currency"] for row in each.get("total")}) <= 1 for each in found)
    layout = ProfitLayout.from_rows(totals, rows, has_shops=has_shops, has_costs=bool(terms.costs.costs))
    oldest = min(each.coverage.as_of for each in found)
    rows_in_all = sum(part[0].cells["rows_in_all"] for each in found if (part := each.get("row")))
    result: Json = {
        "period": found[0].period.description,
        "shops": {each.brief_label: each.label for each in found if has_shops},
        "by": terms.by,
        "group_by": terms.group_by,
        "as_of": datetime.fromtimestamp(oldest, found[0].zone).isoformat(timespec="minutes") if oldest else None,
        "totals": lay_out_table(totals, "", layout),
        "profit": lay_out_table(rows, terms.group_by, layout),
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
        key, *names = (name for name, _ in LABELS[terms.group_by])
        if names and terms.group_by in SPLIT_GROUPS and is_name_enough(table, key, names[0]):
            table = remove_columns(table, (key,))
        lasting = {"shop", "units", "settlement", *(name for name, _ in LABELS[terms.group_by])}
        shared = find_shared_values(table, lasting)
        result |= {"profit": remove_columns(table, shared), SHARED_VALUES: shared}
    if terms.costs.costs:
        result |= _lay_out_missing(found, has_shops=has_shops)
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
    is_partial = bool(terms.costs.costs) and any(row.cells["is_partial"] for row in totals)
    has_other_fees = any(OTHER_FEES in row.fees for row in (*totals, *rows))
    unknown_note = OTHER_FEES_NOTE if has_other_fees and result["zero_columns"] else ""
    notes = [
        cut_note,
        unknown_note,
        SPREAD_NOTE if is_spread else "",
        COVERAGE_NOTE if is_partial else "",
        *_list_gaps(found),
    ]
    result["note"] = " ".join(filter(None, notes))
    return result


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


def _describe_costs(file_name: str, costs: CostTable) -> Json:
    result: Json = {"file": file_name, "costs": len(costs.costs)}
    if costs.faults:
        result |= {"faults": list(costs.faults[:MAX_FAULTS]), "faults_in_all": len(costs.faults)}
    return result


def _list_gaps(found: Sequence[ShopProfit]) -> list[str]:
    """What the copies lack of the period."""
    parts = [(each.label, text) for each in found for text in (each.coverage.part_only, each.coverage.stale) if text]
    return [f"{label}: {text}." for label, text in parts]
