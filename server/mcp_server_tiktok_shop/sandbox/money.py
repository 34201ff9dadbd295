"""Money with two decimals: written as the platform writes it, and split without losing a penny."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

PENNY = Decimal("0.01")
ZERO = Decimal("0.00")


def round_amount(amount: Decimal) -> Decimal:
    return amount.quantize(PENNY, ROUND_HALF_UP)


def format_amount(amount: Decimal) -> str:
    # Adding ZERO turns a negative zero into a plain one.
    return str(amount.quantize(PENNY, ROUND_HALF_UP) + ZERO)


def split_amount(amount: Decimal, parts: int) -> list[Decimal]:
    """Equal parts that add up to the amount: what does not divide goes to the first."""
    share = round_amount(amount / parts)
    return [amount - share * (parts - 1)] + [share] * (parts - 1)
