"""Finds operations by everyday words: full-text search over the catalog's own words, nothing learned, nothing asked."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mcp_server_tiktok_shop.catalog.operation import Operation

SYNONYMS = Path(__file__).with_name("synonyms.json")
# Words of a question that say nothing about what is sought.
FILLERS = """
a about again all also am an and any are as at be been before being but by can could did do does doing done
down each ever every everything for from get gets getting give given go going got had has have having he her
here him his how i if in into is isn it its just let like ll m make many may me more most much must my need
needs no nor not now of on one only or other our ours out over own please put re s same see shall she should
show so some someone something still such t take tell than that the their them then there these they this
those to too until up us ve very want wants was wasn we were what when where which while who whom whose will
with won would you your yours today yesterday tomorrow week month
"""
# How much a hit in a column says.
COLUMNS = {"name": 6.0, "title": 5.0, "summary": 4.0, "keywords": 5.0, "details": 1.0, "arguments": 0.5}
# Programmes of their own: behind their everyday twins, unless a question names them.
SPECIAL = {
    "global_service_commodity": {"supplier", "full", "gs"},
    "global_service_inventory": {"supplier", "full", "gs"},
    "global_service_shipment": {"supplier", "full", "gs"},
    "epharmacy": {"pharmacy", "prescription", "medicine", "doctor"},
    "reconciliation": {"reconciliation", "factory"},
    "affiliate_partner": {"partner", "agency", "campaign", "tap", "cap"},
}
BEHIND = 0.6
ABREAST = 1.15  # what is listed by default is what sellers mostly mean


class Index:
    """A search index over operations, in memory. `common` are the names that sellers mostly mean."""

    def __init__(self, operations: Iterable[Operation], common: Iterable[str] = ()) -> None:
        self._operations = list(operations)
        self._common = frozenset(common)
        self._same = _synonyms()
        self._fillers = frozenset(FILLERS.split())
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute(f"CREATE VIRTUAL TABLE words USING fts5({', '.join(COLUMNS)}, tokenize='porter unicode61')")
        rows = [(at, *map(self._spoken, _texts(operation))) for at, operation in enumerate(self._operations)]
        places = ", ".join("?" * (len(COLUMNS) + 1))
        columns = f"rowid, {', '.join(COLUMNS)}"
        self._db.executemany(f"INSERT INTO words({columns}) VALUES ({places})", rows)  # noqa: S608 - our own names

    def find(self, query: str) -> list[Operation]:
        """The operations that the words of the query lead to, best first."""
        words = list(dict.fromkeys(_words(query)))
        telling = [word for word in words if word not in self._fillers] or words
        terms = list(dict.fromkeys(self._same.get(word, word) for word in telling))
        scores: defaultdict[int, float] = defaultdict(float)
        hits: defaultdict[int, int] = defaultdict(int)
        for term in terms:
            for at, score in self._matches(term):
                scores[at] += score
                hits[at] += 1
        named = set(words)
        ranked = {at: self._weighed(at, scores[at], hits[at] / len(terms), named) for at in scores}
        return [self._operations[at] for at in sorted(ranked, key=lambda at: -ranked[at])]

    def _matches(self, term: str) -> Iterator[tuple[int, float]]:
        weights = ", ".join(map(str, COLUMNS.values()))
        question = f"SELECT rowid, -bm25(words, {weights}) FROM words WHERE words MATCH ?"  # noqa: S608
        yield from self._db.execute(question, (f'"{term}"',))

    def _weighed(self, at: int, score: float, covered: float, named: set[str]) -> float:
        """The score, less where words of the question find nothing, and by how common the operation is."""
        operation = self._operations[at]
        own = SPECIAL.get(operation.area)
        if own is not None and not named & own:
            score *= BEHIND
        if operation.name in self._common:
            score *= ABREAST
        return score * covered

    def _spoken(self, text: str) -> str:
        return " ".join(self._same.get(word, word) for word in _words(text))


def _texts(operation: Operation) -> tuple[str, ...]:
    record = operation.record
    described = " ".join(f"{name} {schema.get('description', '')}" for name, schema in operation.arguments.items())
    told = (str(record.get(key, "")) for key in ("title", "summary", "keywords", "details"))
    return (operation.name, *told, described)


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W_]+", text.casefold()) if len(word) > 1]


def _synonyms() -> dict[str, str]:
    """Every word of a group, and its plain plural, led back to the group's first."""
    same: dict[str, str] = {}
    for group in json.loads(SYNONYMS.read_text(encoding="utf-8"))["same"]:
        first, *others = group.split()
        for word in (first, *others):
            same[word] = same[word + "s"] = first
    return same
