"""Functions are named by what they do, not by a participle or a preposition; a class's name stands for one class."""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[1]
FOLDERS = ("server", "scripts", "bench")
PREPOSITIONS = frozenset(
    (
        *("about", "above", "after", "against", "among", "around", "as", "at", "before", "behind", "below", "beside"),
        *("between", "beyond", "by", "during", "for", "from", "in", "inside", "into", "of", "off", "on", "onto", "out"),
        *("outside", "over", "past", "per", "since", "than", "through", "till", "to", "toward", "under", "until", "up"),
        *("upon", "via", "with", "within", "without"),
    )
)
# Those that can follow a verb: `sign_in`, `resume_after`, `write_to`. The others follow a noun: `kind_of`, `status_at`.
VERB_PREPOSITIONS = frozenset(
    (
        *("above", "after", "around", "before", "behind", "below", "by", "for", "from", "in", "inside", "into", "off"),
        *("on", "onto", "out", "over", "through", "to", "up", "with", "within", "without"),
    )
)
# Those that a verb's stem and "ed" don't make. What is a verb's stem as well ("put", "read", "cut") is none here.
IRREGULAR_PARTICIPLES = frozenset(
    (
        *("begun", "bent", "blown", "bought", "bound", "broken", "brought", "built", "caught", "chosen", "dealt"),
        *("done", "drawn", "driven", "fallen", "felt", "forgotten", "found", "frozen", "given", "gone", "grown"),
        *("heard", "held", "hidden", "kept", "known", "laid", "left", "lent", "lost", "made", "meant", "met", "paid"),
        *("proven", "said", "seen", "sent", "shown", "sold", "sought", "spent", "spoken", "stolen", "stood", "struck"),
        *("taken", "taught", "thought", "thrown", "told", "torn", "understood", "undone", "won", "worn", "written"),
    )
)
ED_STEMS = frozenset(("bleed", "breed", "embed", "exceed", "feed", "need", "proceed", "seed", "speed", "succeed"))
ING_NOUNS = frozenset(
    ("bring", "heading", "listing", "ping", "pricing", "ring", "setting", "shipping", "string", "thing")
)
# What these verbs do is done to a state, which a participle names: `find_unlinked`, `is_throttled`.
VERBS_OF_STATES = frozenset(
    (
        *("are", "can", "change", "check", "compare", "complete", "count", "describe", "ensure", "fetch", "find"),
        *("has", "is", "list", "load", "mark", "overlay", "read", "refuse", "render", "select", "set", "store"),
        "update",
    )
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A function's or class's name, and where it stands."""

    place: str
    name: str

    def __str__(self) -> str:
        return f"{self.place}:{self.name}"


@cache
def parse_modules() -> tuple[tuple[str, ast.Module], ...]:
    """Every module, by its path from the project's root."""
    paths = sorted(path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py"))
    return tuple((p.relative_to(PROJECT).as_posix(), ast.parse(p.read_text(encoding="utf-8"))) for p in paths)


def iter_functions() -> Iterator[Definition]:
    """Every function and method that is named here. Properties are nouns; a foreign base class has named its own."""
    for path, tree in parse_modules():
        imported = {local: origin for node in ast.walk(tree) for local, origin in iter_imported_names(node)}
        named_elsewhere = {
            function
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for function in node.body
            for base in node.bases
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            and hasattr(load_foreign(ast.unparse(base), imported), function.name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node not in named_elsewhere:
                decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
                if not decorators & {"property", "cached_property", "setter"}:
                    yield Definition(f"{path}:{node.lineno}", node.name)


def iter_imported_names(node: ast.AST) -> Iterator[tuple[str, str]]:
    """What an import statement brings in: the name here, and the full one."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        yield from ((alias.asname or alias.name, module + alias.name) for alias in node.names)


def load_foreign(expression: str, imported: dict[str, str]) -> object:
    """The class of another project that an expression such as `asyncio.Protocol` names; None for one of ours."""
    first, _, rest = expression.partition(".")
    module, _, name = f"{imported.get(first, '')}.{rest}".strip(".").rpartition(".")
    is_foreign = module and module.partition(".")[0] not in {"mcp_server_tiktok_shop", "scripts", "bench"}
    return getattr(importlib.import_module(module), name, None) if is_foreign else None


def find_fault(name: str) -> str | None:
    """Why a name doesn't say what its function does; None where it does."""
    words = name.strip("_").split("_")
    first, last = words[0], words[-1]
    if is_past_participle(first) or (first.endswith("ing") and first not in ING_NOUNS):
        return f"begins with the participle {first}"
    if is_past_participle(last) and first not in VERBS_OF_STATES:
        return f"ends with the participle {last}"
    if last in (PREPOSITIONS if len(words) == 1 else PREPOSITIONS - VERB_PREPOSITIONS):
        return f"ends with the preposition {last}"
    return None


def is_past_participle(word: str) -> bool:
    return word in IRREGULAR_PARTICIPLES or (word.endswith("ed") and word not in ED_STEMS)


@pytest.mark.parametrize(
    "name", ["told", "_shown", "serving", "of", "kept_rows", "line_cancelled", "kind_of", "_seconds_until"]
)
def test_a_participle_or_a_preposition_is_no_name(name: str) -> None:
    assert find_fault(name) is not None


@pytest.mark.parametrize(
    "name", ["bind", "to_json", "sign_in", "resume_after", "is_throttled", "find_unlinked", "seed", "write_to"]
)
def test_a_verb_with_what_belongs_to_it_is_a_name(name: str) -> None:
    assert find_fault(name) is None


def test_no_function_is_named_by_a_participle_or_a_preposition() -> None:
    faults = [f"{each} {fault}" for each in iter_functions() if (fault := find_fault(each.name))]
    assert not faults, "\n".join(faults)


def test_a_class_has_its_name_alone() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path, tree in parse_modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{path}:{node.lineno}")
    repeated = [f"{name}: {', '.join(where)}" for name, where in sorted(places.items()) if len(where) > 1]
    assert not repeated, "\n".join(repeated)
