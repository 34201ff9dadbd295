"""Projects a response to the fields that the caller names, or to the default view of its record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.calls.results.field_notes import describe_unknown_path
from mcp_server_tiktok_shop.calls.results.field_paths import (
    ALL_FIELDS,
    MAX_EXPLAINED_PATHS,
    MAX_PATH_NAMES,
    MAX_QUOTED_PATH_CHARS,
    build_fields_error,
    check_field_paths,
    explain_missing_path,
    normalize_field_path,
)
from mcp_server_tiktok_shop.calls.results.zero_values import EMPTY_VALUES, drop_zeros, is_zero_or_empty
from mcp_server_tiktok_shop.errors import Problem
from mcp_server_tiktok_shop.json_paths import format_path, parse_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.json_paths import FieldPath

# What the simulated shop invents says so: that stays, whichever fields are asked for.
PLACEHOLDER_FIELD = "placeholder"


class FieldNode(Struct):
    """What to project of a value: all of it (`whole`), or fields by name; of a list the same of each item.

    `max_chars`, `merged` and `if_any` are those of a default view: see `DefaultView`.
    """

    whole: bool = False
    fields: dict[str, FieldNode] = field(default_factory=dict)
    max_chars: int | None = None
    merged: bool = False
    if_any: bool = False

    is_identity: bool = False
    steps: tuple[tuple[str, FieldNode, bool], ...] = ()

    def finalize(self) -> FieldNode:
        """The same node, which now knows what is asked often: whether it and its fields take values as they are."""
        self.is_identity = self.whole and not self.fields and self.max_chars is None and not self.merged
        steps = [(name, inner.finalize()) for name, inner in self.fields.items()]
        self.steps = tuple((name, inner, inner.is_identity and not inner.if_any) for name, inner in steps)
        return self

    def add(self, names: FieldPath) -> None:
        node = self
        for name in names:
            if node.whole:
                return
            node = node.fields.setdefault(name, FieldNode())
        node.whole = True
        node.fields.clear()

    def find_node(self, names: FieldPath) -> FieldNode | None:
        """The node of a path, made where a parent is whole; None where the path is not projected."""
        node = self
        for name in names:
            if name not in node.fields and not node.whole:
                return None
            node = node.fields.setdefault(name, FieldNode(whole=node.whole))
        return node


class _Projector(Struct):
    """Projects values to a tree of nodes, and records what it does to them."""

    left_out: bool = False
    shortened: bool = False
    merged: bool = False

    def project(self, value: Any, node: FieldNode) -> Any:
        if node.is_identity:
            return value
        kind = type(value)
        if kind is list:
            project_object, project = self._project_object, self.project
            items = [project_object(item, node) if type(item) is dict else project(item, node) for item in value]
            return self._merge(items) if node.merged else items
        if kind is dict:
            return self._project_object(value, node)
        if not node.whole:
            self.left_out = self.left_out or value not in EMPTY_VALUES
            return {}  # a row keeps its place, so that rows can be counted
        if node.max_chars is not None and kind is str and len(value) > node.max_chars:
            self.shortened = True
            return value[: node.max_chars] + "…"
        return value

    def _project_object(self, value: Json, node: FieldNode) -> Json:
        if node.whole:
            return {n: self.project(v, node.fields[n]) if n in node.fields else v for n, v in value.items()}
        projected: Json = {}
        for name, inner, is_kept in node.steps:
            if name not in value:
                continue
            field_value = value[name]
            if is_kept:  # mostly so
                projected[name] = field_value
                continue
            projected_value = self.project(field_value, inner)
            if inner.if_any:
                projected_value = drop_zeros(projected_value)
            if (inner.whole or isinstance(field_value, dict | list)) and not (
                inner.if_any and is_zero_or_empty(projected_value)
            ):
                projected[name] = projected_value
        if value.get(PLACEHOLDER_FIELD) is True:
            projected[PLACEHOLDER_FIELD] = True
        if not self.left_out:
            self.left_out = any(
                n not in projected and n not in node.fields and v not in EMPTY_VALUES for n, v in value.items()
            )
        return projected

    def _merge(self, items: list[Any]) -> list[Any]:
        """Equal items once, with their number as `quantity`; unchanged where one has a quantity of its own."""
        for item in items:
            if type(item) is not dict or "quantity" in item:
                return items
        firsts: dict[Any, Json] = {}
        for item in items:
            key = _make_key(item)
            if (first := firsts.get(key)) is None:
                firsts[key] = item  # which was made here
                item["quantity"] = 1
            else:
                first["quantity"] += 1
        self.merged = self.merged or len(firsts) < len(items)
        return list(firsts.values())


def _make_key(item: Json) -> Any:
    """What is equal of items that JSON would write alike, whatever the order of their fields."""
    try:
        "".join(item.values())
    except TypeError:  # not texts alone, as they mostly are: what is equal in Python may differ in JSON
        return json.dumps(item, sort_keys=True)
    return frozenset(item.items())


class Selection(Struct, frozen=True):
    """Fields that a response has, ready to project its data to, or other data of the same shape.

    `fields` are those paths as they were written, and `paths` as names; `unknown` names the others, each with
    the nearest right one.
    """

    root: FieldNode
    fields: tuple[str, ...] = ()
    paths: tuple[FieldPath, ...] = ()
    unknown: tuple[str, ...] = ()

    def project(self, value: Any) -> Any:
        """The fields, in the caller's order; a row that has none of them stays as {}."""
        return _Projector().project(value, self.root)


