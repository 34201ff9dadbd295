"""Finds operations by everyday words: full-text search over the catalog's own words, nothing learned, nothing asked."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.catalog.operation import Operation

# Words of a question that say nothing about what is sought.
FILLERS = frozenset(
    "a about all am an and any are as at be been by can could did do does for from get give has have how i id if in "
    "into is it its list lot make many me much my need not of on one or our out over please see shall should show so "
    "some somebody someone something tell that the their them there these they this those to up us want was we were "
    "what when where which who will with would you your".split()
)
# One table row an operation; a hit in the name or the keywords says more than one in an argument's description.
COLUMNS = {"name": 8.0, "title": 6.0, "summary": 5.0, "keywords": 7.0, "details": 1.0, "arguments": 0.6, "area": 2.0}
# Programmes of their own, closed to ordinary sellers: behind their everyday twins unless they are named.
SPECIAL = {
    "global_service_commodity": ("supplier", "full-service", "full", "gs"),
    "global_service_inventory": ("supplier", "full-service", "full", "gs"),
    "global_service_shipment": ("supplier", "full-service", "full", "gs"),
    "epharmacy": ("pharmacy", "prescription", "medicine", "epharmacy"),
    "reconciliation": ("reconciliation", "factory"),
    "affiliate_partner": ("partner", "agency", "campaign", "tap", "cap"),
    "affiliate_creator": ("creator", "showcase", "my"),
}
BEHIND = 0.75


class Index:
    """A search index over operations, in memory."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._operations = {operation.name: operation for operation in operations}
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        columns = ", ".join(COLUMNS)
        self._db.execute(f"CREATE VIRTUAL TABLE words USING fts5({columns}, tokenize='porter unicode61')")
        places = ", ".join("?" * len(COLUMNS))
        rows = [_row(operation) for operation in self._operations.values()]
        self._db.executemany(f"INSERT INTO words VALUES ({places})", rows)  # noqa: S608 - our own column names

    def find(self, query: str) -> list[Operation]:
        """The operations that the words of the query lead to, best first."""
        words = [word for word in re.findall(r"[^\W_]+", query.casefold()) if len(word) > 1]
        telling = [word for word in words if word not in FILLERS] or words
        if not telling:
            return []
        match = " OR ".join(f'"{word}"' for word in telling)
        weights = ", ".join(map(str, COLUMNS.values()))
        rows = self._db.execute(
            f"SELECT name, bm25(words, {weights}) FROM words WHERE words MATCH ?",  # noqa: S608
            (match,),
        ).fetchall()
        named = set(words)
        scored = [(self._score(_plain(name), -rank, named), _plain(name)) for name, rank in rows]
        return [self._operations[name] for _, name in sorted(scored, reverse=True)]

    def _score(self, name: str, rank: float, named: set[str]) -> float:
        special = SPECIAL.get(self._operations[name].area)
        return rank * (BEHIND if special and not named.intersection(special) else 1.0)


def _row(operation: Operation) -> tuple[str, ...]:
    record = operation.record
    described = " ".join(
        f"{name.replace('_', ' ')} {schema.get('description', '')}" for name, schema in operation.arguments.items()
    )
    # The tokenizer splits at underscores once they are spaces; the name is put together again from the row.
    spoken = operation.name.replace("_", " ")
    area = operation.area.replace("_", " ")
    told = (record[key] if key in record else "" for key in ("title", "summary", "keywords", "details"))
    return (spoken, *told, described, area)


def _plain(spoken: str) -> str:
    return spoken.replace(" ", "_")
