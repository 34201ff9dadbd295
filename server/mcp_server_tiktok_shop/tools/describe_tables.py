"""The tool `describe_tables`: explains the tables that SQL questions can use."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.mirror.table_words import RULES, describe_table, outline_table

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.mirror.tables import TableCatalog


class DescribeTablesTool(Struct, frozen=True):
    """The tool `describe_tables`."""

    table_catalog: TableCatalog

    async def __call__(self, values: Json, _shop: str | None, _caller: Caller) -> Json:
        """The tables that are named in full, all of them in short where none is.

        Raises:
            ShopError: `invalid_arguments` of a name that is no table's, with the nearest.

        """
        tables = self.table_catalog.tables
        if not values.get("tables"):
            return {"rules": RULES, "tables": {name: outline_table(table) for name, table in tables.items()}}
        names = [name.strip().lower() for name in values["tables"]]
        problems = []
        for index, name in enumerate(names):
            if name not in tables:
                near = get_close_matches(name, tables, n=1, cutoff=0.5)
                did_you_mean = f"; did you mean {near[0]}?" if near else ""
                problems.append(
                    Problem(f"tables[{index}]", f"{name[:40]} is no table{did_you_mean}", ", ".join(tables))
                )
        if problems:
            message = f"{problems[0].argument}: {problems[0].message}"
            raise ShopError("invalid_arguments", message, hint="Correct it and call again.", problems=tuple(problems))
        return {"rules": RULES, "tables": {name: describe_table(tables[name]) for name in dict.fromkeys(names)}}
