"""Finds operations by everyday words: SQLite splits and stems the catalog's words, BM25F ranks what they hit."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from contextlib import closing
from itertools import pairwise
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mcp_server_tiktok_shop.catalog.operation import Operation

# Told there: `fillers` say nothing of what is wanted; `asks` and `acts` begin a question or an order; `apart` are words
# that their stem would mix up with others; of `forms` the first stands for all; `same` are other words for one thing.
WORDS = Path(__file__).with_name("synonyms.json")
# How much a hit in a column says, and how soon more hits say no more. A long text is not held against a record: the
# everyday operations are those that most words were found for.
COLUMNS = {"name": 4.0, "title": 4.0, "summary": 3.0, "keywords": 2.5, "details": 0.6, "arguments": 0.1}
SATURATION = 3.0
# Another word for the same thing says less than the word itself.
SYNONYM = 0.3
# Two words of the question that stand side by side in a record say more than each alone: "send it", "who bought".
PAIRED = ("title", "summary", "keywords")
PAIR = 0.35
# A number with more digits than an amount has is an id.
AMOUNT = 5
# Of two operations found equally well, that which more of the question's words lead to.
COVERAGE = 0.5
# A question to be answered is seldom meant to change anything, an order to do something seldom to look.
INTENT = 0.7
POLITE = re.compile(
    "^(please |can you |could you |how (do|can) (i|we) |(i|we) (d |would )?(want|need|like) to |let s |help me (to )?)+"
)
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
        self._fillers, self._asks, self._acts = (frozenset(told[kind].split()) for kind in ("fillers", "asks", "acts"))
        texts = {(at, c): _words(text) for at, o in enumerate(self._operations) for c, text in _texts(o).items()}
        forms, groups = [_words(group) for group in told["forms"]], [_words(group) for group in told["same"]]
        stems = _stems({word for words in (*forms, *groups, *texts.values()) for word in words})
        self._forms = {stems[form]: stems[first] for first, *others in forms for form in others}
        self._known = {word: self._forms.get(stem, stem) for word, stem in stems.items()} | told["apart"]
        self._hits = self._read_in({place: self._stemmed(words) for place, words in texts.items()})
        self._synonyms: defaultdict[str, set[str]] = defaultdict(set)
        for same in map(self._stemmed, groups):
            for stem in same:
                self._synonyms[stem] |= {*same} - {stem}

    def _stemmed(self, words: list[str]) -> list[str]:
        new = _stems({word for word in words if word not in self._known})
        known = self._known | {word: self._forms.get(stem, stem) for word, stem in new.items()} if new else self._known
        return [known[word] for word in words]

    def _read_in(self, texts: dict[tuple[int, str], list[str]]) -> dict[str, dict[int, float]]:
        """For each stem, and each two side by side, the operations they stand in, with how strongly."""
        hits: defaultdict[str, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
        for (at, column), stems in texts.items():
            for stem in stems:
                hits[stem][at] += COLUMNS[column]
            if column in PAIRED:
                for one, other in pairwise(stems):
                    hits[f"{one} {other}"][at] = COLUMNS[column]
        return {stem: dict(found) for stem, found in hits.items()}

    def find(self, query: str) -> list[Operation]:
        """The operations that the words of the query lead to, best first."""
        # Who gives an id means one thing's details; other numbers say nothing.
        words = _words(re.sub(r"\b\d+\b", lambda number: "details" if len(number[0]) > AMOUNT else "", query))
        terms = list(dict.fromkeys(self._terms(words)))
        rarity = {term: self._rarity(term) for term in terms if " " not in term}
        scores: defaultdict[int, float] = defaultdict(float)
        covered: defaultdict[int, float] = defaultdict(float)
        for term in terms:
            for at, score in self._found(term).items():
                scores[at] += score
                covered[at] += rarity.get(term, 0)
        named, reads = set(words), self._reads(words)
        ranked = {at: scores[at] * covered[at] ** COVERAGE * self._weight(at, named, reads) for at in scores}
        return [self._operations[at] for at in sorted(ranked, key=lambda at: (-ranked[at], at))]

    def _terms(self, words: list[str]) -> Iterator[str]:
        """The stems of the telling words, and of each two neighbours of which one is telling."""
        stems = self._stemmed(words)
        known = [stem in self._hits or stem in self._synonyms for stem in stems]
        telling = [knows and len(w) > 1 and w not in self._fillers for w, knows in zip(words, known, strict=True)]
        yield from (stem for stem, tells in zip(stems, telling, strict=True) if tells or not any(telling))
        for (one, tells), (other, also) in pairwise(zip(stems, telling, strict=True)):
            if tells or also:
                yield f"{one} {other}"

    def _reads(self, words: list[str]) -> bool | None:
        """Whether the question wants to be told something (or to have something done), if that can be heard."""
        first = POLITE.sub("", " ".join(words)).partition(" ")[0]
        return True if first in self._asks else False if first in self._acts else None

    def _found(self, term: str) -> dict[int, float]:
        """What a word finds by itself or by its synonyms, the better of both."""
        found: defaultdict[int, float] = defaultdict(float)
        worth = PAIR if " " in term else 1.0
        for word, weight in ((term, worth), *((other, SYNONYM) for other in self._synonyms.get(term, ()))):
            for at, hit in self._hits.get(word, {}).items():
                found[at] = max(found[at], weight * self._rarity(word) * hit / (SATURATION + hit))
        return found

    def _rarity(self, term: str) -> float:
        found = len(self._hits.get(term, ()))
        return log(1 + (len(self._operations) - found + 0.5) / (found + 0.5))

    def _weight(self, at: int, named: set[str], reads: bool | None) -> float:
        operation = self._operations[at]
        own = SPECIAL.get(operation.area)
        weight = BEHIND if own is not None and not named & own else self._weights[at]
        return weight if reads in (None, operation.effect == "read") else weight * INTENT


def _standing(operation: Operation, common: frozenset[str]) -> float:
    return (DAILY_WORK if operation.area in DAILY else 1.0) * (COMMON if operation.name in common else 1.0)


def _texts(operation: Operation) -> dict[str, str]:
    told = {key: str(operation.record.get(key, "")) for key in ("title", "summary", "keywords", "details")}
    return {"name": operation.name, **told, "arguments": " ".join(operation.arguments)}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _stems(words: set[str]) -> dict[str, str]:
    """The stem of each word, as SQLite finds it."""
    if not words:
        return {}
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE VIRTUAL TABLE told USING fts5(word, tokenize='porter unicode61')")
        db.execute("CREATE VIRTUAL TABLE stems USING fts5vocab(told, instance)")
        rows = list(enumerate(words))
        db.executemany("INSERT INTO told(rowid, word) VALUES (?, ?)", rows)
        stems: dict[int, str] = dict(db.execute("SELECT doc, term FROM stems"))
    return {word: stems.get(at, word) for at, word in rows}
