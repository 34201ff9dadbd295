"""Reads the cells of a person's table, where a spreadsheet may have turned an id or amount into a number."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

MAX_AMOUNT_DIGITS = 6  # after the point: a cent and less, as of screws bought by the thousand
AMOUNT_PATTERN = re.compile(r"\d{1,11}(?:\.\d{1,6}|,\d{1,2})?", re.ASCII)
ROUNDED_FROM = 2**53  # a spreadsheet has rounded a whole number as large as this


def to_cell_text(value: Any) -> str:
    """A cell as text: of a number that is whole, its digits."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def parse_cell_id(value: Any) -> str:
    """An id or code, as text or as a number that a spreadsheet keeps exactly.

    Raises:
        ValueError: It was rounded.

    """
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= ROUNDED_FROM:
        raise ValueError("is a number that the spreadsheet rounded: format the column as text, and enter it again")
    return to_cell_text(value)


def parse_cell_amount(value: Any) -> Decimal:
    """An amount, as a number or as text; a comma before one or two digits is a decimal one.

    Raises:
        ValueError: What is wrong with it.

    """
    if isinstance(value, bool | date):
        raise ValueError("is no amount")  # noqa: TRY004 - a fault of a line as any other
    if isinstance(value, int | float):
        # A spreadsheet keeps 15 digits; what is beyond them comes from counting in binary fractions.
        value = format(round(Decimal(format(value, ".15g")), MAX_AMOUNT_DIGITS).normalize(), "f")
    text = str(value).strip()
    if not text:
        raise ValueError("is empty")
    if AMOUNT_PATTERN.fullmatch(text) is None:
        raise ValueError("is no amount such as 1234.50")
    return Decimal(text.replace(",", "."))
