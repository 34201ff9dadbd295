"""What a field may say in one market, where the records tell its values market by market."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json

MARKET_GROUPS = {
    "EU": frozenset({"AT", "BE", "CZ", "DE", "ES", "FR", "GR", "HU", "IE", "IT", "NL", "PL", "PT"}),
    "SEA": frozenset({"ID", "MY", "PH", "SG", "TH", "VN"}),
}


def list_allowed_values(schema: Json, region: str) -> list[str]:
    """The values that this market may send: its own, else those of all other markets, else all."""
    values: list[str] = schema.get("enum", [])
    for row in schema.get("x-enum-by-region", ()):
        if any(region == market or region in MARKET_GROUPS.get(market, ()) for market in row["regions"]):
            return list(row["values"])
        if "other" in row["regions"]:
            values = row["values"]
    return list(values)
