"""Redacts data: masks what is buyers', finds the texts by others, strips the characters that nobody sees."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tests.calls.plain_answers.free_text import MASK, mask_emails, mask_phone, mask_text, strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity

BuyerDataPolicy = Literal["masked", "full", "none"]

MIN_VALUE_CHARS = 4  # of a masked value, to mask it in texts as well
MIN_UNSPACED_VALUE_CHARS = 3  # the same in scripts without spaces between words
MAX_VALUE_WORDS, MAX_UNSPACED_CHARS = 20, 60  # of a value that is looked for in one piece
WORD_PATTERN = re.compile(r"\w+")
ADDRESS_SEPARATOR = re.compile(r"[,;\n]")
UNSPACED_SCRIPT = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
MAX_WORD_GAP_CHARS = 3  # between two words of one value
JSON_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*')
OMITTED = object()
JSON_KEY_END = re.compile(r"\s*:")


def redact(data: Json, field: FieldSensitivity, policy: BuyerDataPolicy) -> tuple[Json, list[str]]:
    """Redact the data of a response or the arguments of a call, by the policy: "masked", "none" or "full".

    `field` is the operation's own (`SensitiveFields().get_root(name)`). Returns the data and the sorted dotted paths of
    text by others in it. Under "masked", personal values are masked wherever they stand, under "none" their fields are
    omitted; under every policy, the characters that nobody sees are stripped from all texts and names.
    """
    redactor = _Redactor(policy)
    redacted = redactor.redact_object(data, field)
    redactor.redact_pending_texts()
    return redacted, sorted(redactor.untrusted)


def redact_text(text: str, policy: BuyerDataPolicy) -> str:
    """Redact a single text, such as the message of an error."""
    text = strip_invisible(text)
    return text if policy == "full" else mask_text(text)


def strip_invisible_values(value: Any) -> Any:
    """The value with the characters that nobody sees stripped from all names and texts in it."""
    if isinstance(value, str):
        return _strip_invisible_json(value)
    if isinstance(value, dict):
        return {
            _make_unique_name(strip_invisible(str(name)), str(name), value): strip_invisible_values(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [strip_invisible_values(item) for item in value]
    return value


class _Redactor:
    """Redacts one response: texts wait until all personal values are known that may stand in them."""

    def __init__(self, policy: BuyerDataPolicy) -> None:
        self.policy = policy
        self.untrusted: set[str] = set()
        self._known_pii = _KnownPii()
        self._pending_texts: list[tuple[Any, Any, FieldSensitivity]] = []

    def redact_object(self, data: Json, field: FieldSensitivity) -> Json:
        if field.non_buyer_roles and str(data.get("role")) in field.non_buyer_roles:
            field = field.public_variant
        if "rows" in data and _is_table(data):
            return self._redact_table(data, field)
        redacted: Json = {}
        children = field.children
        for name, value in data.items():
            inner = children.get(name)
            if inner is None:
                name = _make_unique_name(strip_invisible(name), name, data, redacted)  # noqa: PLW2901 (as it is shown)
                inner = field.get_child(name)
            if inner.kind is None:
                # Most values go this way.
                kind = type(value)
                if kind is str:
                    redacted[name] = value if value.isascii() and value.isprintable() else _strip_invisible_json(value)
                    continue
                if kind is not dict and kind is not list:
                    redacted[name] = value
                    continue
            redacted_value = self._redact_value(value, inner)
            if redacted_value is not OMITTED:
                redacted[name] = redacted_value
                if inner.is_free_text and redacted_value and type(redacted_value) is str:
                    self._pending_texts.append((redacted, name, inner))
        return redacted

    def _redact_table(self, table: Json, field: FieldSensitivity) -> Json:
        """Each cell of a table is the field that its column names; one that is omitted is null."""
        columns = [field.get_child(name) for name in table["columns"]]
        rows: list[list[Any]] = []
        for row in table["rows"]:
            cells: list[Any] = []
            rows.append(cells)
            for value, column in zip(row, columns, strict=True):
                cell = self._redact_value(value, column)
                cells.append(None if cell is OMITTED else cell)
                if column.is_free_text and cell and type(cell) is str:
                    self._pending_texts.append((cells, len(cells) - 1, column))
        return self.redact_object({name: value for name, value in table.items() if name != "rows"}, field) | {
            "rows": rows
        }

    def _redact_list(self, items: list[Any], field: FieldSensitivity) -> list[Any]:
        redacted: list[Any] = []
        for item in items:
            redacted_item = self._redact_value(item, field)
            if redacted_item is not OMITTED:
                redacted.append(redacted_item)
                if field.is_free_text and redacted_item and type(redacted_item) is str:
                    self._pending_texts.append((redacted, len(redacted) - 1, field))
        return redacted

    def _redact_value(self, value: Any, field: FieldSensitivity) -> Any:
        if isinstance(value, dict):
            return self.redact_object(value, field)
        if isinstance(value, list):
            return self._redact_list(value, field)
        if field.is_personal and self.policy != "full" and value is not None and not isinstance(value, bool):
            return self._mask_value(strip_invisible(str(value)), field)  # a number is masked like a text
        if not isinstance(value, str):
            return value
        text = _strip_invisible_json(value)
        if field.is_untrusted and text:
            self.untrusted.add(field.path)
            if field.kind == "title" and self.policy != "full":
                return mask_emails(text)
        return text

    def _mask_value(self, value: str, field: FieldSensitivity) -> Any:
        if not value.strip():
            return value
        if MASK not in value and field.kind != "picture":
            self._known_pii.add(value, field)
        return OMITTED if self.policy == "none" else mask_value(value, field)

    def redact_pending_texts(self) -> None:
        for container, key, field in self._pending_texts:
            text = container[key]
            container[key] = self._redact_json_text(text, field) if _is_json(text) else self._mask_free_text(text)

    def _mask_free_text(self, text: str) -> str:
        if self.policy == "full":
            return text
        masked_text = mask_text(text)
        without_known_pii = self._known_pii.mask_occurrences(masked_text)
        return masked_text if without_known_pii == masked_text else mask_text(without_known_pii)

    def _redact_json_text(self, text: str, field: FieldSensitivity) -> str:
        """Redact a text that is JSON: it stays that, and all but its strings stays character by character."""
        pieces: list[str] = []
        end = 0
        inner = field
        for match in JSON_LITERAL.finditer(text):
            literal = match[0]
            pieces.append(text[end : match.start()])
            end = match.end()
            if not literal.startswith('"'):
                must_mask = inner.is_personal and self.policy != "full"
                pieces.append(json.dumps(mask_value(literal, inner)) if must_mask else literal)
                continue
            decoded: str = json.loads(literal)
            cleaned = _strip_invisible_json(decoded)
            if JSON_KEY_END.match(text, end):
                inner = field.get_child(cleaned)
            elif inner.is_personal:
                cleaned = cleaned if self.policy == "full" else mask_value(cleaned, inner)
            elif inner.is_free_text:
                cleaned = self._redact_json_text(cleaned, field) if _is_json(cleaned) else self._mask_free_text(cleaned)
            pieces.append(_rewrite_literal(literal, decoded, cleaned))
        return "".join([*pieces, text[end:]])


class _KnownPii:
    """The personal values of a response, by how they begin and how long they are, to find them again in its texts.

    Long values are looked for in pieces: at each place of a text few lengths are tried, however many values there are.
    """

    def __init__(self) -> None:
        self._values: dict[str, dict[int, set[tuple[str, ...]]]] = {}  # by first word, and number of words
        self._words: set[str] = set()
        self._unspaced_values: dict[str, dict[int, set[str]]] = {}  # by first characters, and number of characters

    def add(self, value: str, field: FieldSensitivity) -> None:
        texts = [value, *ADDRESS_SEPARATOR.split(value)] if field.kind == "address" else [value]
        for text in map(str.strip, texts):
            if UNSPACED_SCRIPT.search(text):
                for piece in _split_into_pieces(text, MAX_UNSPACED_CHARS):
                    if len(piece) >= MIN_UNSPACED_VALUE_CHARS:
                        beginning = piece[:MIN_UNSPACED_VALUE_CHARS]
                        self._unspaced_values.setdefault(beginning, {}).setdefault(len(piece), set()).add(piece)
            elif len(text) >= MIN_VALUE_CHARS:
                for words in _split_into_pieces(tuple(WORD_PATTERN.findall(text.casefold())), MAX_VALUE_WORDS):
                    if sum(map(len, words)) >= MIN_VALUE_CHARS:
                        self._values.setdefault(words[0], {}).setdefault(len(words), set()).add(words)
        if field.kind == "name":
            # Half a name counts only in the letters it was written in: in small ones it may be a common word.
            self._words.update(word for word in WORD_PATTERN.findall(value) if len(word) >= MIN_VALUE_CHARS)

    def mask_occurrences(self, text: str) -> str:
        if self._unspaced_values:
            text = _replace_spans(text, self._find_unspaced_spans(text))
        return _replace_spans(text, self._find_word_spans(text)) if self._values or self._words else text

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


def mask_value(value: str, field: FieldSensitivity) -> str:
    """Mask a personal value: a name but for its first letter, a phone but for two digits, all else whole."""
    if not value.strip():
        return value
    if field.kind == "name":
        first = value.strip()[0]
        return first + MASK if first.isalnum() else MASK
    return mask_phone(value) if field.kind == "phone" else MASK


def _strip_invisible_json(text: str) -> str:
    """Strip as `strip_invisible` does, but inside of JSON write a line's end as JSON does."""
    if text.isascii() and text.isprintable():
        return text
    return JSON_LITERAL.sub(_strip_invisible_literal, text) if _is_json(text) else strip_invisible(text)


def _strip_invisible_literal(match: re.Match[str]) -> str:
    literal = match[0]
    if not literal.startswith('"'):
        return literal
    decoded: str = json.loads(literal)
    return _rewrite_literal(literal, decoded, _strip_invisible_json(decoded))


def _rewrite_literal(literal: str, decoded: str, cleaned: str) -> str:
    return literal if cleaned == decoded else json.dumps(cleaned, ensure_ascii=literal.isascii())


def _is_table(data: Json) -> bool:
    """Whether it has `columns` that name the cells of its `rows`."""
    columns, rows = data.get("columns"), data["rows"]
    return (
        isinstance(columns, list)
        and isinstance(rows, list)
        and all(isinstance(name, str) for name in columns)
        and all(isinstance(row, list) and len(row) == len(columns) for row in rows)
    )


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _make_unique_name(name: str, original_name: str, *siblings: Json) -> str:
    """A name that takes no sibling's place, for one whose invisible characters were stripped."""
    while name != original_name and any(name in names for names in siblings):
        name += "_"
    return name
