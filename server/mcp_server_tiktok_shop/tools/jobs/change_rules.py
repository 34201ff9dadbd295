"""Works out a new price or stock: a given value, or the current one changed by percent or amount and rounded."""

from __future__ import annotations

import re
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

ENDING_PATTERN = re.compile(r"(\d{0,6})(?:\.(\d{1,6}))?", re.ASCII)
PERCENT = Decimal(100)


class Ending(Struct, frozen=True):
    """What amounts end in: `tail` above a multiple of `modulus`; .99 is 0.99 above a multiple of 1."""

    tail: Decimal
    modulus: Decimal

    @classmethod
    def parse(cls, text: str, unit: Decimal) -> Ending:
        """The ending of a text such as .99, 9.95 or 90; `unit` is the smallest amount of the currency.

        Raises:
            ShopError: `invalid_arguments`.

        """
        match = ENDING_PATTERN.fullmatch(text.strip())
        if match is None or not (match[1] or match[2]):
            raise _refuse_ending(f"is {text!r}, which is no ending", "such as .99, 9.95 or 90")
        whole = "" if match[2] and not int(match[1] or 0) else match[1]  # 0.99 says the same as .99
        ending = cls(Decimal(f"{whole or 0}.{match[2] or 0}"), Decimal(10) ** len(whole))
        if ending.tail % unit:
            raise _refuse_ending(f"is {text!r}, and no amount of this currency ends so", f"a multiple of {unit}")
        return ending

    def round(self, amount: Decimal) -> Decimal:
        """The nearest amount above zero that ends so; of two as near the higher one."""
        steps = ((amount - self.tail) / self.modulus).to_integral_value(ROUND_FLOOR)
        lower = steps * self.modulus + self.tail
        higher = lower + self.modulus
        if higher <= 0:
            return self.tail or self.modulus
        return lower if lower > 0 and amount - lower < higher - amount else higher


class ChangeRule(Struct, frozen=True):
    """One of `fixed`, `percent` and `amount` is given."""

    fixed: Decimal | None = None
    percent: Decimal | None = None
    amount: Decimal | None = None

    @classmethod
    def from_values(cls, values: Json, fixed_name: str) -> ChangeRule | None:
        """The rule that arguments give; None where they give none."""
        fixed, percent, amount = (
            None if values.get(name) is None else Decimal(str(values[name]))
            for name in (fixed_name, "percent", "amount")
        )
        return None if fixed is None and percent is None and amount is None else cls(fixed, percent, amount)

    @property
    def is_relative(self) -> bool:
        return self.fixed is None

    def apply(self, now: Decimal, unit: Decimal, ending: Ending | None = None) -> Decimal:
        """What becomes of `now`, in whole units, a half of one upwards; zero or less where that comes of it."""
        if self.fixed is not None:
            result = self.fixed
        elif self.percent is not None:
            result = now * (PERCENT + self.percent) / PERCENT
        else:
            result = now + (self.amount or 0)
        if ending is not None and result > 0:
            return ending.round(result)
        return (result / unit).to_integral_value(ROUND_HALF_UP) * unit


def ensure_one(values: Json, names: Sequence[str], message: str) -> str:
    """The one of these arguments that is given.

    Raises:
        ShopError: `invalid_arguments`: none is, or several are.

    """
    given = [name for name in names if values.get(name) is not None]
    if len(given) == 1:
        return given[0]
    argument = given[1] if given else names[0]
    fault = "stands beside " + given[0] if given else "is missing"
    raise ShopError(
        "invalid_arguments",
        f"{message}: {', '.join(names)}.",
        hint="Nothing was sent.",
        problems=(Problem(argument, fault, f"one of {', '.join(names)}"),),
    )


def _refuse_ending(message: str, allowed: str) -> ShopError:
    return ShopError("invalid_arguments", f"ending {message}.", problems=(Problem("ending", message, allowed),))
