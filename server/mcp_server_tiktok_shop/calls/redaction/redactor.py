"""Guards an answer: buyers' data is masked, texts by others are named, marks nobody sees are taken out."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from mcp_server_tiktok_shop.calls.redaction.free_text import MASK, masked, masked_phone, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import Field

Mode = Literal["masked", "full", "none"]

SHORTEST = 4  # of a masked value that is looked for in texts
SHORTEST_WITHOUT_SPACES = 3
WORD = re.compile(r"\w+")
SEPARATED = re.compile(r"[,;\n]")
WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
APART = 3  # signs at most between two words of one value
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*')
LEFT_OUT = object()
IS_NAME = re.compile(r"\s*:")


def guarded(data: Json, field: Field, mode: Mode) -> tuple[Json, list[str]]:
    """The data as it may be shown, and the sorted paths at which text by others stands in it.

    `field` is the operation's place in the facts (`Personal().of(name)`), `data` what was shaped: the platform's
    data, or the arguments of a call. In every mode marks that nobody sees are taken out of all texts and names.
    """
    guard = _Guard(mode)
    made = guard.object(data, field)
    guard.finish()
    return made, sorted(guard.untrusted)


def guarded_text(text: str, mode: Mode) -> str:
    """A single text, such as a preview's or an error's, as it may be shown."""
    text = visible(text)
    return text if mode == "full" else masked(text)


class _Guard:
    """One answer on its way: texts wait until all personal values are known that may stand in them."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.untrusted: set[str] = set()
        self._seen = _Seen()
        self._waiting: list[tuple[Any, Any, Field]] = []

    def object(self, given: Json, field: Field) -> Json:
        if field.roles and str(given.get("role")) in field.roles:
            field = field.opened
        made: Json = {}
        children = field.children
        for name, value in given.items():
            inner = children.get(name)
            if inner is None:
                name = _unused(visible(name), name, given)  # noqa: PLW2901 (the name as it is shown)
                inner = field.child(name)
            if inner.kind is None:
                # Most values go this way.
                kind = type(value)
                if kind is str:
                    made[name] = value if value.isascii() and value.isprintable() else _visible(value)
                    continue
                if kind is not dict and kind is not list:
                    made[name] = value
                    continue
            told = self._value(value, inner)
            if told is not LEFT_OUT:
                made[name] = told
                if inner.free and told and type(told) is str:
                    self._waiting.append((made, name, inner))
        return made

    def _list(self, given: list[Any], field: Field) -> list[Any]:
        made: list[Any] = []
        for item in given:
            told = self._value(item, field)
            if told is not LEFT_OUT:
                made.append(told)
                if field.free and told and type(told) is str:
                    self._waiting.append((made, len(made) - 1, field))
        return made

    def _value(self, value: Any, field: Field) -> Any:
        if isinstance(value, dict):
            return self.object(value, field)
        if isinstance(value, list):
            return self._list(value, field)
        if field.personal and self.mode != "full" and value is not None and not isinstance(value, bool):
            return self._hidden(visible(str(value)), field)  # a number is masked like a text
        if not isinstance(value, str):
            return value
        told = _visible(value)
        if field.untrusted and told:
            self.untrusted.add(field.path)
        return told

    def _hidden(self, value: str, field: Field) -> Any:
        if not value.strip():
            return value
        if MASK not in value and field.kind != "picture":
            self._seen.add(value, field)
        return LEFT_OUT if self.mode == "none" else mask(value, field)

    def finish(self) -> None:
        for holder, place, field in self._waiting:
            text = holder[place]
            holder[place] = self._in_json(text, field) if _is_json(text) else self._free(text)

    def _free(self, text: str) -> str:
        if self.mode == "full":
            return text
        told = masked(text)
        found = self._seen.hidden_in(told)
        return told if found == told else masked(found)

    def _in_json(self, text: str, field: Field) -> str:
        """JSON in a text stays JSON: what changes is inside of its strings, and all else stays sign by sign."""
        made: list[str] = []
        end = 0
        inner = field
        for found in LITERAL.finditer(text):
            literal = found[0]
            made.append(text[end : found.start()])
            end = found.end()
            if not literal.startswith('"'):
                hides = inner.personal and self.mode != "full"
                made.append(json.dumps(mask(literal, inner)) if hides else literal)
                continue
            held: str = json.loads(literal)
            told = _visible(held)
            if IS_NAME.match(text, end):
                inner = field.child(told)
            elif inner.personal:
                told = told if self.mode == "full" else mask(told, inner)
            elif inner.free:
                told = self._in_json(told, field) if _is_json(told) else self._free(told)
            made.append(_literal(literal, held, told))
        return "".join([*made, text[end:]])


