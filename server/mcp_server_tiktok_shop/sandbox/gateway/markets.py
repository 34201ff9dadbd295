"""What a field may say in one market, where the records tell its values market by market."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json

GROUPS = {
    "EU": frozenset({"AT", "BE", "CZ", "DE", "ES", "FR", "GR", "HU", "IE", "IT", "NL", "PL", "PT"}),
    "SEA": frozenset({"ID", "MY", "PH", "SG", "TH", "VN"}),
}


def allowed(schema: Json, region: str) -> list[str]:
    """The values that this market may send: its own, else those of all other markets, else all."""
    values: list[str] = schema.get("enum", [])
    for row in schema.get("x-enum-by-region", ()):
        if any(region == one or region in GROUPS.get(one, ()) for one in row["regions"]):
            return list(row["values"])
        if "other" in row["regions"]:
            values = row["values"]
    return list(values)
