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
SYNONYMS_FILE = Path(__file__).with_name("synonyms.json")
# How much a hit in a column says, and how soon more hits say no more. A long text is not held against a record: the
# everyday operations are those that most words were found for.
COLUMN_WEIGHTS = {"name": 4.0, "title": 4.0, "summary": 3.0, "keywords": 2.5, "details": 0.6, "arguments": 0.1}
SATURATION = 3.0
# Another word for the same thing says less than the word itself.
SYNONYM_WEIGHT = 0.3
# Two words of the question that stand side by side in a record say more than each alone: "send it", "who bought".
PAIR_COLUMNS = ("title", "summary", "keywords")
PAIR_WEIGHT = 0.35
# A number with more digits than an amount has is an id.
MAX_AMOUNT_DIGITS = 5
# Of two operations found equally well, that which more of the question's words lead to.
COVERAGE_EXPONENT = 0.5
# A question to be answered is seldom meant to change anything, an order to do something seldom to look.
INTENT_MISMATCH_FACTOR = 0.7
POLITE_PREFIX_PATTERN = re.compile(
    "^(please |can you |could you |how (do|can) (i|we) |(i|we) (d |would )?(want|need|like) to |let s |help me (to )?)+"
)
# Programmes of their own stand behind their everyday twins, unless a question names them.
SPECIAL_AREA_WORDS = {
    "global_service_commodity": {"supplier", "full", "gs"},
    "global_service_inventory": {"supplier", "full", "gs"},
    "global_service_shipment": {"supplier", "full", "gs"},
    "epharmacy": {"pharmacy", "prescription", "medicine", "doctor"},
    "reconciliation": {"reconciliation", "factory"},
    "affiliate_partner": {"partner", "agency", "campaign", "tap", "cap"},
}
SPECIAL_AREA_FACTOR = 0.6
# What sellers mostly mean: the areas of daily work, and in them what is listed by default.
DAILY_AREAS = frozenset(
    ("orders", "products", "fulfillment", "logistics", "finance", "returns", "promotions", "customer_service")
)
DAILY_AREA_FACTOR, COMMON_OPERATION_FACTOR = 1.15, 1.15


