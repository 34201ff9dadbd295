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

from msgspec import Struct

from mcp_server_tiktok_shop.catalog.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mcp_server_tiktok_shop.catalog.gaps import Gap

# Its keys: `fillers` say nothing of what is wanted; `asks` and `acts` begin a question or an order; `apart` are words
# that their stem would mix up with others; of `forms` the first stands for all; `same` are other words for one thing.
SYNONYMS_FILE = Path(__file__).with_name("synonyms.json")
# How much a hit in a column weighs, and how soon more hits weigh no more. A record doesn't lose by a long text: the
# everyday operations are those that have the most words.
COLUMN_WEIGHTS = {"name": 4.0, "title": 4.0, "summary": 3.0, "keywords": 2.5, "details": 0.6, "arguments": 0.1}
SATURATION = 3.0
# Another word for the same thing weighs less than the word itself.
SYNONYM_WEIGHT = 0.3
# Two words of the query that stand side by side in a record weigh more than each alone: "send it", "who bought".
PAIR_COLUMNS = ("title", "summary", "keywords")
PAIR_WEIGHT = 0.35
# A number with more digits than an amount has is an id.
MAX_AMOUNT_DIGITS = 5
# Of two operations with the same score, the one that more of the query's words lead to comes first.
COVERAGE_EXPONENT = 0.5
# A question is seldom meant to change anything, an order seldom to look something up.
INTENT_MISMATCH_FACTOR = 0.7
POLITE_PREFIX_PATTERN = re.compile(
    "^(please |can you |could you |would you |how (do|can) (i|we) |how to |(i|we) (d |would )?(want|need|like) to "
    "|let s |help me (to )?|is (there (a|any) way|it possible) to |what (s|is) the (best |easiest |quickest )?way to )+"
)
QUESTION_START_PATTERN = re.compile(
    "(can|could|may|should|will|would|do|have) (i|we|my|our|you|it|they|this|that|these|those|the|any) "
)
# Programmes of their own rank behind their everyday twins, unless a query names them.
SPECIAL_AREA_WORDS = {
    "global_service_commodity": {"supplier", "full", "gs"},
    "global_service_inventory": {"supplier", "full", "gs"},
    "global_service_shipment": {"supplier", "full", "gs"},
    "epharmacy": {"pharmacy", "prescription", "medicine", "doctor"},
    "reconciliation": {"reconciliation", "factory"},
    "affiliate_partner": {"partner", "agency", "campaign", "tap", "cap"},
}
SPECIAL_AREA_FACTOR = 0.6
# What sellers mostly mean: the areas of daily work, and in them the default tools.
DAILY_AREAS = frozenset(
    (
        *("orders", "products", "fulfillment", "logistics", "finance"),
        *("returns", "promotions", "customer_service", "summaries"),
    )
)
DAILY_AREA_FACTOR, COMMON_OPERATION_FACTOR = 1.15, 1.15
# What nothing does is told in few records, which have the rarer words to themselves; measured, see the tests.
GAP_FACTOR = 1.1


class SearchResult(Struct, frozen=True):
    """The operations found, best first, and the gap where none of them does what was asked."""

    operations: list[Operation]
    gap: Gap | None = None


