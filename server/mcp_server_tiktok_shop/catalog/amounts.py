"""Checks amounts of money in their currency before they are sent, against a slip by a factor of a thousand."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.money import get_fraction_digits, get_region_currency

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

MONEY_WORDS = ("amount", "price")
# Thresholds and reductions of a sale: amounts, or numbers of items and percents, which have no fraction either.
SALE_NEIGHBOUR = "threshold_type"
THOUSANDS_PATTERN = re.compile(r"-?\d{1,3}\.\d{3}", re.ASCII)  # 125.000: what many countries write for 125000
FRACTION_PATTERN = re.compile(r"-?\d+\.(\d+)", re.ASCII)
HINT = "Correct the amounts named and call again; nothing was sent."


def validate_amounts(operation: Operation, values: Json, shop_currency: str) -> None:
    """Refuse an amount with a fraction in a currency that has none, or with three decimals where there are two.

    An amount is in the currency that is given beside it, else in that of the region it is for, else in the shop's;
    empty where that is not known, and nothing is refused. `values` are coerced and validated.

    Raises:
        ShopError: `invalid_arguments`, which names the plain form of each.

    """
    problems = tuple(_iter_problems(operation.arguments, values, shop_currency, ""))
    if problems:
        message = "; ".join(f"{problem.argument} {problem.message}" for problem in problems[:3])
        raise ShopError("invalid_arguments", message, hint=HINT, problems=problems)


def _iter_problems(fields: Json, values: Json, outer_currency: str, path: str) -> Iterator[Problem]:
    currency = _find_currency(values) or outer_currency
    for name, value in values.items():
        schema = fields.get(name, {})
        inner_path = f"{path}.{name}" if path else name
        if isinstance(value, str) and is_money(schema, name, fields):
            digits = get_fraction_digits(currency)
            if digits is not None and (match := FRACTION_PATTERN.fullmatch(value)) and len(match[1]) > digits:
                yield _describe_fraction(value, currency, digits, inner_path)
        else:
            yield from _iter_value_problems(schema, value, currency, inner_path)


def _iter_value_problems(schema: Json, value: Any, currency: str, path: str) -> Iterator[Problem]:
    if isinstance(value, dict):
        yield from _iter_problems(schema.get("properties", {}), value, currency, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _iter_value_problems(schema.get("items", {}), item, currency, f"{path}[{index}]")


def _find_currency(values: Json) -> str:
    currency, region = values.get("currency"), values.get("region")
    if isinstance(currency, str) and currency:
        return currency.upper()
    return get_region_currency(region) if isinstance(region, str) else ""


def is_money(schema: Json, name: str, siblings: Json) -> bool:
    """Whether an argument is an amount of money: weights and measures are decimal numbers, too."""
    if schema.get("x-unit") != "decimal-string":
        return False
    return "currency" in siblings or SALE_NEIGHBOUR in siblings or any(word in name for word in MONEY_WORDS)


def find_amounts(fields: Json, values: Json) -> list[str]:
    """The paths of the decimal numbers among the values of a job, which are amounts of money all."""
    return list(_iter_amounts({"properties": fields}, values, ""))


def _iter_amounts(schema: Json, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            inner_path = f"{path}.{name}" if path else name
            yield from _iter_amounts(schema.get("properties", {}).get(name, {}), inner, inner_path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _iter_amounts(schema.get("items", {}), item, f"{path}[{index}]")
    elif schema.get("x-unit") == "decimal-string":
        yield path


def _describe_fraction(text: str, currency: str, digits: int, path: str) -> Problem:
    amount, step = Decimal(text), Decimal(1).scaleb(-digits)
    plain_forms = {f"{amount.quantize(step, rounding):f}": None for rounding in (ROUND_FLOOR, ROUND_CEILING)}
    fraction = f"{digits} decimals" if digits else "no fraction"
    if THOUSANDS_PATTERN.fullmatch(text):
        thousands = text.replace(".", "")
        message = f"is {text}, which may mean {thousands} or {amount.normalize():f}: {currency} has {fraction}"
        plain_forms = {thousands: None} | plain_forms
    else:
        message = f"is {text}, but {currency} has {fraction}"
    return Problem(path, message, f"the plain number without separators: {' or '.join(plain_forms)}")
