"""Finds operations by name, and knows which of them this server does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.catalog.markets import find_market_values
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.catalog.access import AccessPolicy
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation


class OperationDirectory(Struct, frozen=True):
    """The catalog as this server offers it."""

    catalog: Catalog
    policy: AccessPolicy

    def get(self, name: str) -> Operation:
        """The operation of a name, available or not.

        Raises:
            ShopError: `not_found`, with the nearest names, or with what took the place of a retired path.

        """
        operation = self.catalog.operations.get(name)
        if operation is not None:
            return operation
        if "/" in name and (match := self.catalog.find_by_path(name)) is not None:
            is_retired = match.record["path"] != name
            message = f"{name[:100]} is {'a retired path' if is_retired else 'a path, not a name'}."
            raise ShopError("not_found", message, hint=f"The operation is now called {match.name}.")
        suggestions = [n for n in self.catalog.suggest_names(name) if self.are_available([n])]
        suggestion_text = f"Did you mean {' or '.join(suggestions)}? " if suggestions else ""
        hint = f"{suggestion_text}find_operations searches for one by what it does."
        raise ShopError("not_found", f"There is no tool {name[:60]!r}.", hint=hint)

    def list_available(self) -> list[Operation]:
        """Every operation that this server does, in the order of the catalog."""
        return list(filter(self.policy.is_available, self.catalog.operations.values()))

    def are_available(self, names: Iterable[str]) -> bool:
        """Whether this server does all of these operations; each must be one."""
        return all(self.policy.is_available(self.catalog.operations[name]) for name in names)

    def complete_by_market(self, operation: Operation, values: Json, region: str) -> Json:
        """The values, and where the platform would put another in their place, those that the market decides.

        It does where every operation for its shops takes the same one: what one of them answers must fit the next.
        """
        decided = {
            name: choice
            for name, schema in operation.arguments.items()
            if name not in values and "x-enum-by-region" in schema and "default" in schema
            if (choice := self._find_market_choice(name, region)) not in (None, schema["default"])
        }
        return values | decided

    def _find_market_choice(self, name: str, region: str) -> str | None:
        """The only value that all operations for a shop take there; None where there are several."""
        lists = [
            values
            for operation in self.catalog.operations.values()
            if operation.cipher_rule != "never" and name in operation.arguments
            if (values := find_market_values(operation.arguments[name], region)) is not None
        ]
        shared = set.intersection(*map(set, lists)) if lists else set()
        return next(iter(shared)) if len(shared) == 1 else None