class ProjectedView(Struct, frozen=True):
    """The default view of a response's data, and what was done to it."""

    data: Json
    left_out: bool = False  # fields with a value in them
    shortened: bool = False  # texts of which only the start stands there
    merged: bool = False  # equal items stand there once


def parse_field_paths(fields: Sequence[str], problem_argument: str = "fields") -> list[FieldPath]:
    """Parse dotted paths into names; without a response, so that what is no path is refused before anything is sent.

    Raises:
        ShopError: `invalid_arguments`: a path can't be parsed, is too long, or picks an item by its index; or there are
            too many.

    """
    check_field_paths(fields, problem_argument)
    paths: list[FieldPath] = []
    problems = []
    for index, text in enumerate(fields):
        argument, steps = f"{problem_argument}[{index}]", parse_path(text)
        if steps and len(steps) > MAX_PATH_NAMES:
            problems.append(Problem(argument, f"has {len(steps)} names", f"at most {MAX_PATH_NAMES} names"))
        elif not steps:
            message = f"is {text[:MAX_QUOTED_PATH_CHARS]!r}, which is not a path of names with dots"
            problems.append(Problem(argument, message, "such as orders.id"))
        elif any(isinstance(step, int) for step in steps):
            suggestion = format_path(step for step in steps if isinstance(step, str)) or ALL_FIELDS
            message = (
                f"is {text[:MAX_QUOTED_PATH_CHARS]!r}: fields are taken from every item, not from one by its place"
            )
            problems.append(Problem(argument, message, suggestion[:MAX_QUOTED_PATH_CHARS]))
        else:
            paths.append(tuple(str(step) for step in steps))
    if problems:
        raise build_fields_error(problems)
    return paths


