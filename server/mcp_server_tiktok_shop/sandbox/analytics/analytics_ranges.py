"""What analytics calls have in common: their range of days, their currency, and figures made of others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.analytics.tally import day_of
from mcp_server_tiktok_shop.sandbox.ids import number
from mcp_server_tiktok_shop.sandbox.money import rounded, text
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

LONGEST_DAYS = 366
DOLLARS = {"GBP": Decimal("1.31"), "EUR": Decimal("1.10"), "USD": Decimal(1)}


@dataclass(frozen=True)
class Range:
    """Days of the shop's calendar, the last one left out."""

    start: date
    end: date

    def intervals(self, granularity: str) -> Iterator[Range]:
        if granularity != "1D":
            yield self
            return
        for offset in range((self.end - self.start).days):
            yield Range(self.start + timedelta(days=offset), self.start + timedelta(days=offset + 1))

    @property
    def shown(self) -> Json:
        return {"start_date": self.start.isoformat(), "end_date": self.end.isoformat()}


def asked(call: Call) -> Range:
    wanted = Range(day(call.arguments["start_date_ge"]), day(call.arguments["end_date_lt"]))
    if not wanted.start < wanted.end or wanted.start > day_of(call.shop, call.now):
        raise Refusal(28001022, "Invalid time range: 'end_date_lt' must lie after 'start_date_ge', which is over.")
    if (wanted.end - wanted.start).days > LONGEST_DAYS:
        raise Refusal(28001022, f"Invalid time range: at most {LONGEST_DAYS} days are accepted.")
    return wanted


def day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise Refusal(28001022, f"Invalid date '{given}': YYYY-MM-DD is expected.") from None


def latest(call: Call) -> str:
    """Today's orders are counted as they come."""
    return day_of(call.shop, call.now).isoformat()


def money(call: Call, amount: Decimal) -> Json:
    if call.arguments.get("currency") == "USD":
        return {"amount": text(amount * DOLLARS[call.shop.currency]), "currency": "USD"}
    return {"amount": text(amount), "currency": call.shop.currency}


def mean(amount: Decimal, count: int) -> Decimal:
    return rounded(amount / count) if count else Decimal(0)


def share(part: int, whole: int) -> str:
    return str((Decimal(part) / whole).quantize(Decimal("0.0001"))) if whole else "0.0000"


@dataclass(frozen=True)
class Traffic:
    """How many looked, for so many that bought: no order tells, so it is made up, the same every time."""

    impressions: int
    clicks: int
    viewers: int
    visitors: int

    @classmethod
    def of(cls, orders: int, *origin: object) -> Traffic:
        clicks = orders * (18 + number("clicks", *origin) % 12)
        impressions = clicks * (14 + number("impressions", *origin) % 10)
        return cls(impressions, clicks, impressions * 3 // 5, clicks * 4 // 5)
