"""The profit found in one shop, before it is laid out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.tools.periods import Period
    from mcp_server_tiktok_shop.tools.profit.table import ProfitRow
    from mcp_server_tiktok_shop.tools.reports.coverage import Coverage


class ShopProfit(Struct):
    """What was found in one shop, by part of the SQL's answer, and how far its copy reaches.

    `brief_label` is what its rows are labelled by beside those of others, `spoken_counts` how many SKUs each spoken
    cost means, `sold_titles` what its orders name.
    """

    label: str
    zone: ZoneInfo
    period: Period
    coverage: Coverage
    period_note: str = ""
    brief_label: str = ""
    spoken_counts: Counter[str] = field(default_factory=Counter)
    sold_titles: frozenset[str] = frozenset()
    parts: dict[str, list[ProfitRow]] = field(default_factory=dict)

    @property
    def row_label(self) -> str:
        """What it is called in rows that always name their shop."""
        return self.brief_label or self.label

    def get(self, part: str) -> list[ProfitRow]:
        return self.parts.get(part, [])
