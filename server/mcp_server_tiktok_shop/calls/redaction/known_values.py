"""Collects the buyers' values in an answer, and masks them wherever they occur in its texts."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from mcp_server_tiktok_shop.calls.redaction.free_text import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldKind, FieldSensitivity

MIN_VALUE_CHARS = 4  # of a masked value, to mask it in texts as well
MIN_UNSPACED_VALUE_CHARS = 3  # the same in scripts without spaces between words
MAX_VALUE_WORDS, MAX_UNSPACED_CHARS = 20, 60  # of a value that is looked for in one piece
WORD_PATTERN = re.compile(r"\w+")
ADDRESS_SEPARATOR = re.compile(r"[,;\n]")
UNSPACED_SCRIPT = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
MAX_WORD_GAP_CHARS = 3  # between two words of one value


class KnownValues:
    """The personal values of a response, by how they begin and how long they are, to find them again in its texts.

    Long values are looked for in pieces: at each place of a text few lengths are tried, however many values there are.
    They are sorted in when a text is there that has a word of theirs: most have none.
    """

    def __init__(self) -> None:
        self._unsorted: dict[tuple[str, FieldKind | None], None] = {}
        self._unread: list[str] = []  # whose words are not in the vocabulary yet
        self._vocabulary: set[str] = set()
        self._is_unspaced = False
        self._values: dict[str, dict[int, set[tuple[str, ...]]]] = {}  # by first word, and number of words
        self._words: set[str] = set()
        self._unspaced_values: dict[str, dict[int, set[str]]] = {}  # by first characters, and number of characters

    def add(self, value: str, field: FieldSensitivity) -> None:
        if (value, field.kind) not in self._unsorted:
            self._unsorted[value, field.kind] = None
            self._unread.append(value)

    def _sort_in(self, value: str, kind: FieldKind | None) -> None:
        texts = [value, *ADDRESS_SEPARATOR.split(value)] if kind == "address" else [value]
        for text in map(str.strip, texts):
            if _has_unspaced_script(text):
                for piece in _split_into_pieces(text, MAX_UNSPACED_CHARS):
                    if len(piece) >= MIN_UNSPACED_VALUE_CHARS:
                        beginning = piece[:MIN_UNSPACED_VALUE_CHARS]
                        self._unspaced_values.setdefault(beginning, {}).setdefault(len(piece), set()).add(piece)
            elif len(text) >= MIN_VALUE_CHARS:
                for words in _split_into_pieces(tuple(WORD_PATTERN.findall(text.casefold())), MAX_VALUE_WORDS):
                    if sum(map(len, words)) >= MIN_VALUE_CHARS:
                        self._values.setdefault(words[0], {}).setdefault(len(words), set()).add(words)
        if kind == "name":
            # Half a name counts only in the letters it was written in: in small ones it may be a common word.
            self._words.update(word for word in WORD_PATTERN.findall(value) if len(word) >= MIN_VALUE_CHARS)

    def mask_occurrences(self, text: str) -> str:
        if self._is_free_of_words(text):
            return text
        if self._unsorted:
            for value, kind in self._unsorted:
                self._sort_in(value, kind)
            self._unsorted = {}
        if self._unspaced_values:
            text = _replace_spans(text, self._find_unspaced_spans(text))
        return _replace_spans(text, self._find_word_spans(text)) if self._values or self._words else text

    def _is_free_of_words(self, text: str) -> bool:
        """Whether no word of any value stands in the text: quick, and mostly so."""
        if self._unread:
            values = "\n".join(self._unread)
            self._vocabulary.update(map(str.casefold, WORD_PATTERN.findall(values)))
            self._vocabulary.update(WORD_PATTERN.findall(values.casefold()))  # which may divide them otherwise
            self._is_unspaced = self._is_unspaced or _has_unspaced_script(values)
            self._unread = []
        words = map(str.casefold, WORD_PATTERN.findall(text))
        return not self._is_unspaced and self._vocabulary.isdisjoint(words)

    def _find_unspaced_spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where values in scripts without spaces stand, from left to right; of two that begin together the longer."""
        position = 0
        while position < len(text):
            candidates = self._unspaced_values.get(text[position : position + MIN_UNSPACED_VALUE_CHARS])
            length = _find_longest(text, position, candidates) if candidates else 0
            if length:
                yield position, position + length
            position += length or 1

    def _find_word_spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where values stand, from left to right; of two that begin together the longer one."""
        words = list(WORD_PATTERN.finditer(text))
        folded_words = tuple(word[0].casefold() for word in words)
        index = 0
        while index < len(words):
            count = self._count_matching_words(words, folded_words, index)
            if count:
                yield words[index].start(), words[index + count - 1].end()
            index += count or 1

    def _count_matching_words(self, words: list[re.Match[str]], folded_words: tuple[str, ...], index: int) -> int:
        candidates = self._values.get(folded_words[index], {})
        for count in sorted(candidates, reverse=True):
            if folded_words[index : index + count] in candidates[count] and all(
                after.start() - before.end() <= MAX_WORD_GAP_CHARS
                for before, after in pairwise(words[index : index + count])
            ):
                return count
        return 1 if words[index][0] in self._words else 0


T = TypeVar("T", str, tuple[str, ...])


def _has_unspaced_script(text: str) -> bool:
    return not text.isascii() and _compile_unspaced_script().search(text) is not None


@cache
def _compile_unspaced_script() -> re.Pattern[str]:
    """Made when first needed: it takes 3 ms, and most texts are ASCII."""
    return re.compile(UNSPACED_SCRIPT)


def _split_into_pieces(value: T, max_length: int) -> list[T]:
    return [value[start : start + max_length] for start in range(0, len(value), max_length)]


def _find_longest(text: str, position: int, candidates: dict[int, set[str]]) -> int:
    """The length of the longest of the candidates (by their length) that stands in a text at a position; else 0."""
    lengths = (length for length in candidates if text[position : position + length] in candidates[length])
    return max(lengths, default=0)


def _replace_spans(text: str, spans: Iterator[tuple[int, int]]) -> str:
    pieces: list[str] = []
    end = 0
    for start, stop in spans:
        pieces += (text[end:start], MASK)
        end = stop
    return "".join([*pieces, text[end:]])