def resolve_selection(
    fields: Sequence[str],
    shape: Json,
    data: Any,
    problem_argument: str = "fields",
    *,
    added_fields: Collection[str] = (),
) -> Selection:
    """Resolve dotted paths against a response's `data`; no fields, or `*`, name everything.

    `shape` is the JSON Schema of `data`; where it is empty, the data alone says what there is. `problem_argument` is
    the caller's name for `fields` in an error. `added_fields` are what this server adds to the data later.

    Raises:
        ShopError: `invalid_arguments`: neither shape nor data has any of the fields; the nearest right path stands
            beside each.

    """
    root = FieldNode(whole=all(text in added_fields for text in fields))
    problems: list[Problem] = []
    unknown: list[str] = []
    known: dict[str, FieldPath] = {}
    for index, (text, path) in enumerate(zip(fields, parse_field_paths(fields, problem_argument), strict=True)):
        if text in added_fields:
            known[text] = ()
            continue
        names = normalize_field_path(path, shape, data)
        problem = explain_missing_path(names, shape, data, suggest=len(problems) < MAX_EXPLAINED_PATHS)
        if problem is None:
            known[text] = names
            root.add(names)
            continue
        path_text = format_path(path)[:MAX_QUOTED_PATH_CHARS]
        message = f"is {path_text}, which the answer does not have{problem.message}"
        problems.append(Problem(f"{problem_argument}[{index}]", message, problem.allowed))
        unknown.append(describe_unknown_path(path_text, (problem.allowed or "") if problem.message else ""))
    if problems and not known:
        raise build_fields_error(problems)
    return Selection(root.finalize(), tuple(known), tuple(known.values()), tuple(unknown))


def project_fields(data: Json, fields: Sequence[str], shape: Json, problem_argument: str = "fields") -> Json:
    """The fields of a response's `data` that dotted paths name; see `resolve_selection`, also for its errors."""
    projected: Json = resolve_selection(fields, shape, data, problem_argument).project(data)
    return projected


class DefaultView(Struct, frozen=True):
    """A default view, ready to project by, from the record's `shows`.

    There `fields` are dotted paths; `starts` gives for a text the number of characters to show of it; `merges` names
    lists whose items, where equal in all that is shown, stand there once with their number as `quantity`; `if_any`
    names flags and amounts (or objects of them) that are left out where they are false or zero.
    """

    root: FieldNode

    @classmethod
    def from_spec(cls, view_spec: Json) -> DefaultView:
        """Build the view from a record's `shows`."""
        root = FieldNode()
        for names in _parse_view_paths(view_spec["fields"]):
            root.add(names)
        for path, length in view_spec.get("starts", {}).items():
            if (node := root.find_node(*_parse_view_paths([path]))) is not None:
                node.max_chars = length
        for names in _parse_view_paths(view_spec.get("merges", ())):
            if (node := root.find_node(names)) is not None:
                node.merged = True
        for names in _parse_view_paths(view_spec.get("if_any", ())):
            root.add(names)
            if (node := root.find_node(names)) is not None:
                node.if_any = True
        return cls(root.finalize())

    def project(self, data: Json) -> ProjectedView:
        """Project a response's data. A field that it doesn't have is no error; where nothing would be left, all is."""
        return self.project_part(data, has_hidden=False) or ProjectedView(data)

    def project_part(self, data: Json, *, has_hidden: bool) -> ProjectedView | None:
        """Project data from which hidden fields may have been left out, values in them where it `has_hidden`.

        None where nothing would be left of all that there is.
        """
        projector = _Projector(left_out=has_hidden)
        projected = projector.project(data, self.root)
        if projector.left_out and _has_no_values(projected):
            return None
        return ProjectedView(projected, projector.left_out, projector.shortened, projector.merged)


def project_view(data: Json, view_spec: Json) -> ProjectedView:
    """The default view of a response's data; see `DefaultView` for `view_spec`."""
    return DefaultView.from_spec(view_spec).project(data)


def _parse_view_paths(paths: Iterable[str]) -> list[FieldPath]:
    return [tuple(n for n in names if n != ALL_FIELDS) for names in parse_field_paths(list(paths), "shows")]


def _has_no_values(value: Any) -> bool:
    """Whether there is nothing in a value but braces."""
    if isinstance(value, dict):
        return all(map(_has_no_values, value.values()))
    return isinstance(value, list) and all(map(_has_no_values, value))
