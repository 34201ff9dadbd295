"""Judges whether an answer has a field: by the shape that the catalog knows, and by the answer itself."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.results.json_paths import format_path
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_QUOTED_PATH_CHARS = 80  # characters of a wrong path that are told back
MAX_LISTED_FIELDS = 12  # fields listed where none is near
MAX_SAMPLED_ITEMS = 50  # items of a list whose fields may be what was meant
MIN_SIMILARITY = 0.7
MAX_SUGGESTIONS = 3
MAX_COMPARED_PATHS = 20_000  # paths that are compared; rows repeat them
SCALAR_TYPES = {"string", "integer", "number", "boolean"}
CORRECT_PATHS_HINT = 'Correct the paths and call again; ["*"] gives everything.'


def build_fields_error(problems: Sequence[Problem]) -> ShopError:
    """All wrong paths of a call, in one error."""
    summary = "; ".join(f"{problem.argument} {problem.message}" for problem in problems[:3])
    return ShopError("invalid_arguments", summary, hint=CORRECT_PATHS_HINT, problems=tuple(problems))


def has_path(shape: Json, names: Sequence[str]) -> bool:
    """Whether the shape has this path."""
    for name in names:
        shape = _unwrap_items(shape).get("properties", {}).get(name)
        if shape is None:
            return False
    return True


def explain_missing_path(names: Sequence[str], shape: Json, data: Any) -> Problem | None:
    """What is wrong with a path that neither shape nor answer has: what was meant, or what there is.

    Where nothing is known of a place (no shape, and nothing in the answer there) a path is right.
    """
    if has_path(shape, names):
        return None
    current_shape: Json | None = shape
    values = [data]
    for name in names:
        properties = _unwrap_items(current_shape).get("properties", {}) if current_shape is not None else {}
        rows = [row for value in values for row in _iter_rows(value)]
        objects = [row for row in rows if isinstance(row, dict)]
        values = [row[name] for row in objects if name in row]
        if name in properties or values:
            current_shape = properties.get(name)
            continue
        field_names = list(
            dict.fromkeys([*properties, *(known for row in objects[:MAX_SAMPLED_ITEMS] for known in row)])
        )
        is_scalar = any(row is not None and not isinstance(row, dict) for row in rows)
        is_scalar = is_scalar or (
            current_shape is not None and _unwrap_items(current_shape).get("type") in SCALAR_TYPES
        )
        return _build_problem(names, shape, data, field_names) if field_names or is_scalar else None
    return None


def _unwrap_items(shape: Json) -> Json:
    """The shape of what is in a list, however deep."""
    while "items" in shape:
        shape = shape["items"]
    return shape


def _iter_rows(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _iter_rows(item)
    else:
        yield value


def _build_problem(names: Sequence[str], shape: Json, data: Any, field_names: list[str]) -> Problem:
    known_paths = dict.fromkeys(
        islice(chain(_iter_shape_paths(shape, ()), _iter_response_paths(data, ())), MAX_COMPARED_PATHS)
    )
    if nearest := _find_nearest(names, list(known_paths)):
        suggestion = " or ".join(nearest)
        return Problem("", f"; did you mean {suggestion}?", suggestion)
    ellipsis = ", …" if len(field_names) > MAX_LISTED_FIELDS else ""
    return Problem(
        "",
        "",
        ", ".join(field_names[:MAX_LISTED_FIELDS]) + ellipsis if field_names else "no fields: it is a plain value",
    )


def _find_nearest(names: Sequence[str], known_paths: list[tuple[str, ...]]) -> list[str]:
    """The paths that were most probably meant, best first; none where nothing is like what was asked for.

    What stands on the same branch comes first; there a field of the same name, then one whose name holds all words of
    the asked one (there may be several), then one written alike.
    """
    prefixes = {tuple(names[:depth]) for depth in range(len(names))}  # right as far as it goes, and not what was meant
    paths = [path for path in known_paths if path not in prefixes]
    last_name, branch = names[-1].lower(), tuple(names[:-1])
    similar_names = set(get_close_matches(last_name, {path[-1].lower() for path in paths}, n=1, cutoff=MIN_SIMILARITY))
    ranked: dict[tuple[int, int], list[tuple[str, ...]]] = {}
    for path in paths:
        similarity = _classify_similarity(last_name, path, similar_names)
        if similarity is not None:
            ranked.setdefault((-_count_shared_names(branch, path), similarity), []).append(path)
    if not ranked:
        return []
    rank = min(ranked)
    best = sorted(ranked[rank], key=lambda path: (not path[-1].startswith(last_name), len(path)))
    return [format_path(path) for path in best[: MAX_SUGGESTIONS if rank[1] == CONTAINS_WORDS else 1]]


SAME_NAME, CONTAINS_WORDS, SIMILAR_SPELLING = range(3)


def _classify_similarity(requested: str, path: tuple[str, ...], similar_names: set[str]) -> int | None:
    """In which way a path may be what was asked for, the surest way first; None where it may not."""
    name = path[-1].lower()
    if name == requested or _is_item_id(requested, path):
        return SAME_NAME
    if _split_words(requested) <= _split_words(name):
        return CONTAINS_WORDS
    return SIMILAR_SPELLING if name in similar_names else None


def _split_words(name: str) -> set[str]:
    return set(name.split("_"))


def _is_item_id(requested: str, path: tuple[str, ...]) -> bool:
    """Whether `order_id` was asked for where the platform says `orders.id`."""
    return len(path) > 1 and path[-1] == "id" and requested in {f"{path[-2]}_id", f"{path[-2].removesuffix('s')}_id"}


def _count_shared_names(branch: tuple[str, ...], path: tuple[str, ...]) -> int:
    """How far two paths go together."""
    return next(
        (depth for depth, (a, b) in enumerate(zip(branch, path, strict=False)) if a != b), min(len(branch), len(path))
    )


def _iter_shape_paths(shape: Json, prefix: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, inner in _unwrap_items(shape).get("properties", {}).items():
        yield (*prefix, name)
        yield from _iter_shape_paths(inner, (*prefix, name))


def _iter_response_paths(value: Any, prefix: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, list):
        for item in value[:MAX_SAMPLED_ITEMS]:
            yield from _iter_response_paths(item, prefix)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield (*prefix, name)
            yield from _iter_response_paths(inner, (*prefix, name))
