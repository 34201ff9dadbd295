"""Tells which columns of the local copy hold no more than a mask, so that nobody takes what they find for the truth."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.mirror.sql.judged_columns import find_judged_columns
from mcp_server_tiktok_shop.mirror.sql.statements import parse_statement

if TYPE_CHECKING:
    from collections.abc import Collection

    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity, SensitiveFields
    from mcp_server_tiktok_shop.mirror.tables import TableCatalog

WORDS = {"masked": "MASKED (***)", "none": "TAKEN OUT (NULL)"}


class ColumnSensitivities(Struct, frozen=True, dict=True):
    """How sensitive each column is, by the rules of the field that it is read from; `buyer_data` is what is shown."""

    table_catalog: TableCatalog
    sensitive_fields: SensitiveFields
    buyer_data: BuyerDataPolicy

    def find(self, table_name: str, column_name: str) -> FieldSensitivity | None:
        """How sensitive a column is; None of one that is no field of the platform's."""
        table = self.table_catalog.tables[table_name]
        if column_name not in table.columns:
            return None
        path = [*table.rows, *table.columns[column_name].path.strip("^/").split(".")]
        sensitivity = self.sensitive_fields.get_root(self.table_catalog.sources[table.source].operation)
        for step in path:
            is_name = not (step in ("*", "+") or step.isdigit() or "=" in step)
            sensitivity = sensitivity.get_child(step) if is_name else sensitivity
        return sensitivity

    def describe_masks(self, sql: str, tables: Collection[str]) -> str:
        """That what a statement over these tables finds by masked columns is not so; empty where it asks for none."""
        if self.buyer_data not in WORDS:
            return ""
        masked = {name for table in tables for name in self._masked_columns[table]}
        if not (judged := sorted(find_judged_columns(parse_statement(sql).node, masked))):
            return ""
        return (
            f"{WORDS[self.buyer_data]}: {', '.join(judged)}. What a condition, count, group or order by it finds is "
            "not so. An id tells buyers apart: orders.user_id, conversations.buyer_user_id. Whoever runs the server "
            "may show it: --buyer-data full."
        )

    @cached_property
    def _masked_columns(self) -> dict[str, list[str]]:
        """By table, the columns that hold data of a buyer, and nothing else."""
        return {
            table.name: [name for name in table.columns if (found := self.find(table.name, name)) and found.is_personal]
            for table in self.table_catalog.tables.values()
        }
