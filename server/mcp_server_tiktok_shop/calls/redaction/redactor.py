"""Redacts data: masks buyers' values, finds texts by others, strips invisible characters."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from mcp_server_tiktok_shop.calls.redaction.free_text import MASK, mask_emails, mask_phone, mask_text, strip_invisible
from mcp_server_tiktok_shop.calls.redaction.known_values import KnownValues

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity

BuyerDataPolicy = Literal["masked", "full", "none"]

JSON_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*')
OMITTED = object()
JSON_KEY_END = re.compile(r"\s*:")


def redact(data: Json, field: FieldSensitivity, policy: BuyerDataPolicy) -> tuple[Json, list[str]]:
    """Redact the data of a response or the arguments of a call, by the policy: "masked", "none" or "full".

    `field` is the operation's own (`SensitiveFields().get_root(name)`). Returns the data and the sorted dotted paths of
    text by others in it. Under "masked", personal values are masked wherever they stand, under "none" their fields are
    omitted; under every policy, the characters that nobody sees are stripped from all texts and names.
    """
    redactor = Redactor(policy)
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
        return strip_invisible_json(value)
    if isinstance(value, dict):
        return {
            _make_unique_name(strip_invisible(str(name)), str(name), value): strip_invisible_values(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [strip_invisible_values(item) for item in value]
    return value


class Redactor:
    """Redacts one response: texts wait until all personal values are known that may stand in them.

    `redact_pending_texts` ends it; until then texts stand unmasked in what the other methods gave. `untrusted` are the
    paths of texts by others so far.
    """

    def __init__(self, policy: BuyerDataPolicy) -> None:
        self.policy = policy
        self.untrusted: set[str] = set()
        self._known_pii = KnownValues()
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
                    redacted[name] = value if value.isascii() and value.isprintable() else strip_invisible_json(value)
                    continue
                if kind is not dict and kind is not list:
                    redacted[name] = value
                    continue
            redacted_value = self.redact_value(value, inner)
            if redacted_value is not OMITTED:
                redacted[name] = redacted_value
                self.add_text(redacted, name, inner)
        return redacted

    def add_text(self, container: Any, key: str | int, field: FieldSensitivity) -> None:
        """Let a free text, if that is what stands there, wait until all personal values are known."""
        if field.is_free_text and type(container[key]) is str and container[key]:
            self._pending_texts.append((container, key, field))

    def _redact_table(self, table: Json, field: FieldSensitivity) -> Json:
        """Each cell of a table is the field that its column names; one that is omitted is null."""
        columns = [field.get_child(name) for name in table["columns"]]
        rows: list[list[Any]] = []
        for row in table["rows"]:
            cells: list[Any] = []
            rows.append(cells)
            for value, column in zip(row, columns, strict=True):
                cell = self.redact_value(value, column)
                cells.append(None if cell is OMITTED else cell)
                self.add_text(cells, len(cells) - 1, column)
        return self.redact_object({name: value for name, value in table.items() if name != "rows"}, field) | {
            "rows": rows
        }

    def _redact_list(self, items: list[Any], field: FieldSensitivity) -> list[Any]:
        redacted: list[Any] = []
        for item in items:
            redacted_item = self.redact_value(item, field)
            if redacted_item is not OMITTED:
                redacted.append(redacted_item)
                self.add_text(redacted, len(redacted) - 1, field)
        return redacted

    def redact_value(self, value: Any, field: FieldSensitivity) -> Any:
        """Redact a value of a field; `OMITTED` where it is not to be shown at all.

        Who puts a free text into an object or a list calls `add_text`.
        """
        if isinstance(value, dict):
            return self.redact_object(value, field)
        if isinstance(value, list):
            return self._redact_list(value, field)
        if isinstance(value, str):
            return self.redact_plain_text(value, field)
        if field.is_personal and self.policy != "full" and value is not None and not isinstance(value, bool):
            return self._mask_value(str(value), field)  # a number is masked like a text
        return value

    def redact_plain_text(self, text: str, field: FieldSensitivity) -> Any:
        """The same of a text."""
        if field.is_personal and self.policy != "full":
            return self._mask_value(strip_invisible(text), field)
        text = strip_invisible_json(text)
        if field.is_untrusted and text:
            self.untrusted.add(field.path)
            if field.kind == "title" and self.policy != "full":
                return mask_emails(text)
        return text

    def remember_value(self, value: Any, field: FieldSensitivity) -> None:
        """Mask a buyer's value in all texts, as `redact_value` does, where it is not to be shown itself."""
        if field.is_personal and value is not None and not isinstance(value, bool):
            self.remember_text(str(value), field)

    def remember_text(self, text: str, field: FieldSensitivity) -> None:
        """The same of a text in a personal field."""
        if self.policy != "full":
            self._remember(strip_invisible(text), field)

    def _remember(self, value: str, field: FieldSensitivity) -> None:
        if MASK not in value and field.kind != "picture" and value.strip():
            self._known_pii.add(value, field)

    def _mask_value(self, value: str, field: FieldSensitivity) -> Any:
        if not value.strip():
            return value
        self._remember(value, field)
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
            cleaned = strip_invisible_json(decoded)
            if JSON_KEY_END.match(text, end):
                inner = field.get_child(cleaned)
            elif inner.is_personal:
                cleaned = cleaned if self.policy == "full" else mask_value(cleaned, inner)
            elif inner.is_free_text:
                cleaned = self._redact_json_text(cleaned, field) if _is_json(cleaned) else self._mask_free_text(cleaned)
            pieces.append(_rewrite_literal(literal, decoded, cleaned))
        return "".join([*pieces, text[end:]])


def mask_value(value: str, field: FieldSensitivity) -> str:
    """Mask a personal value: a name but for its first letter, a phone but for two digits, all else whole."""
    if not value.strip():
        return value
    if field.kind == "name":
        first = value.strip()[0]
        return first + MASK if first.isalnum() else MASK
    return mask_phone(value) if field.kind == "phone" else MASK


def strip_invisible_json(text: str) -> str:
    """Strip as `strip_invisible` does, but inside of JSON write a line's end as JSON does."""
    if text.isascii() and text.isprintable():
        return text
    return JSON_LITERAL.sub(_strip_invisible_literal, text) if _is_json(text) else strip_invisible(text)


def _strip_invisible_literal(match: re.Match[str]) -> str:
    literal = match[0]
    if not literal.startswith('"'):
        return literal
    decoded: str = json.loads(literal)
    return _rewrite_literal(literal, decoded, strip_invisible_json(decoded))


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
