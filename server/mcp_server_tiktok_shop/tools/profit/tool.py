"""The tool `get_profit`: what is left of a period's sales, by SKU, product, order, day or month."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.shared_progress import SharedProgress
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.profit_sql import SOLD_SKUS_SQL, load_profit_sql
from mcp_server_tiktok_shop.money import WHOLE_CURRENCIES
from mcp_server_tiktok_shop.platform.shop_choice import choose_targets, name_briefly
from mcp_server_tiktok_shop.table_files.unit_costs import CostTable
from mcp_server_tiktok_shop.tools.charts.requests import read_output
from mcp_server_tiktok_shop.tools.pattern_words import TitleMatch, describe_patterns
from mcp_server_tiktok_shop.tools.periods import describe_period_words, parse_period
from mcp_server_tiktok_shop.tools.profit.answers import ProfitTerms, lay_out_profit
from mcp_server_tiktok_shop.tools.profit.chart_source import make_chart_source
from mcp_server_tiktok_shop.tools.profit.order import COST_COLUMNS, ProfitOrder
from mcp_server_tiktok_shop.tools.profit.shop_profit import ShopProfit
from mcp_server_tiktok_shop.tools.profit.spoken_costs import (
    ALL_SKUS,
    SoldSku,
    apply_spoken_costs,
    read_spoken_costs,
)
from mcp_server_tiktok_shop.tools.profit.table import (
    ALL_COLUMNS,
    SPLIT_GROUPS,
    TIME_GROUPS,
    ProfitRow,
)
from mcp_server_tiktok_shop.tools.query_tables import save_answer_table
from mcp_server_tiktok_shop.tools.reports.coverage import Coverage

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
    from mcp_server_tiktok_shop.tools.profit.spoken_costs import SpokenCost

DEADLINE_MARGIN_S = 12.0  # before a call's deadline, in which the answer is made of what was read by then
SLOW_TABLES = frozenset({"order_fees"})  # read order by order: nobody waits for the whole of it
COST_TABLES = frozenset({"returns", "return_lines"})  # they tell what of the goods' cost came back
PARAMETERS = ("from", "until", "now", "by", "group_by", "order", "direction", "limit", "costs", "step", "has_parts")
SLOW_TABLES_S = 5.0  # seconds in which fees by order may come; the rest of them come in the background
MAX_FAULTS = 10
SHOWN_ROWS, MIN_SHOWN_ROWS = 10, 4  # of all shops, and of each, where no limit is given
EXPLANATION = "explanation"  # in `costs`, as in the preview of a job
SHOWN_TIMES = 31  # of each shop
MAX_CHART_ROWS = 400  # of a shop, in a chart
MAX_SAVED_ROWS = 50_000  # of a shop, in a file
GRANULARITY = {True: 100, False: 1}  # hundredths in the smallest amount of a currency without a fraction, and with one
NO_COSTS_NOTE = (
    "No costs, so no profit: give unit_costs, or put costs.csv or costs.xlsx into {folder}, with columns seller_sku "
    "(or the SKU id), unit_cost, currency and, where costs change, from."
)
NO_COST_TAKEN_NOTE = "No line of the file of costs could be taken, so there is no profit."
FAULTS_NOTE = "costs.faults: these lines count nowhere, and what they name has no cost at all, also by its other lines."
UNMET_NOTE = (
    "unit_costs_of_nothing: no order names these, by seller SKU, id or title. They are misspelt, or were never sold; "
    "their costs count nowhere."
)
OWN_CURRENCY_NOTE = "A number in unit_costs is of each shop's own currency; none was converted."
SALES_TAX_NOTE = (
    "VAT or GST that the seller owes on sales is taken off nowhere: where prices hold it, net_sales and profit do. "
    "A fee called vat is TikTok's."
)
REGIONS_OF_PRICES_BEFORE_TAX = frozenset(("US",))
NO_PROFIT_ORDER_NOTE = "Rows stand by settlement, since without costs there is no profit."


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
        order = ProfitOrder.parse(values["order"]) if values.get("order") else None
        spoken = read_spoken_costs(values)
        file_name, costs = await asyncio.to_thread(self._load_costs, values.get("costs"))
        targets = await choose_targets(self.platform.shops, shop)
        shops = [target.shop for target in targets if target.shop is not None]
        brief_labels = dict(zip((each.label for each in shops), name_briefly(shops), strict=True))
        few_rows = max(SHOWN_ROWS // len(targets), MIN_SHOWN_ROWS)
        default_limit = SHOWN_TIMES if values["group_by"] in TIME_GROUPS else few_rows
        shown_rows = MAX_SAVED_ROWS if save_as is not None else values.get("limit", default_limit)
        limit = max(shown_rows, MAX_CHART_ROWS) if chart_request is not None else shown_rows
        columns = tuple(values.get("columns", ()))
        terms = ProfitTerms(
            values["period"],
            values["by"],
            values["group_by"],
            limit,
            shown_rows,
            costs,
            spoken,
            order,
            columns,
            columns or (() if "limit" in values else (ALL_COLUMNS,)),
        )
        self.query_runner.prepare()
        self.chart_maker.prepare(chart_request)
        deadline = self.platform.new_deadline() - DEADLINE_MARGIN_S
        progress = SharedProgress(caller, len(targets))
        answers = await asyncio.gather(
            *(
                self._find_profit(
                    target, terms, deadline, progress.create_reporter(place), has_chart=chart_request is not None
                )
                for place, target in enumerate(targets)
            )
        )
        found = [answer for answer in answers if isinstance(answer, ShopProfit)]
        if not found:
            raise next(answer for answer in answers if isinstance(answer, ShopError))
        if len(targets) > 1:
            found = [replace(each, brief_label=brief_labels.get(each.label, each.label)) for each in found]
        result = lay_out_profit(found, terms, has_shops=len(targets) > 1, is_whole=save_as is not None)
        currencies = {row.cells["currency"] for each in found for row in each.get("total")}
        own_note = OWN_CURRENCY_NOTE if spoken and len(currencies) > 1 else ""
        unmet = _list_unmet_costs(spoken, found)
        has_tax = any(each.region not in REGIONS_OF_PRICES_BEFORE_TAX for each in shops)
        tax_note = SALES_TAX_NOTE if has_tax else ""
        notes = [UNMET_NOTE if unmet else "", own_note, tax_note, result["note"], found[0].period_note]
        if terms.has_costs or file_name:
            result["costs"] = _describe_costs(file_name, costs, spoken, found)
            result["untrusted"] += [f"costs.{EXPLANATION}"] if EXPLANATION in result["costs"] else []
        result["not_answered"] = {
            target.shop.label: answer.message
            for target, answer in zip(targets, answers, strict=True)
            if isinstance(answer, ShopError) and target.shop is not None
        }
        if not file_name and not spoken:
            notes.insert(0, NO_COSTS_NOTE.format(folder=self.cost_book.files.folders[0]))
            notes.insert(1, NO_PROFIT_ORDER_NOTE if order and order.column in COST_COLUMNS else "")
        if costs.faults:
            notes.insert(0, FAULTS_NOTE)
            notes.insert(0, "" if terms.has_costs else NO_COST_TAKEN_NOTE)
        result["note"] = " ".join(filter(None, notes))
        result = unmet | result
        if save_as is not None:
            zones = [each.zone for each in found]
            result["saved"] = await save_answer_table(self.export_folder, save_as, result, "profit", zones)
        source = make_chart_source(found, terms.group_by, columns, has_costs=terms.has_costs)
        return await self.chart_maker.add(result, chart_request, source, caller)

    def _load_costs(self, path: str | None) -> tuple[str, CostTable]:
        """The costs, and the file they stand in: the one that is named, or one of the usual name; empty without one."""
        if path is None:
            path = self.cost_book.find_file()
        if path is None:
            return "", CostTable()
        return path, self.cost_book.read(path)

    async def _find_profit(
        self,
        target: Target,
        terms: ProfitTerms,
        deadline: float,
        report_progress: ProgressReporter,
        *,
        has_chart: bool,
    ) -> ShopProfit | ShopError:
        """The profit of one shop, or why it can't be told."""
        try:
            period = parse_period(terms.period, target.resolve_zone(self.zone), self.clock())
            snapshot = await self._refresh(target, terms, deadline, report_progress)
            skus = await self._find_sold_skus(snapshot) if terms.spoken_costs else []
            costs, counts = apply_spoken_costs(terms.costs, terms.spoken_costs, skus, snapshot.shop.currency)
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
                    "order": terms.order.choose_column(has_costs=terms.has_costs) if terms.order else "",
                    "direction": -1 if terms.order and terms.order.is_descending else 1,
                    "limit": terms.limit,
                    "costs": json.dumps([cost.to_json() for cost in costs.costs]),
                    "has_parts": terms.row_part == "part" or has_chart,
                    "step": GRANULARITY[snapshot.shop.currency in WHOLE_CURRENCIES],
                },
            )
        except ShopError as error:
            return error
        columns = [column.name for column in result.columns]
        coverage = Coverage.measure(snapshot, sorted(self._find_tables(terms)), period.start)
        words = describe_period_words(terms.period, snapshot.zone, self.clock())
        profit = ShopProfit(
            snapshot.shop.label,
            snapshot.zone,
            period,
            coverage,
            words,
            spoken_counts=counts,
            sold_titles=frozenset(sku.title for sku in skus),
        )
        for row in result.rows:
            found = ProfitRow.from_row(columns, row)
            profit.parts.setdefault(found.cells["part"], []).append(found)
        return profit

    async def _find_sold_skus(self, snapshot: ShopSnapshot) -> list[SoldSku]:
        rows = (await self.query_runner.run(SOLD_SKUS_SQL, [snapshot], zone=snapshot.zone)).rows
        return [SoldSku(*(str(cell or "") for cell in row)) for row in rows]

    async def _refresh(
        self, target: Target, terms: ProfitTerms, deadline: float, report_progress: ProgressReporter
    ) -> ShopSnapshot:
        """The shop's copy; fees by order are given some seconds where SKUs matter, and go on in the background."""
        tables = self._find_tables(terms)
        snapshot = await self.mirror.refresh(target, tables, deadline=deadline, report_progress=report_progress)
        if terms.group_by not in SPLIT_GROUPS and not terms.has_costs:
            return snapshot
        slow_deadline = deadline - max(0.0, self.platform.time_remaining(deadline) - SLOW_TABLES_S)
        return await self.mirror.refresh(
            target, tables | SLOW_TABLES, deadline=slow_deadline, report_progress=report_progress
        )

    def _find_tables(self, terms: ProfitTerms) -> frozenset[str]:
        """The tables that the answer waits for."""
        unasked = SLOW_TABLES if terms.has_costs else SLOW_TABLES | COST_TABLES
        return self.query_runner.find_tables(load_profit_sql(), dict.fromkeys(PARAMETERS)) - unasked