class OperationIndex:
    """A search index over operations and known gaps, in memory.

    `common` are the names of the operations that sellers mostly mean.
    """

    def __init__(self, operations: Iterable[Operation], common: Iterable[str] = (), gaps: Iterable[Gap] = ()) -> None:
        self._operations = list(operations)
        self._entries: list[Operation | Gap] = [*self._operations, *gaps]
        self._weights = [_get_base_weight(entry, frozenset(common)) for entry in self._entries]
        word_lists = json.loads(SYNONYMS_FILE.read_text(encoding="utf-8"))
        self._sure_phrases = {
            index: [f" {phrase} " for phrase in entry.record["phrases"]]
            for index, entry in enumerate(self._entries)
            if "phrases" in entry.record
        }
        self._fillers, self._question_words, self._order_words = (
            frozenset(word_lists[kind].split()) for kind in ("fillers", "asks", "acts")
        )
        texts = {
            (index, column): _split_words(text)
            for index, entry in enumerate(self._entries)
            for column, text in _get_column_texts(entry).items()
        }
        forms = [_split_words(group) for group in word_lists["forms"]]
        groups = [_split_words(group) for group in word_lists["same"]]
        stems = _compute_stems({word for words in (*forms, *groups, *texts.values()) for word in words})
        self._forms = {stems[form]: stems[first] for first, *others in forms for form in others}
        self._stem_by_word = {word: self._forms.get(stem, stem) for word, stem in stems.items()} | word_lists["apart"]
        self._hits = self._index_texts({cell: self._stem(words) for cell, words in texts.items()})
        self._synonyms: defaultdict[str, set[str]] = defaultdict(set)
        for group in map(self._stem, groups):
            for stem in group:
                self._synonyms[stem] |= {*group} - {stem}

    def _stem(self, words: list[str]) -> list[str]:
        new_stems = _compute_stems({word for word in words if word not in self._stem_by_word})
        stem_by_word = (
            self._stem_by_word | {word: self._forms.get(stem, stem) for word, stem in new_stems.items()}
            if new_stems
            else self._stem_by_word
        )
        return [stem_by_word[word] for word in words]

    def _index_texts(self, texts: dict[tuple[int, str], list[str]]) -> dict[str, dict[int, float]]:
        """For each stem, and each two side by side, the weight of its hits by the index of their operation."""
        hits: defaultdict[str, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
        for (index, column), stems in texts.items():
            for stem in stems:
                hits[stem][index] += COLUMN_WEIGHTS[column]
            if column in PAIR_COLUMNS:
                for one, other in pairwise(stems):
                    hits[f"{one} {other}"][index] = COLUMN_WEIGHTS[column]
        return {term: dict(weights) for term, weights in hits.items()}

    def find(self, query: str, area: str | None = None, effect: str | None = None) -> SearchResult:
        """Find what the words of a query lead to, in one area or of one effect alone if they are given.

        Where nothing does what is asked, the gap is there, and the operations that come nearest are first. Whoever only
        asks is not led to a destructive operation first, unless there are no others.
        """
        entries, only_asks = self._rank(query)
        operations = [
            entry
            for entry in entries
            if isinstance(entry, Operation) and area in (None, entry.area) and effect in (None, entry.effect)
        ]
        gap = next(iter(entries), None)
        if isinstance(gap, Operation) or (gap is not None and area not in (None, gap.area or area)):
            gap = None
        if gap is not None:
            nearest = [operation for name in gap.nearest for operation in self._operations if operation.name == name]
            operations = [*nearest, *(operation for operation in operations if operation not in nearest)]
        return SearchResult(_put_harmless_first(operations) if only_asks else operations, gap)

    def search(self, query: str) -> list[Operation]:
        """The operations that the words of a query lead to, best first; none where no word is known."""
        return self.find(query).operations

    def _rank(self, query: str) -> tuple[list[Operation | Gap], bool]:
        """The operations and gaps that the words of a query lead to, best first; and whether it only asks."""
        # Who gives an id means one thing's details; other numbers say nothing, but for what they are a share of.
        words = _split_words(
            re.sub(
                r"\b\d+\b",
                lambda number: "details" if len(number[0]) > MAX_AMOUNT_DIGITS else "",
                query.replace("%", " percent "),
            )
        )
        terms = list(dict.fromkeys(self._iter_terms(words)))
        rarity = {term: self._compute_rarity(term) for term in terms if " " not in term}
        scores: defaultdict[int, float] = defaultdict(float)
        coverage: defaultdict[int, float] = defaultdict(float)
        for term in terms:
            for index, score in self._score_term(term).items():
                scores[index] += score
                coverage[index] += rarity.get(term, 0)
        query_words, wants_read = set(words), self._detect_read_intent(words)
        ranks = {
            index: score * coverage[index] ** COVERAGE_EXPONENT * self._get_weight(index, query_words, wants_read)
            for index, score in scores.items()
        }
        text = f" {' '.join(words)} "
        sure = {i for i, phrases in self._sure_phrases.items() if any(phrase in text for phrase in phrases)}
        order = sorted({*ranks, *sure}, key=lambda index: (index not in sure, -ranks.get(index, 0), index))
        return [self._entries[index] for index in order], bool(wants_read)

    def _iter_terms(self, words: list[str]) -> Iterator[str]:
        """The stems of the significant words, and of each two neighbours of which one is significant."""
        stems = self._stem(words)
        significance = [
            (stem in self._hits or stem in self._synonyms) and len(word) > 1 and word not in self._fillers
            for word, stem in zip(words, stems, strict=True)
        ]
        yield from (
            stem
            for stem, is_significant in zip(stems, significance, strict=True)
            if is_significant or not any(significance)
        )
        for (one, is_one_significant), (other, is_other_significant) in pairwise(zip(stems, significance, strict=True)):
            if is_one_significant or is_other_significant:
                yield f"{one} {other}"

    def _detect_read_intent(self, words: list[str]) -> bool | None:
        """Whether a query is a question (and no order to do something); None where its words tell neither, or both."""
        text = POLITE_PREFIX_PATTERN.sub("", " ".join(words))
        first = text.partition(" ")[0]
        if first in self._question_words or QUESTION_START_PATTERN.match(text):
            is_order_too = any(one in ("and", "then") and other in self._order_words for one, other in pairwise(words))
            return None if is_order_too else True
        return False if first in self._order_words else None

    def _score_term(self, term: str) -> dict[int, float]:
        """The scores that a term gives by itself or by its synonyms, the better of both."""
        scores: defaultdict[int, float] = defaultdict(float)
        term_weight = PAIR_WEIGHT if " " in term else 1.0
        for word, weight in ((term, term_weight), *((other, SYNONYM_WEIGHT) for other in self._synonyms.get(term, ()))):
            for index, hit in self._hits.get(word, {}).items():
                scores[index] = max(scores[index], weight * self._compute_rarity(word) * hit / (SATURATION + hit))
        return scores

    def _compute_rarity(self, term: str) -> float:
        match_count = len(self._hits.get(term, ()))
        return log(1 + (len(self._entries) - match_count + 0.5) / (match_count + 0.5))

    def _get_weight(self, index: int, query_words: set[str], wants_read: bool | None) -> float:
        entry = self._entries[index]
        if not isinstance(entry, Operation):
            return self._weights[index]
        area_words = SPECIAL_AREA_WORDS.get(entry.area)
        is_unnamed_special = area_words is not None and not query_words & area_words
        weight = SPECIAL_AREA_FACTOR if is_unnamed_special else self._weights[index]
        return weight if wants_read in (None, entry.effect == "read") else weight * INTENT_MISMATCH_FACTOR


def _put_harmless_first(operations: list[Operation]) -> list[Operation]:
    """The operations, the best that is not destructive before all others."""
    best = next((operation for operation in operations if operation.effect != "destructive"), None)
    return operations if best is None else [best, *(operation for operation in operations if operation is not best)]


def _get_base_weight(entry: Operation | Gap, common: frozenset[str]) -> float:
    if not isinstance(entry, Operation):
        return GAP_FACTOR
    return (DAILY_AREA_FACTOR if entry.area in DAILY_AREAS else 1.0) * (
        COMMON_OPERATION_FACTOR if entry.name in common else 1.0
    )


def _get_column_texts(entry: Operation | Gap) -> dict[str, str]:
    texts = {key: str(entry.record.get(key, "")) for key in ("title", "summary", "keywords", "details")}
    if not isinstance(entry, Operation):
        return texts
    texts["keywords"] = f"{entry.search_hint or ''} {texts['keywords']}"
    return {"name": entry.name, **texts, "arguments": " ".join(entry.arguments)}


def _split_words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _compute_stems(words: set[str]) -> dict[str, str]:
    """The stem of each word, as SQLite finds it."""
    if not words:
        return {}
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE VIRTUAL TABLE words USING fts5(word, tokenize='porter unicode61')")
        db.execute("CREATE VIRTUAL TABLE stems USING fts5vocab(words, instance)")
        rows = list(enumerate(words))
        db.executemany("INSERT INTO words(rowid, word) VALUES (?, ?)", rows)
        stems: dict[int, str] = dict(db.execute("SELECT doc, term FROM stems"))
    return {word: stems.get(row_id, word) for row_id, word in rows}
