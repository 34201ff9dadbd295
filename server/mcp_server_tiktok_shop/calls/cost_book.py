"""Reads what goods cost from the seller's file, to warn of prices below it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.table_files.unit_costs import CostTable

COST_FILES = ("costs.csv", "costs.xlsx")  # in the files folder, the first that is there


class CurrentCosts(Struct, frozen=True):
    """What a unit costs on one day, by code and currency; `problem` says why that can't be told, where it can't."""

    costs: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    problem: str = ""

    def find(self, seller_sku: str, sku_id: str, currency: str) -> Decimal | None:
        """The cost of a SKU by the seller's code, or by its id where it has none; None where it is not known."""
        return self.costs.get((seller_sku or sku_id, currency))


class CostBook(Struct, frozen=True):
    """The file of costs in the files folder; `clock` gives Unix seconds."""

    files: AllowedFiles
    clock: Callable[[], float]

    def find_file(self) -> str | None:
        """The name of the file; None where there is none."""
        return next((name for name in COST_FILES if (self.files.folders[0] / name).is_file()), None)

    def read(self, path: str) -> CostTable:
        """All costs in a file.

        Raises:
            ShopError: `invalid_arguments` of the argument `costs`: it is no such file, or may not be read.

        """
        from mcp_server_tiktok_shop.table_files.unit_costs import (  # noqa: PLC0415 - a price is seldom changed
            MAX_COSTS_BYTES,
            read_costs,
        )

        return read_costs(path, self.files.read("costs", path, MAX_COSTS_BYTES))

    async def load_current(self, zone: ZoneInfo) -> CurrentCosts:
        """What units cost today in this zone. A file that can't be read stops no write: the problem is told."""
        path = self.find_file()
        if path is None:
            return CurrentCosts()
        try:
            table = await asyncio.to_thread(self.read, path)
        except ShopError as error:
            return CurrentCosts(
                problem=f"the file {path} can't be read, so no price is held against a cost: {error.message}"
            )
        today = datetime.fromtimestamp(self.clock(), zone).date()
        latest: dict[tuple[str, str], tuple[date, Decimal]] = {}
        for cost in table.costs:
            key, entry = (cost.code, cost.currency), (cost.since, cost.unit_cost)
            if cost.since <= today:
                latest[key] = max(latest.get(key, entry), entry)
        return CurrentCosts({key: unit_cost for key, (_, unit_cost) in latest.items()})
