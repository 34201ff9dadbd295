"""Classifies fields by the rules of personal.json: which hold buyers' data, and which hold text that others wrote."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json

SENSITIVE_FIELDS_FILE = Path(__file__).parent / "personal.json"
# `text` is free text that may hold personal data, `note` the same by the seller, `title` words of others that name
# something, `label` a shop's or seller's name, by which it is called; `open` is the seller's own or public; `ours`, of
# a whole operation alone, is this server's own words, or what was redacted before.
FieldKind = Literal[
    "name", "phone", "email", "address", "number", "picture", "text", "note", "title", "label", "open", "ours"
]
PERSONAL_KINDS = frozenset({"name", "phone", "email", "address", "number", "picture"})
FREE_TEXT_KINDS = frozenset({"text", "note"})
UNTRUSTED_KINDS = frozenset({"text", "title", "label"})
WHOLE_OPERATION = "*"
MAX_NAMES_IN_RULE = 3
MAX_CACHED_CHILDREN = 2000  # fields of one object: more of them are ids used as names


class FieldSensitivity:
    """How sensitive a field of an operation's response or arguments is; the items of a list are as the list itself.

    `path` is dotted, from the top; `kind` is None where nothing is to be done. `is_personal` says that the value is a
    buyer's own data, `is_free_text` that such data may stand inside of it, `is_untrusted` that others wrote it,
    `is_public` that all within is the seller's own or known to everybody.
    """

    def __init__(
        self,
        path: str,
        kind: FieldKind | None,
        *,
        is_public: bool,
        operation_rules: Mapping[str, FieldKind],
        sensitive_fields: SensitiveFields,
    ) -> None:
        self.path = path
        self.kind = kind
        self.is_public = is_public
        self.is_personal = kind in PERSONAL_KINDS
        self.is_free_text = kind in FREE_TEXT_KINDS
        self.is_untrusted = kind in UNTRUSTED_KINDS
        # The roles of those who are no buyers, where an object stands for a person with a role.
        self.non_buyer_roles = sensitive_fields.find_non_buyer_roles(path)
        self.children: dict[str, FieldSensitivity] = {}  # a cache, open to who goes over many fields
        self._operation_rules = operation_rules
        self._sensitive_fields = sensitive_fields

    def get_child(self, name: str) -> FieldSensitivity:
        """How sensitive the field of this name in this object is."""
        child = self.children.get(name)
        if child is None:
            child = self._classify_child(name)
            # Who finds a name here takes it as it stands: one that may hold what nobody sees is never put here.
            if len(self.children) < MAX_CACHED_CHILDREN and name.isascii() and name.isprintable():
                self.children[name] = child
        return child

    @cached_property
    def public_variant(self) -> FieldSensitivity:
        """The same field, where the person that it is about is no buyer."""
        return FieldSensitivity(
            self.path,
            None,
            is_public=True,
            operation_rules=self._operation_rules,
            sensitive_fields=self._sensitive_fields,
        )

    def _classify_child(self, name: str) -> FieldSensitivity:
        path = f"{self.path}.{name}" if self.path else name
        kind = self._sensitive_fields.find_kind(path, self._operation_rules)
        is_public = self.is_public or kind == "open"
        if kind is None and not _is_id_name(name):
            kind = self.kind
        if kind == "open" or (is_public and kind in PERSONAL_KINDS):
            kind = None
        return FieldSensitivity(
            path,
            kind,
            is_public=is_public,
            operation_rules=self._operation_rules,
            sensitive_fields=self._sensitive_fields,
        )


class SensitiveFields:
    """The rules on sensitive fields. The file is read when first needed, and what it says of a field is cached."""

    def __init__(self, file: Path = SENSITIVE_FIELDS_FILE) -> None:
        self._file = file
        self._roots: dict[str, FieldSensitivity] = {}

    @cached_property
    def rules(self) -> Json:
        rules: Json = json.loads(self._file.read_text(encoding="utf-8"))
        return rules

    @cached_property
    def _general_rules(self) -> dict[str, FieldKind]:
        return _index_by_suffix(self.rules["everywhere"])

    def get_root(self, operation: str) -> FieldSensitivity:
        """How sensitive an operation's `data` or arguments as a whole are: where to start with either."""
        if operation not in self._roots:
            operation_rules = _index_by_suffix(self.rules["operations"].get(operation, {}))
            is_public = operation_rules.get(WHOLE_OPERATION) == "open"
            self._roots[operation] = FieldSensitivity(
                "", None, is_public=is_public, operation_rules=operation_rules, sensitive_fields=self
            )
        return self._roots[operation]

    def find_kind(self, path: str, operation_rules: Mapping[str, FieldKind]) -> FieldKind | None:
        """The kind that the longest rule for the end of a path gives; an operation's own rules come first."""
        if operation_rules.get(WHOLE_OPERATION) == "ours":
            return None
        for rules in (operation_rules, self._general_rules):
            for suffix in iter_suffixes(path):
                if suffix in rules:
                    return rules[suffix]
        return None

    def find_non_buyer_roles(self, path: str) -> frozenset[str]:
        """The roles of staff, where a path leads to a person who may have one."""
        staff = self.rules["staff"]
        return frozenset(staff["roles"]) if path.rpartition(".")[2] in staff["objects"] else frozenset()


def iter_suffixes(path: str) -> Iterator[str]:
    """The ends of a path that a rule can name, longest first."""
    names = path.rsplit(".", MAX_NAMES_IN_RULE)[-MAX_NAMES_IN_RULE:]
    return (".".join(names[start:]) for start in range(len(names)))


def _index_by_suffix(rules: Mapping[FieldKind, list[str]]) -> dict[str, FieldKind]:
    return {suffix: kind for kind, names in rules.items() for suffix in names}


def _is_id_name(name: str) -> bool:
    """Whether a field holds ids, which stay inside of what is masked, too."""
    return name == "id" or name.endswith(("_id", "_ids"))