class _Seen:
    """The personal values of an answer, by their first word, to be found again in its texts."""

    def __init__(self) -> None:
        self._values: dict[str, set[tuple[str, ...]]] = {}
        self._words: set[str] = set()
        self._unspaced: set[str] = set()

    def add(self, value: str, field: Field) -> None:
        parts = [value, *SEPARATED.split(value)] if field.kind == "address" else [value]
        for part in parts:
            if WITHOUT_SPACES.search(part):
                if len(part.strip()) >= SHORTEST_WITHOUT_SPACES:
                    self._unspaced.add(part.strip())
            elif len(part.strip()) >= SHORTEST and (words := tuple(WORD.findall(part.casefold()))):
                self._values.setdefault(words[0], set()).add(words)
        if field.kind == "name":
            # Half a name is looked for as it is written: in small letters it may be a common word.
            self._words.update(word for word in WORD.findall(value) if len(word) >= SHORTEST)

    def hidden_in(self, text: str) -> str:
        for value in self._unspaced:
            if value in text:
                text = text.replace(value, MASK)
        if not self._values and not self._words:
            return text
        made: list[str] = []
        end = 0
        for start, stop in self._places(text):
            made += (text[end:start], MASK)
            end = stop
        return "".join([*made, text[end:]])

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where values stand, from left to right; of two that begin together the longer one."""
        words = list(WORD.finditer(text))
        folded = [word[0].casefold() for word in words]
        at = 0
        while at < len(words):
            count = self._length(words, folded, at)
            if count:
                yield words[at].start(), words[at + count - 1].end()
            at += count or 1

    def _length(self, words: list[re.Match[str]], folded: list[str], at: int) -> int:
        for value in sorted(self._values.get(folded[at], ()), key=len, reverse=True):
            count = len(value)
            together = words[at : at + count]
            if tuple(folded[at : at + count]) == value and all(
                after.start() - before.end() <= APART for before, after in pairwise(together)
            ):
                return count
        return 1 if words[at][0] in self._words else 0


def mask(value: str, field: Field) -> str:
    """What stands for a value: a name's first letter, a phone's last two digits, of all else nothing."""
    if not value.strip():
        return value
    if field.kind == "name":
        first = value.strip()[0]
        return first + MASK if first.isalnum() else MASK
    return masked_phone(value) if field.kind == "phone" else MASK


def _visible(text: str) -> str:
    """As `visible`, but a line's end inside of JSON is written as JSON does."""
    if text.isascii() and text.isprintable():
        return text
    return LITERAL.sub(_visible_literal, text) if _is_json(text) else visible(text)


def _visible_literal(found: re.Match[str]) -> str:
    literal = found[0]
    if not literal.startswith('"'):
        return literal
    held: str = json.loads(literal)
    return _literal(literal, held, _visible(held))


def _literal(written: str, held: str, told: str) -> str:
    return written if told == held else json.dumps(told, ensure_ascii=written.isascii())


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _unused(name: str, given_as: str, given: Json) -> str:
    """A name whose invisible marks were taken out must not take the place of another."""
    while name != given_as and name in given:
        name += "_"
    return name
