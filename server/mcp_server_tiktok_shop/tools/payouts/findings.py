"""One place where the money does not agree, or is still to come, told so that a seller can follow it up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from mcp_server_tiktok_shop.money import format_amount

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.money import Amounts

FindingKind = Literal[
    "missing",
    "doubled",
    "wrong_amount",
    "wrong_currency",
    "wrong_status",
    "unreadable",
    "unexplained",
    "not_paid",
    "unsettled",
    "unknown_order",
    "cancelled_order",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look, and the currency of the amounts found there."""

    statement_id: str = ""
    transaction_id: str = ""
    order_id: str = ""
    payment_id: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was expected and what was found: amounts, or words such as a status. `since` is Unix seconds."""

    kind: FindingKind
    message: str
    place: Place
    expected: Decimal | str | None = None
    actual: Decimal | str | None = None
    since: int = 0

    @property
    def difference(self) -> Decimal | None:
        """What is found beyond what was expected: negative where money is missing."""
        if isinstance(self.expected, Decimal) and isinstance(self.actual, Decimal):
            return self.actual - self.expected
        return None

    def to_json(self, zone: ZoneInfo) -> Json:
        row: Json = {
            "kind": self.kind,
            **asdict(self.place),
            "expected": _format_value(self.expected),
            "found": _format_value(self.actual),
            "difference": _format_value(self.difference),
            "since": datetime.fromtimestamp(self.since, zone).isoformat() if self.since else None,
            "message": self.message,
        }
        return {name: value for name, value in row.items() if value not in (None, "")}


def find_unreadable(amounts: Amounts, whose: str, place: Place) -> list[Finding]:
    """What of a record's amounts is no decimal number: nothing that rests on it can be told."""
    return [
        Finding("unreadable", f"The {name} of {whose} is no amount.", place, actual=text)
        for name, text in amounts.unreadable.items()
    ]


def _format_value(value: Decimal | str | None) -> str | None:
    return format_amount(value) if isinstance(value, Decimal) else value
