"""Money: amounts as the platform writes them, read exactly or not at all, with their currencies."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Within these bounds sums of any length a shop can have are exact in Decimal's 28 digits.
AMOUNT_PATTERN = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)
MAX_EXACT_FLOAT_DIGITS = 15  # of a JSON number with a fraction: beyond them it may not be the one that was sent
MAX_UNREADABLE_CHARS = 40
ZERO = Decimal(0)
WHOLE_CURRENCIES = frozenset({"CLP", "IDR", "JPY", "KRW", "VND"})  # they have no fraction at the platform
CURRENCY_BY_REGION = dict.fromkeys(
    ("AT", "BE", "DE", "ES", "FR", "GR", "IE", "IT", "NL", "PT"),
    "EUR",
) | {
    "BR": "BRL",
    "CL": "CLP",
    "CZ": "CZK",
    "GB": "GBP",
    "HU": "HUF",
    "ID": "IDR",
    "JP": "JPY",
    "KR": "KRW",
    "MX": "MXN",
    "MY": "MYR",
    "PH": "PHP",
    "PL": "PLN",
    "PO": "PLN",  # so in the platform's lists of countries to publish in
    "SA": "SAR",
    "SG": "SGD",
    "TH": "THB",
    "US": "USD",
    "VN": "VND",
}
FRACTION_CURRENCIES = {*CURRENCY_BY_REGION.values(), "CNY"} - WHOLE_CURRENCIES  # of two decimals


class Amounts(Struct, frozen=True):
    """The amounts of one record by our names for them; one that is missing is in neither."""

    readable: Mapping[str, Decimal] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Decimal | None:
        return self.readable.get(name)

    def is_certain(self, name: str) -> bool:
        """Whether the amount is told, or left out as nothing is; not where something unreadable stands."""
        return name not in self.unreadable


def parse_amount(value: Any) -> Decimal | None:
    """An amount as the platform writes it, text or number; None where it can't be read exactly as one.

    `1,200.50` may mean two things, and NaN is no amount: neither is read.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    if AMOUNT_PATTERN.fullmatch(text) is None:
        return None
    if isinstance(value, float) and len(text.strip("-0").replace(".", "")) > MAX_EXACT_FLOAT_DIGITS:
        return None
    return Decimal(text)


def is_missing(value: Any) -> bool:
    """Whether there is no amount at all, which is another thing than one that can't be read."""
    return value is None or (isinstance(value, str) and not value.strip())


def parse_amounts(row: Mapping[str, Any], names: Mapping[str, str]) -> Amounts:
    """Those amounts of a row that `names` lists: our name, and the field it stands in."""
    readable: dict[str, Decimal] = {}
    unreadable: dict[str, str] = {}
    for name, field_name in names.items():
        value = row.get(field_name)
        if is_missing(value):
            continue
        amount = parse_amount(value)
        if amount is None:
            unreadable[name] = str(value)[:MAX_UNREADABLE_CHARS]
        else:
            readable[name] = amount
    return Amounts(readable, unreadable)


def sum_amounts(values: Iterable[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), ZERO)


def format_amount(amount: Decimal) -> str:
    """The amount with its sign, and no sign on nothing."""
    return format(amount or abs(amount), "f")


def get_fraction_digits(currency: str) -> int | None:
    """How many decimals an amount can have; None of a currency that is not known."""
    if currency in WHOLE_CURRENCIES:
        return 0
    return 2 if currency in FRACTION_CURRENCIES else None


def get_region_currency(region: str) -> str:
    """The currency in which shops of a region sell; empty for a region that is not known."""
    return CURRENCY_BY_REGION.get(region, "")
