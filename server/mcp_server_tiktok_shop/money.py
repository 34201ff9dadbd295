"""Money: amounts as the platform writes them, read exactly or not at all, with their currencies."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

# Within these bounds sums of any length a shop can have are exact in Decimal's 28 digits.
AMOUNT_PATTERN = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)
MAX_EXACT_FLOAT_DIGITS = 15  # of a JSON number with a fraction: beyond them it may not be the one that was sent
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