class OperationIndex:
    """A search index over operations, in memory. `common` are the names that sellers mostly mean."""

    def __init__(self, operations: Iterable[Operation], common: Iterable[str] = ()) -> None:
        self._operations = list(operations)
        self._weights = [_get_base_weight(operation, frozenset(common)) for operation in self._operations]
        word_lists = json.loads(SYNONYMS_FILE.read_text(encoding="utf-8"))
        self._fillers, self._question_words, self._order_words = (
            frozenset(word_lists[kind].split()) for kind in ("fillers", "asks", "acts")
        )
        texts = {
            (at, c): _split_words(text)
            for at, o in enumerate(self._operations)
            for c, text in _get_column_texts(o).items()
        }
        forms, groups = (
            [_split_words(group) for group in word_lists["forms"]],
            [_split_words(group) for group in word_lists["same"]],
        )
        stems = _compute_stems({word for words in (*forms, *groups, *texts.values()) for word in words})
        self._forms = {stems[form]: stems[first] for first, *others in forms for form in others}
        self._stem_by_word = {word: self._forms.get(stem, stem) for word, stem in stems.items()} | word_lists["apart"]
        self._hits = self._index_texts({place: self._stem(words) for place, words in texts.items()})
        self._synonyms: defaultdict[str, set[str]] = defaultdict(set)
        for same in map(self._stem, groups):
            for stem in same:
                self._synonyms[stem] |= {*same} - {stem}

    def _stem(self, words: list[str]) -> list[str]:
        new = _compute_stems({word for word in words if word not in self._stem_by_word})
        stem_by_word = (
            self._stem_by_word | {word: self._forms.get(stem, stem) for word, stem in new.items()}
            if new
            else self._stem_by_word
        )
        return [stem_by_word[word] for word in words]

    def _index_texts(self, texts: dict[tuple[int, str], list[str]]) -> dict[str, dict[int, float]]:
        """For each stem, and each two side by side, the operations they stand in, with how strongly."""
        hits: defaultdict[str, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
        for (at, column), stems in texts.items():
            for stem in stems:
                hits[stem][at] += COLUMN_WEIGHTS[column]
            if column in PAIR_COLUMNS:
                for one, other in pairwise(stems):
                    hits[f"{one} {other}"][at] = COLUMN_WEIGHTS[column]
        return {stem: dict(found) for stem, found in hits.items()}

    def search(self, query: str) -> list[Operation]:
        """The operations that the words of the query lead to, best first."""
        # Who gives an id means one thing's details; other numbers say nothing.
        words = _split_words(
            re.sub(r"\b\d+\b", lambda number: "details" if len(number[0]) > MAX_AMOUNT_DIGITS else "", query)
        )
        terms = list(dict.fromkeys(self._iter_terms(words)))
        rarity = {term: self._compute_rarity(term) for term in terms if " " not in term}
        scores: defaultdict[int, float] = defaultdict(float)
        coverage: defaultdict[int, float] = defaultdict(float)
        for term in terms:
            for at, score in self._score_term(term).items():
                scores[at] += score
                coverage[at] += rarity.get(term, 0)
        query_words, wants_read = set(words), self._detect_read_intent(words)
        ranked = {
            at: scores[at] * coverage[at] ** COVERAGE_EXPONENT * self._get_weight(at, query_words, wants_read)
            for at in scores
        }
        return [self._operations[at] for at in sorted(ranked, key=lambda at: (-ranked[at], at))]

    def _iter_terms(self, words: list[str]) -> Iterator[str]:
        """The stems of the telling words, and of each two neighbours of which one is telling."""
        stems = self._stem(words)
        known = [stem in self._hits or stem in self._synonyms for stem in stems]
        telling = [knows and len(w) > 1 and w not in self._fillers for w, knows in zip(words, known, strict=True)]
        yield from (stem for stem, tells in zip(stems, telling, strict=True) if tells or not any(telling))
        for (one, tells), (other, also) in pairwise(zip(stems, telling, strict=True)):
            if tells or also:
                yield f"{one} {other}"

    def _detect_read_intent(self, words: list[str]) -> bool | None:
        """Whether the question wants to be told something (or to have something done), if that can be heard."""
        first = POLITE_PREFIX_PATTERN.sub("", " ".join(words)).partition(" ")[0]
        return True if first in self._question_words else False if first in self._order_words else None

    def _score_term(self, term: str) -> dict[int, float]:
        """What a word finds by itself or by its synonyms, the better of both."""
        scores: defaultdict[int, float] = defaultdict(float)
        term_weight = PAIR_WEIGHT if " " in term else 1.0
        for word, weight in ((term, term_weight), *((other, SYNONYM_WEIGHT) for other in self._synonyms.get(term, ()))):
            for at, hit in self._hits.get(word, {}).items():
                scores[at] = max(scores[at], weight * self._compute_rarity(word) * hit / (SATURATION + hit))
        return scores

    def _compute_rarity(self, term: str) -> float:
        match_count = len(self._hits.get(term, ()))
        return log(1 + (len(self._operations) - match_count + 0.5) / (match_count + 0.5))

    def _get_weight(self, at: int, query_words: set[str], wants_read: bool | None) -> float:
        operation = self._operations[at]
        area_words = SPECIAL_AREA_WORDS.get(operation.area)
        weight = SPECIAL_AREA_FACTOR if area_words is not None and not query_words & area_words else self._weights[at]
        return weight if wants_read in (None, operation.effect == "read") else weight * INTENT_MISMATCH_FACTOR


def _get_base_weight(operation: Operation, common: frozenset[str]) -> float:
    return (DAILY_AREA_FACTOR if operation.area in DAILY_AREAS else 1.0) * (
        COMMON_OPERATION_FACTOR if operation.name in common else 1.0
    )


def _get_column_texts(operation: Operation) -> dict[str, str]:
    texts = {key: str(operation.record.get(key, "")) for key in ("title", "summary", "keywords", "details")}
    return {"name": operation.name, **texts, "arguments": " ".join(operation.arguments)}


def _split_words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _compute_stems(words: set[str]) -> dict[str, str]:
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
