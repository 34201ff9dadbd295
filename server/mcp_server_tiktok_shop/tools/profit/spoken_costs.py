"""Unit costs given with a call: for all SKUs, or those that a code, id or title matches."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.money import parse_amount
from mcp_server_tiktok_shop.table_files.unit_costs import BEGINNING, CostTable, UnitCost
from mcp_server_tiktok_shop.tools.product_titles import fits_exactly, fits_partly, fits_pattern, fold_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from mcp_server_tiktok_shop.catalog.operation import Json

ALL_SKUS = "all"
PERCENT_SIGN = "%"


class SpokenCost(Struct, frozen=True):
    """What one unit costs in the shop's currency: of the SKUs that `name` means, or of all where it is empty.

    Where it `is_percent`, `unit_cost` is of the price at which the unit was offered.
    """

    name: str
    unit_cost: Decimal
    is_percent: bool = False


class SoldSku(Struct, frozen=True):
    """A SKU that orders name; `code` is the one of its cost."""

    code: str
    sku_id: str
    product_id: str
    title: str


def read_spoken_costs(values: Json) -> tuple[SpokenCost, ...]:
    """The costs in `unit_costs`.

    Raises:
        ShopError: `invalid_arguments`: one is below zero or no amount, or stands twice for one name.

    """
    costs: dict[str, SpokenCost] = {}
    for index, entry in enumerate(values.get("unit_costs") or ()):
        text = entry["unit_cost"]
        name, amount = fold_title(entry.get("product")), parse_amount(text.removesuffix(PERCENT_SIGN).rstrip())
        name = "" if name == ALL_SKUS else name
        if amount is None or amount < 0:
            raise _refuse(index, f"unit_cost {text} is no cost", "an amount such as 4.20, or 40% of the price")
        cost = SpokenCost(name, amount, text.endswith(PERCENT_SIGN))
        if costs.setdefault(name, cost) != cost:
            raise _refuse(index, f"gives {name or 'all'} another cost than an entry before", "one cost for each")
    return tuple(costs.values())


def apply_spoken_costs(
    table: CostTable, spoken: Sequence[SpokenCost], skus: Iterable[SoldSku], currency: str
) -> tuple[CostTable, Counter[str]]:
    """The costs of a file with the spoken ones in their place, and how many SKUs each name means; nothing for all.

    A SKU's own code or id counts before its product's id, that before a title, that before a part of a title
    (beside a `*`, or without any).
    """
    best: dict[str, tuple[int, SpokenCost]] = {}
    for sku in skus:
        for cost in spoken:
            rank = _find_rank(cost, sku)
            if rank and (sku.code not in best or rank < best[sku.code][0]):
                best[sku.code] = rank, cost
    own = [UnitCost(code, cost.unit_cost, currency, BEGINNING, cost.is_percent) for code, (_, cost) in best.items()]
    kept = [cost for cost in table.costs if cost.code not in best or cost.currency != currency]
    return CostTable((*kept, *own), table.faults), Counter(cost.name for _, cost in best.values())


def _find_rank(cost: SpokenCost, sku: SoldSku) -> int:
    """How closely a name means a SKU, 1 the closest; 0: not at all."""
    fits = (
        cost.name in (fold_title(sku.code), sku.sku_id),
        cost.name == sku.product_id,
        fits_exactly(cost.name, sku.title),
        fits_partly(cost.name, sku.title) or fits_pattern(cost.name, sku.title),
        not cost.name,
    )
    return next((rank for rank, is_fit in enumerate(fits, 1) if is_fit), 0)


def _refuse(index: int, message: str, allowed: str) -> ShopError:
    problem = Problem(f"unit_costs[{index}]", message, allowed)
    return ShopError("invalid_arguments", f"{problem.argument} {message}.", problems=(problem,))
