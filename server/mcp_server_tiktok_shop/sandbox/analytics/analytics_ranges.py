"""What analytics calls have in common: their range of days, their currency, and figures made of others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.analytics.tally import to_local_day
from mcp_server_tiktok_shop.sandbox.ids import draw_number
from mcp_server_tiktok_shop.sandbox.money import format_amount, round_amount
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

MAX_RANGE_DAYS = 366
DOLLAR_RATES = {"GBP": Decimal("1.31"), "EUR": Decimal("1.10"), "USD": Decimal(1)}


@dataclass(frozen=True)
class DateRange:
    """Days of the shop's calendar, the last one left out."""

    start: date
    end: date

    def iter_intervals(self, granularity: str) -> Iterator[DateRange]:
        if granularity != "1D":
            yield self
            return
        for offset in range((self.end - self.start).days):
            yield DateRange(self.start + timedelta(days=offset), self.start + timedelta(days=offset + 1))

    def to_json(self) -> Json:
        return {"start_date": self.start.isoformat(), "end_date": self.end.isoformat()}


def parse_range(call: Call) -> DateRange:
    date_range = DateRange(parse_day(call.arguments["start_date_ge"]), parse_day(call.arguments["end_date_lt"]))
    if not date_range.start < date_range.end or date_range.start > to_local_day(call.shop, call.now):
        raise RefusalError(28001022, "Invalid time range: 'end_date_lt' must lie after 'start_date_ge', which is over.")
    if (date_range.end - date_range.start).days > MAX_RANGE_DAYS:
        raise RefusalError(28001022, f"Invalid time range: at most {MAX_RANGE_DAYS} days are accepted.")
    return date_range


def parse_day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise RefusalError(28001022, f"Invalid date '{value}': YYYY-MM-DD is expected.") from None


def render_latest_day(call: Call) -> str:
    """Today's orders are counted as they come."""
    return to_local_day(call.shop, call.now).isoformat()


def render_money(call: Call, amount: Decimal) -> Json:
    if call.arguments.get("currency") == "USD":
        return {"amount": format_amount(amount * DOLLAR_RATES[call.shop.currency]), "currency": "USD"}
    return {"amount": format_amount(amount), "currency": call.shop.currency}


def compute_mean(amount: Decimal, count: int) -> Decimal:
    return round_amount(amount / count) if count else Decimal(0)


def render_share(part: int, total: int) -> str:
    return str((Decimal(part) / total).quantize(Decimal("0.0001"))) if total else "0.0000"


@dataclass(frozen=True)
class Traffic:
    """How many looked, for so many that bought: no order tells, so it is made up, the same every time."""

    impressions: int
    clicks: int
    viewers: int
    visitors: int

    @classmethod
    def estimate(cls, orders: int, *origin: object) -> Traffic:
        clicks = orders * (18 + draw_number("clicks", *origin) % 12)
        impressions = clicks * (14 + draw_number("impressions", *origin) % 10)
        return cls(impressions, clicks, impressions * 3 // 5, clicks * 4 // 5)
