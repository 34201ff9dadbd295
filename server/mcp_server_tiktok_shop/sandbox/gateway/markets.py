"""What is there in one market: operations, and the values of a field, where the records tell them by market."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.operation_records import OperationRecord
    from mcp_server_tiktok_shop.sandbox.json_types import Json

MARKET_GROUPS = {
    "EU": frozenset({"AT", "BE", "CZ", "DE", "ES", "FR", "GR", "HU", "IE", "IT", "NL", "PL", "PT"}),
    "SEA": frozenset({"ID", "MY", "PH", "SG", "TH", "VN"}),
}
MARKET_GROUPS["EMEA"] = MARKET_GROUPS["EU"] | {"GB"}
OTHER_MARKET_CODE = 36009004
OTHER_MARKET_CODES = {"fulfillment": 21008106, "logistics": 21008106}  # by area, where it has one of its own


def check_market(operation: OperationRecord, region: str) -> None:
    """An operation that is for some markets is refused to a shop of another one.

    Raises:
        RefusalError: It is not for this market.

    """
    if operation.regions and not any(_covers(market, region) for market in operation.regions):
        code = OTHER_MARKET_CODES.get(operation.area, OTHER_MARKET_CODE)
        raise RefusalError(code, f"This API is not available in the region '{region}' of the shop.")


def _covers(market: str, region: str) -> bool:
    return region == market or region in MARKET_GROUPS.get(market, ())


def list_allowed_values(schema: Json, region: str) -> list[str]:
    """The values that this market may send: its own, else those of all other markets, else all."""
    values: list[str] = schema.get("enum", [])
    for row in schema.get("x-enum-by-region", ()):
        if any(_covers(market, region) for market in row["regions"]):
            return list(row["values"])
        if "other" in row["regions"]:
            values = row["values"]
    return list(values)
