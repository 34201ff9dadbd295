"""Tells which columns of the local copy hold no more than a mask, so that nobody takes what they find for the truth."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.redaction.free_text import MASK
from mcp_server_tiktok_shop.mirror.sql.judged_columns import find_judged_columns, find_searched_texts
from mcp_server_tiktok_shop.mirror.sql.statements import parse_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity, SensitiveFields
    from mcp_server_tiktok_shop.mirror.tables import TableCatalog

IN_TEXTS = f"MASKED ({MASK})"
WORDS = {"masked": IN_TEXTS, "none": "TAKEN OUT (NULL)"}
SHOW_HINT = "Whoever runs the server may show it: --buyer-data full."
CONTACT_PATTERN = re.compile(r"[@\d]|http|\\d|:digit:", re.IGNORECASE)  # the last two in a regular expression


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
        """That what a statement over these tables finds by masked columns is not so; empty where it asks for none.

        So it is where a text is searched for what is masked in it: addresses of e-mail and the web, numbers.
        """
        if self.buyer_data not in WORDS:
            return ""
        tree = parse_statement(sql).node
        notes = []
        if judged := sorted(find_judged_columns(tree, self._list_columns(tables, self._masked_columns))):
            notes.append(
                f"{WORDS[self.buyer_data]}: {', '.join(judged)}. What a condition, count, group or order by it finds "
                "is not so. An id tells buyers apart: orders.user_id, conversations.buyer_user_id."
            )
        searched = find_searched_texts(tree, self._list_columns(tables, self._free_texts))
        if contacts := sorted(column for column, words in searched.items() if any(map(_is_contact, words))):
            notes.append(
                f"{IN_TEXTS} in {', '.join(contacts)}: e-mail addresses, phone numbers, addresses. A search for them "
                "does not find those that were written."
            )
        return " ".join([*notes, SHOW_HINT]) if notes else ""

    def describe_unfound(self, sql: str, tables: Collection[str]) -> str:
        """What may be in a text that was searched and is not found, since it is masked there; empty where none was."""
        if self.buyer_data not in WORDS:
            return ""
        searched = find_searched_texts(parse_statement(sql).node, self._list_columns(tables, self._free_texts))
        texts = ", ".join(sorted(searched))
        return f"{IN_TEXTS} in {texts}: names, numbers and addresses, which no search finds." if texts else ""

    def _list_columns(self, tables: Collection[str], columns: Mapping[str, list[str]]) -> set[str]:
        return {name for table in tables for name in columns[table]}

    @cached_property
    def _masked_columns(self) -> dict[str, list[str]]:
        """By table, the columns that hold data of a buyer, and nothing else."""
        return self._select_columns(lambda sensitivity: sensitivity.is_personal)

    @cached_property
    def _free_texts(self) -> dict[str, list[str]]:
        """By table, the columns in whose text data of a buyer may stand."""
        return self._select_columns(lambda sensitivity: sensitivity.is_free_text)

    def _select_columns(self, is_meant: Callable[[FieldSensitivity], bool]) -> dict[str, list[str]]:
        return {
            table.name: [name for name in table.columns if (found := self.find(table.name, name)) and is_meant(found)]
            for table in self.table_catalog.tables.values()
        }


def _is_contact(words: str) -> bool:
    """Whether a pattern may be meant for an e-mail address, a link or a number."""
    return CONTACT_PATTERN.search(words) is not None