def _describe_costs(
    file_name: str, costs: CostTable, spoken: Sequence[SpokenCost], found: Sequence[ShopProfit]
) -> Json:
    """Where costs come from; of the spoken ones how many SKUs each means, in all shops."""
    result: Json = {"file": file_name, "costs": len(costs.costs)} if file_name else {}
    if costs.faults:
        result |= {"faults": list(costs.faults[:MAX_FAULTS]), "faults_in_all": len(costs.faults)}
    if spoken:
        counts = _count_skus(spoken, found)
        result["skus_of_unit_costs"] = {name or ALL_SKUS: count for name, count in counts.items() if count}
        titles = sorted(frozenset().union(*(each.sold_titles for each in found)))
        if text := describe_patterns((name for name, count in counts.items() if count), list(map(TitleMatch, titles))):
            result[EXPLANATION] = text
    return result


def _list_unmet_costs(spoken: Sequence[SpokenCost], found: Sequence[ShopProfit]) -> Json:
    """The names that mean nothing sold, told before any number: without their costs profits are other ones."""
    unmet = [name or ALL_SKUS for name, count in _count_skus(spoken, found).items() if not count]
    return {"unit_costs_of_nothing": unmet} if unmet else {}


def _count_skus(spoken: Sequence[SpokenCost], found: Sequence[ShopProfit]) -> dict[str, int]:
    """How many SKUs of all shops each of the spoken costs means, by its name."""
    return {cost.name: sum(each.spoken_counts[cost.name] for each in found) for cost in spoken}
