"""What one shop answers to a report: its periods in its own days, its rows, and how far its copy reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.query import QueryResult
    from mcp_server_tiktok_shop.tools.periods import Period
    from mcp_server_tiktok_shop.tools.reports.coverage import Coverage


class ShopPeriods(Struct, frozen=True):
    """The periods of a request in the days of one shop; None where the report is of now, or has no second one.

    `suffix` says that the first one is not over, `note` what may be meant otherwise, `inequality` that they are not
    as long, `problem` that the first one has not begun.
    """

    period: Period | None
    compared: Period | None
    suffix: str = ""
    note: str = ""
    problem: str = ""
    inequality: str = ""

    @property
    def first_moment(self) -> int | None:
        return min((each.start for each in (self.period, self.compared) if each is not None), default=None)


class ShopAnswer(Struct, frozen=True):
    """What one shop's copy answers; where it could not be asked, `problem` says why and nothing else is there.

    `brief_label` is what its rows are labelled by beside those of others; empty where it is the only one. `ranked` are
    all its rows, for what is added up over shops.
    """

    label: str
    brief_label: str = ""
    zone: ZoneInfo | None = None
    periods: ShopPeriods | None = None
    coverage: Coverage | None = None
    totals: QueryResult | None = None
    rows: QueryResult | None = None
    ranked: QueryResult | None = None
    beside: Mapping[str, QueryResult] = field(default_factory=dict)
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        return not self.problem and self.coverage is not None and not self.coverage.part_only

    @property
    def period(self) -> str:
        """The days of the period; empty where the report has none, or the shop could not be asked."""
        period = self.periods.period if self.periods is not None else None
        return period.description + self.periods.suffix if period is not None and self.periods is not None else ""

    @property
    def compared_period(self) -> str:
        compared = self.periods.compared if self.periods is not None else None
        return compared.description if compared is not None else ""

    def list_facts(self) -> Json:
        """What is of this shop: its period in its own days, and what its copy lacks."""
        lacking = self.coverage.part_only if self.coverage is not None else ""
        stale = self.coverage.stale if self.coverage is not None else ""
        facts = {"period": self.period, "compared_with": self.compared_period, "problem": self.problem}
        return facts | {"part_only": lacking, "not_up_to_date": stale}
