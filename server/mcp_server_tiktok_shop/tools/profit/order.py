"""Parses the order of a profit's rows: by which amount, and in which direction."""

from __future__ import annotations

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.reports.requests import ASCENDING_WORDS, DESCENDING_WORDS

ORDER_COLUMNS = ("profit", "margin_percent", "settlement", "net_sales", "refunds", "units", "goods_cost")
COST_COLUMNS = frozenset(("profit", "margin_percent", "goods_cost"))  # of which there is none without costs
MAX_QUOTED_CHARS = 40


class ProfitOrder(Struct, frozen=True):
    """The column that rows are sorted by, the most first where it `is_descending`."""

    column: str
    is_descending: bool

    @classmethod
    def parse(cls, text: str) -> ProfitOrder:
        """`profit asc`, `net_sales desc`, `profit`: the most first unless told.

        Raises:
            ShopError: `invalid_arguments`: it names no such column.

        """
        column, *directions = text.replace(":", " ").casefold().split() or [""]
        known = {*ASCENDING_WORDS, *DESCENDING_WORDS}
        if column not in ORDER_COLUMNS or len(directions) > 1 or not known.issuperset(directions):
            message = f"{text[:MAX_QUOTED_CHARS]!r} is no order of a profit"
            allowed = f"{', '.join(ORDER_COLUMNS)} (asc: least first, or desc, behind it)"
            problem = Problem("order", message, allowed)
            raise ShopError(
                "invalid_arguments", f"order: {message}", hint=f"Give one of: {allowed}.", problems=(problem,)
            )
        return cls(column, not ASCENDING_WORDS.intersection(directions))

    def choose_column(self, *, has_costs: bool) -> str:
        """The column by which it can be sorted: what is left without costs is the settlement."""
        return self.column if has_costs or self.column not in COST_COLUMNS else "settlement"
