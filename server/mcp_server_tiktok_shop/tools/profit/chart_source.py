"""What can be drawn of profits: what is left of sales, with settled and estimated amounts as parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mcp_server_tiktok_shop.table_files.column_kinds import infer_columns
from mcp_server_tiktok_shop.table_files.tables import FileTable
from mcp_server_tiktok_shop.tools.charts.chart import ChartSource
from mcp_server_tiktok_shop.tools.charts.drawn_period import DrawnPeriod
from mcp_server_tiktok_shop.tools.profit.table import ProfitLayout, lay_out_table
from mcp_server_tiktok_shop.tools.query_tables import choose_zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.tools.profit.shop_profit import ShopProfit


def make_chart_source(
    found: Sequence[ShopProfit], group_by: str, asked: Sequence[str], *, has_costs: bool
) -> ChartSource:
    """All rows with every column, to draw what was `asked` for, else profit where costs are known, or settlement."""
    rows = [replace(row, shop=each.brief_label) for each in found for row in each.get("part")]
    layout = ProfitLayout.from_rows(rows, rows, has_shops=len(found) > 1, has_costs=has_costs)
    table = lay_out_table(rows, group_by, layout)
    columns = infer_columns(table["columns"], table["rows"])
    measures = ("profit", "settlement") if has_costs else ("settlement",)
    zone = choose_zone([each.zone for each in found])
    return ChartSource(
        FileTable(columns, table["rows"], zone),
        f"{measures[0].capitalize()} by {group_by}",
        DrawnPeriod.unite(DrawnPeriod.find(each.period, each.coverage, each.zone) for each in found),
        asked=asked,
        measures=measures,
        title_measure=measures[0],
        has_parts=True,
    )
