"""Says what is offered in a market: operations, and values of an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.catalog.operation import Json

# What records call several markets together.
REGIONS_BY_GROUP = {
    "EU": frozenset(("AT", "BE", "CZ", "DE", "ES", "FR", "GR", "HU", "IE", "IT", "NL", "PL", "PT")),
    "SEA": frozenset(("ID", "MY", "PH", "SG", "TH", "VN")),
}
REGIONS_BY_GROUP["EMEA"] = REGIONS_BY_GROUP["EU"] | {"GB"}
REMAINING_MARKETS = "other"


def is_in_markets(region: str, markets: Iterable[str]) -> bool:
    """Whether a region is one of these markets, or in one of the groups among them."""
    return any(region in REGIONS_BY_GROUP.get(market, (market,)) for market in markets)


def find_market_values(schema: Json, region: str) -> list[str] | None:
    """The values that shops of a region may give; None where the record does not tell them by market."""
    rest = None
    for row in schema.get("x-enum-by-region", ()):
        values: list[str] = row["values"]
        if is_in_markets(region, row["regions"]):
            return values
        rest = values if REMAINING_MARKETS in row["regions"] else rest
    return rest
