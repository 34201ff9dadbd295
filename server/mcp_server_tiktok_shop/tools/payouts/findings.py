"""One place where the money does not agree, or is still to come, told so that a seller can follow it up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from mcp_server_tiktok_shop.tools.payouts.amounts import written

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.payouts.amounts import Amounts

Kind = Literal[
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

    kind: Kind
    message: str
    place: Place
    expected: Decimal | str | None = None
    found: Decimal | str | None = None
    since: int = 0

    @property
    def difference(self) -> Decimal | None:
        """What is found beyond what was expected: negative where money is missing."""
        if isinstance(self.expected, Decimal) and isinstance(self.found, Decimal):
            return self.found - self.expected
        return None

    def told(self, zone: ZoneInfo) -> Json:
        row: Json = {
            "kind": self.kind,
            **asdict(self.place),
            "expected": _written(self.expected),
            "found": _written(self.found),
            "difference": _written(self.difference),
            "since": datetime.fromtimestamp(self.since, zone).isoformat() if self.since else None,
            "message": self.message,
        }
        return {name: value for name, value in row.items() if value not in (None, "")}


def unreadable(amounts: Amounts, whose: str, place: Place) -> list[Finding]:
    """What of a record's amounts is no decimal number: nothing that rests on it can be told."""
    return [
        Finding("unreadable", f"The {name} of {whose} is no amount.", place, found=text)
        for name, text in amounts.unread.items()
    ]


def _written(value: Decimal | str | None) -> str | None:
    return written(value) if isinstance(value, Decimal) else value
