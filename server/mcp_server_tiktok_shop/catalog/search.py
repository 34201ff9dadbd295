"""Finds operations by everyday words: SQLite splits and stems the catalog's words, BM25F ranks what they hit."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.catalog.operation import Operation

WORDS = Path(__file__).with_name("synonyms.json")
# How much a hit in a column says, how soon more hits say no more, and how much a long text is held against it.
COLUMNS = {"name": 4.0, "title": 4.0, "summary": 3.0, "keywords": 2.0, "details": 0.6, "arguments": 0.1}
SATURATION, LENGTH = 3.0, 0.6
# Another word for the same thing says less than the word itself.
SYNONYM = 0.3
# Words of a question that find nothing take away from what the others find.
COVERAGE = 0.5
# Programmes of their own stand behind their everyday twins, unless a question names them.
SPECIAL = {
    "global_service_commodity": {"supplier", "full", "gs"},
    "global_service_inventory": {"supplier", "full", "gs"},
    "global_service_shipment": {"supplier", "full", "gs"},
    "epharmacy": {"pharmacy", "prescription", "medicine", "doctor"},
    "reconciliation": {"reconciliation", "factory"},
    "affiliate_partner": {"partner", "agency", "campaign", "tap", "cap"},
}
BEHIND = 0.6
# What sellers mostly mean: the areas of daily work, and in them what is listed by default.
DAILY = frozenset(
    ("orders", "products", "fulfillment", "logistics", "finance", "returns", "promotions", "customer_service")
)
DAILY_WORK, COMMON = 1.15, 1.15


class Index:
    """A search index over operations, in memory. `common` are the names that sellers mostly mean."""

    def __init__(self, operations: Iterable[Operation], common: Iterable[str] = ()) -> None:
        self._operations = list(operations)
        self._weights = [_standing(operation, frozenset(common)) for operation in self._operations]
        told = json.loads(WORDS.read_text(encoding="utf-8"))
        self._fillers = frozenset(told["fillers"].split())
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        texts = [(at, column, text) for at, o in enumerate(self._operations) for column, text in _texts(o).items()]
        self._hits = self._read_in(texts)
        self._synonyms = self._read_synonyms(told["same"])

    def _read_in(self, texts: list[tuple[int, str, str]]) -> dict[str, dict[int, float]]:
        """For each stem the operations it stands in, with how strongly."""
        counts: defaultdict[tuple[str, int, str], int] = defaultdict(int)
        lengths: defaultdict[tuple[int, str], int] = defaultdict(int)
        for (at, column, _), stems in zip(texts, self._stemmed(text for _, _, text in texts), strict=True):
            lengths[at, column] = len(stems)
            for stem in stems:
                counts[stem, at, column] += 1
        average = {c: sum(n for (_, col), n in lengths.items() if col == c) / len(self._operations) for c in COLUMNS}
        hits: defaultdict[str, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
        for (stem, at, column), count in counts.items():
            length = lengths[at, column] / (average[column] or 1)
            hits[stem][at] += COLUMNS[column] * count / (1 - LENGTH + LENGTH * length)
        return {stem: dict(found) for stem, found in hits.items()}

    def _stemmed(self, texts: Iterable[str]) -> list[list[str]]:
        """The stems of each text, in its order."""
        self._db.executescript(
            "DROP TABLE IF EXISTS told; DROP TABLE IF EXISTS stems;"
            "CREATE VIRTUAL TABLE told USING fts5(text, tokenize='porter unicode61');"
            "CREATE VIRTUAL TABLE stems USING fts5vocab(told, instance)"
        )
        rows = [(at, text.replace("_", " ")) for at, text in enumerate(texts, 1)]
        self._db.executemany("INSERT INTO told(rowid, text) VALUES (?, ?)", rows)
        stems: list[list[str]] = [[] for _ in rows]
        for at, stem in self._db.execute("SELECT doc, term FROM stems ORDER BY doc, offset"):
            stems[at - 1].append(stem)
        return stems

    def _read_synonyms(self, groups: list[str]) -> dict[str, set[str]]:
        same: defaultdict[str, set[str]] = defaultdict(set)
        for stems in self._stemmed(groups):
            for stem in stems:
                same[stem] |= {*stems} - {stem}
        return same

    def find(self, query: str) -> list[Operation]:
        """The operations that the words of the query lead to, best first."""
        words = [word for word in re.findall(r"[^\W_]+", query.casefold()) if len(word) > 1]
        telling = [word for word in words if word not in self._fillers] or words
        terms = list(dict.fromkeys(self._stemmed([" ".join(telling)])[0]))
        rarity = {term: self._rarity(term) for term in terms}
        scores: defaultdict[int, float] = defaultdict(float)
        covered: defaultdict[int, float] = defaultdict(float)
        for term in terms:
            for at, score in self._found(term).items():
                scores[at] += score
                covered[at] += rarity[term]
        whole, named = sum(rarity.values()), set(words)
        ranked = {at: scores[at] * (covered[at] / whole) ** COVERAGE * self._weight(at, named) for at in scores}
        return [self._operations[at] for at in sorted(ranked, key=lambda at: -ranked[at])]

    def _found(self, term: str) -> dict[int, float]:
        """What a word finds by itself or by its synonyms, the better of both."""
        found: defaultdict[int, float] = defaultdict(float)
        for word, weight in ((term, 1.0), *((other, SYNONYM) for other in self._synonyms.get(term, ()))):
            for at, hit in self._hits.get(word, {}).items():
                found[at] = max(found[at], weight * self._rarity(word) * hit / (SATURATION + hit))
        return found

    def _rarity(self, term: str) -> float:
        found = len(self._hits.get(term, ()))
        return log(1 + (len(self._operations) - found + 0.5) / (found + 0.5))

    def _weight(self, at: int, named: set[str]) -> float:
        own = SPECIAL.get(self._operations[at].area)
        return BEHIND if own is not None and not named & own else self._weights[at]


def _standing(operation: Operation, common: frozenset[str]) -> float:
    return (DAILY_WORK if operation.area in DAILY else 1.0) * (COMMON if operation.name in common else 1.0)


def _texts(operation: Operation) -> dict[str, str]:
    record = operation.record
    described = " ".join(f"{name} {schema.get('description', '')}" for name, schema in operation.arguments.items())
    told = {key: str(record.get(key, "")) for key in ("title", "summary", "keywords", "details")}
    return {"name": operation.name, **told, "arguments": described}
