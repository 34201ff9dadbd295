"""Maps plain words to the platform's reasons, and lists these if the words mean none or several."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.catalog.operation import Json

# `meanings`: what people say (`says`), and words of reasons' names or texts that mean the same (`means`); `empty` are
# words that tell no reason from another; `nearest` counts where nothing else does.
WORDS_FILE = Path(__file__).with_name("reason_words.json")
MIN_STEM_CHARS = 3
DENIALS = frozenset(("cannot", "neither", "never", "no", "none", "nor", "not", "nothing", "without"))
DENIAL_REACH = 2  # words before one: "nothing was missing"
DENIED_MARK = "not "
BUYER_WORDS = frozenset(("buyer", "buyer's", "buyers", "customer", "customer's", "customers"))


class Reason(Struct, frozen=True):
    """A reason of the platform's: the name that calls take, and what it says to people, where that is known."""

    name: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.text})" if self.text else self.name

    @property
    def words(self) -> str:
        return _to_plain_words(f"{self.name} {self.text}")


def find_reasons(words: str, reasons: Iterable[Reason]) -> list[Reason]:
    """Those of the reasons that the words may mean: one where they are clear, none where they mean nothing here.

    A reason's own name or text is always clear. Otherwise what people say for it counts, and what is said beside that
    and stands in another reason's words.
    """
    distinct_reasons, plain_words = list(dict.fromkeys(reasons)), _to_plain_words(words)
    for reason in distinct_reasons:
        if plain_words and plain_words in (_to_plain_words(reason.name), _to_plain_words(reason.text)):
            return [reason]
    rest, meanings = plain_words, []
    for phrase, entry_meanings in _load_phrases():
        if _contains_words(rest, phrase):
            rest = f" {rest} ".replace(f" {phrase} ", "  ")
            meanings += entry_meanings
    named = [r for r in distinct_reasons if any(_contains_words(r.words, meaning) for meaning in meanings)]
    stems = _find_stems(rest) - {stem for reason in named for stem in _find_stems(reason.words)}
    scores = {reason: len(stems & _find_stems(reason.words)) for reason in distinct_reasons}
    best_score = max(scores.values(), default=0)
    others = [reason for reason, score in scores.items() if score == best_score] if best_score else []
    return list(dict.fromkeys((*named, *others))) or _find_nearest(plain_words, distinct_reasons)


def _find_nearest(plain_words: str, reasons: list[Reason]) -> list[Reason]:
    """What words come to that mean no reason by themselves: who broke the last one has none left.

    What is said of the buyer is not: a buyer who lost interest leaves the goods in stock.
    """
    if BUYER_WORDS & set(plain_words.split()):
        return []
    stems = _find_stems(plain_words)
    meanings = [
        meaning
        for entry in _load_words()["nearest"]
        if any(stems & _find_stems(phrase) for phrase in entry["says"])
        for meaning in entry["means"]
    ]
    return [reason for reason in reasons if any(_contains_words(reason.words, meaning) for meaning in meanings)]


def make_reason_error(
    argument: str, words: str, matches: list[Reason], reasons: Iterable[Reason], subject: str = "here"
) -> ShopError:
    """The refusal of words that mean none of the reasons, or several of them; it holds those to choose from.

    `subject` says what they are reasons for.
    """
    choices = matches or list(dict.fromkeys(reasons))
    verb = "may mean several of the platform's reasons" if matches else "is none of the platform's reasons"
    message = f"{argument} {verb} {subject}: {words!r}"
    allowed = "; ".join(map(str, choices))
    return ShopError(
        "invalid_arguments",
        f"{message}. Nothing was sent.",
        hint=f"Ask which is meant, and give its name or text: {allowed}.",
        problems=(Problem(argument, message.removeprefix(f"{argument} "), allowed),),
    )


def _to_plain_words(text: str) -> str:
    """Lower-case words with single spaces between, an apostrophe being part of its word."""
    return " ".join(
        re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    )


def _contains_words(text: str, words: str) -> bool:
    return f" {words} " in f" {text} "


def _find_stems(plain_words: str) -> set[str]:
    """The words that tell something, without the endings of their forms; what is denied bears a mark."""
    words, stems = plain_words.split(), set()
    for place, word in enumerate(words):
        stem = re.sub(r"(?:ing|ed|es|s|e)$", "", word.removesuffix("'s"))
        if word not in _load_words()["empty"] and not _is_denial(word) and len(stem) >= MIN_STEM_CHARS:
            is_denied = any(map(_is_denial, words[max(0, place - DENIAL_REACH) : place]))
            stems.add(f"{DENIED_MARK}{stem}" if is_denied else stem)
    return stems


def _is_denial(word: str) -> bool:
    return word in DENIALS or word.endswith("n't")


@cache
def _load_words() -> Json:
    words: Json = json.loads(WORDS_FILE.read_text(encoding="utf-8"))
    return words


@cache
def _load_phrases() -> list[tuple[str, list[str]]]:
    """What people say, the longest first, with the words that mean the same."""
    entries = _load_words()["meanings"]
    phrases = [(_to_plain_words(p), list(map(_to_plain_words, e["means"]))) for e in entries for p in e["says"]]
    return sorted(phrases, key=lambda phrase: -len(phrase[0]))
