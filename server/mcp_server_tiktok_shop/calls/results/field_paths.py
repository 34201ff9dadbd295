"""Judges whether an answer has a field: by the shape that the catalog knows, and by the answer itself."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.json_paths import write_path
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

LONGEST = 80  # characters of a wrong path that are told back
NAMED = 12  # fields listed where none is near
LOOKED_AT = 50  # items of a list whose fields may be what was meant
ALIKE = 0.7
SUGGESTED = 3
MOST = 20_000  # paths that are compared; rows repeat them
SCALARS = {"string", "integer", "number", "boolean"}
HINT = 'Correct the paths and call again; ["*"] gives everything.'


def refused(problems: Sequence[Problem]) -> ShopError:
    """All wrong paths of a call, in one error."""
    summary = "; ".join(f"{problem.argument} {problem.message}" for problem in problems[:3])
    return ShopError("invalid_arguments", summary, hint=HINT, problems=tuple(problems))


def has(shape: Json, names: Sequence[str]) -> bool:
    """Whether the shape has this path."""
    for name in names:
        shape = _item(shape).get("properties", {}).get(name)
        if shape is None:
            return False
    return True


def missing(names: Sequence[str], shape: Json, data: Any) -> Problem | None:
    """What is wrong with a path that neither shape nor answer has: what was meant, or what there is.

    Where nothing is known of a place (no shape, and nothing in the answer there) a path is right.
    """
    if has(shape, names):
        return None
    at: Json | None = shape
    values = [data]
    for name in names:
        properties = _item(at).get("properties", {}) if at is not None else {}
        rows = [row for value in values for row in _rows(value)]
        objects = [row for row in rows if isinstance(row, dict)]
        values = [row[name] for row in objects if name in row]
        if name in properties or values:
            at = properties.get(name)
            continue
        there = list(dict.fromkeys([*properties, *(known for row in objects[:LOOKED_AT] for known in row)]))
        plain = any(row is not None and not isinstance(row, dict) for row in rows)
        plain = plain or (at is not None and _item(at).get("type") in SCALARS)
        return _problem(names, shape, data, there) if there or plain else None
    return None


def _item(shape: Json) -> Json:
    """The shape of what is in a list, however deep."""
    while "items" in shape:
        shape = shape["items"]
    return shape


def _rows(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _rows(item)
    else:
        yield value


def _problem(names: Sequence[str], shape: Json, data: Any, there: list[str]) -> Problem:
    known = dict.fromkeys(islice(chain(_in_shape(shape, ()), _in_answer(data, ())), MOST))
    if near := _nearest(names, list(known)):
        told = " or ".join(near)
        return Problem("", f"; did you mean {told}?", told)
    more = ", …" if len(there) > NAMED else ""
    return Problem("", "", ", ".join(there[:NAMED]) + more if there else "no fields: it is a plain value")


def _nearest(names: Sequence[str], known: list[tuple[str, ...]]) -> list[str]:
    """The paths that were most probably meant, best first; none where nothing is like what was asked for.

    What stands on the same branch comes first; there a field of the same name, then one whose name holds all words of
    the asked one (there may be several), then one written alike.
    """
    above = {tuple(names[:depth]) for depth in range(len(names))}  # right as far as it goes, and not what was meant
    paths = [path for path in known if path not in above]
    last, branch = names[-1].lower(), tuple(names[:-1])
    alike = set(get_close_matches(last, {path[-1].lower() for path in paths}, n=1, cutoff=ALIKE))
    ranked: dict[tuple[int, int], list[tuple[str, ...]]] = {}
    for path in paths:
        kind = _likeness(last, path, alike)
        if kind is not None:
            ranked.setdefault((-_shared(branch, path), kind), []).append(path)
    if not ranked:
        return []
    rank = min(ranked)
    best = sorted(ranked[rank], key=lambda path: (not path[-1].startswith(last), len(path)))
    return [write_path(path) for path in best[: SUGGESTED if rank[1] == WORDED else 1]]


SAME, WORDED, WRITTEN = range(3)


def _likeness(asked: str, path: tuple[str, ...], alike: set[str]) -> int | None:
    """In which way a path may be what was asked for, the surest way first; None where it may not."""
    name = path[-1].lower()
    if name == asked or _names_item(asked, path):
        return SAME
    if _words(asked) <= _words(name):
        return WORDED
    return WRITTEN if name in alike else None


def _words(name: str) -> set[str]:
    return set(name.split("_"))


def _names_item(asked: str, path: tuple[str, ...]) -> bool:
    """Whether `order_id` was asked for where the platform says `orders.id`."""
    return len(path) > 1 and path[-1] == "id" and asked in {f"{path[-2]}_id", f"{path[-2].removesuffix('s')}_id"}


def _shared(branch: tuple[str, ...], path: tuple[str, ...]) -> int:
    """How far two paths go together."""
    return next(
        (depth for depth, (a, b) in enumerate(zip(branch, path, strict=False)) if a != b), min(len(branch), len(path))
    )


def _in_shape(shape: Json, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, inner in _item(shape).get("properties", {}).items():
        yield (*above, name)
        yield from _in_shape(inner, (*above, name))


def _in_answer(value: Any, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, list):
        for item in value[:LOOKED_AT]:
            yield from _in_answer(item, above)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield (*above, name)
            yield from _in_answer(inner, (*above, name))
