"""Which fields hold buyers' data, and which hold text that others wrote: the facts of personal.json by field."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json

FILE = Path(__file__).parent / "personal.json"
# `text` is free text that may hold personal data, `note` the same by the seller, `title` words of others that name
# something; `open` is the seller's own or public.
Kind = Literal["name", "phone", "email", "address", "number", "picture", "text", "note", "title", "open"]
PERSONAL = frozenset({"name", "phone", "email", "address", "number", "picture"})
FREE = frozenset({"text", "note"})
UNTRUSTED = frozenset({"text", "title"})
WHOLE = "*"
DEPTH = 3  # names at most in a rule
REMEMBERED = 2000  # fields of one object: more of them are ids used as names


class Field:
    """A place in an operation's answer or arguments; the items of a list stand where the list does.

    `kind` is None where nothing is to be done; `personal` says that the value is a buyer's own data, `free` that such
    data may stand inside of it, `public` that all within is the seller's own or known to everybody.
    """

    def __init__(self, path: str, kind: Kind | None, *, public: bool, own: Mapping[str, Kind], facts: Personal) -> None:
        self.path = path
        self.kind = kind
        self.public = public
        self.personal = kind in PERSONAL
        self.free = kind in FREE
        self.untrusted = kind in UNTRUSTED
        # The roles of those who are no buyers, where an object tells of a person with a role.
        self.roles = facts.roles_in(path)
        self.children: dict[str, Field] = {}  # those asked for before
        self._own = own
        self._facts = facts

    def child(self, name: str) -> Field:
        found = self.children.get(name)
        if found is None:
            found = self._made(name)
            if len(self.children) < REMEMBERED:
                self.children[name] = found
        return found

    @cached_property
    def opened(self) -> Field:
        """The same place, where the person it tells of is no buyer."""
        return Field(self.path, None, public=True, own=self._own, facts=self._facts)

    def _made(self, name: str) -> Field:
        path = f"{self.path}.{name}" if self.path else name
        kind = self._facts.kind(path, self._own)
        public = self.public or kind == "open"
        if kind is None and not _stays(name):
            kind = self.kind
        if kind == "open" or (public and kind in PERSONAL):
            kind = None
        return Field(path, kind, public=public, own=self._own, facts=self._facts)


class Personal:
    """The facts, read when first asked for; the fields met are remembered."""

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        self._roots: dict[str, Field] = {}

    @cached_property
    def facts(self) -> Json:
        found: Json = json.loads(self._file.read_text(encoding="utf-8"))
        return found

    @cached_property
    def _everywhere(self) -> dict[str, Kind]:
        return _by_suffix(self.facts["everywhere"])

    def of(self, operation: str) -> Field:
        """The place that holds everything: an operation's `data`, or its arguments."""
        if operation not in self._roots:
            own = _by_suffix(self.facts["operations"].get(operation, {}))
            public = own.get(WHOLE) == "open"
            self._roots[operation] = Field("", None, public=public, own=own, facts=self)
        return self._roots[operation]

    def kind(self, path: str, own: Mapping[str, Kind]) -> Kind | None:
        """What the longest rule for the end of a path says; an operation's own rules come first."""
        for rules in (own, self._everywhere):
            for suffix in suffixes(path):
                if suffix in rules:
                    return rules[suffix]
        return None

    def roles_in(self, path: str) -> frozenset[str]:
        staff = self.facts["staff"]
        return frozenset(staff["roles"]) if path.rpartition(".")[2] in staff["objects"] else frozenset()


def suffixes(path: str) -> Iterator[str]:
    """The ends of a path that a rule can name, longest first."""
    names = path.rsplit(".", DEPTH)[-DEPTH:]
    return (".".join(names[start:]) for start in range(len(names)))


def _by_suffix(rules: Mapping[Kind, list[str]]) -> dict[str, Kind]:
    return {suffix: kind for kind, listed in rules.items() for suffix in listed}


def _stays(name: str) -> bool:
    """Ids are kept inside of what is masked, too."""
    return name == "id" or name.endswith(("_id", "_ids"))
