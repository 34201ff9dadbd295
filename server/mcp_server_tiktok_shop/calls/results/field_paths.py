"""Checks whether a response has a field, by the catalog and by its data, and suggests the right path."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.json_paths import format_path, has_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.json_paths import FieldPath

ALL_FIELDS = "*"
MAX_FIELD_PATHS, MAX_PATH_CHARS, MAX_PATH_NAMES = 200, 500, 20  # of one call; of one path
MAX_EXPLAINED_PATHS = 10  # wrong paths that are looked for among all that there are: that takes its time
MAX_QUOTED_PATH_CHARS = 80  # of a wrong path in a message
MAX_LISTED_FIELDS = 12  # where no path is near
MAX_LISTED_PROBLEMS = 3  # in the message; all of them stand in `problems`
MAX_SAMPLED_ITEMS = 50  # items of a list whose fields may be what was meant
MIN_SIMILARITY = 0.7
MAX_SUGGESTIONS = 3
MAX_COMPARED_PATHS = 20_000  # rows repeat them
SCALAR_TYPES = {"string", "integer", "number", "boolean"}
CORRECT_PATHS_HINT = 'Correct the paths and call again; ["*"] gives everything.'


def build_fields_error(problems: Sequence[Problem]) -> ShopError:
    """Make one `invalid_arguments` error of all wrong paths of a call."""
    summary = "; ".join(f"{problem.argument} {problem.message}" for problem in problems[:MAX_LISTED_PROBLEMS])
    return ShopError("invalid_arguments", summary, hint=CORRECT_PATHS_HINT, problems=tuple(problems))


def check_field_paths(fields: Sequence[str], problem_argument: str = "fields") -> None:
    """Refuse paths too many or too long to be gone through, before they are parsed.

    Raises:
        ShopError: `invalid_arguments`.

    """
    if len(fields) > MAX_FIELD_PATHS:
        allowed = f"at most {MAX_FIELD_PATHS} paths"
        raise build_fields_error([Problem(problem_argument, f"holds {len(fields)} paths", allowed)])
    problems = [
        Problem(f"{problem_argument}[{index}]", f"has {len(text)} characters", f"at most {MAX_PATH_CHARS} characters")
        for index, text in enumerate(fields)
        if len(text) > MAX_PATH_CHARS
    ]
    if problems:
        raise build_fields_error(problems)


def normalize_field_path(names: FieldPath, shape: Json, data: Any) -> FieldPath:
    """The names without what only means "all of it", and without `data` where that is the response's data itself."""
    known_names = {*shape.get("properties", ()), *(data if isinstance(data, dict) else ())}
    if names[0] == "data" and "data" not in known_names:
        names = names[1:]
    return tuple(name for name in names if name != ALL_FIELDS)


def has_path(shape: Json, names: Sequence[str]) -> bool:
    """Whether a shape (the JSON Schema of an operation's `data`) has this path."""
    for name in names:
        shape = _unwrap_items(shape).get("properties", {}).get(name)
        if shape is None:
            return False
    return True


def explain_missing_path(names: Sequence[str], shape: Json, data: Any, *, suggest: bool = True) -> Problem | None:
    """Explain a path that neither the shape nor the data of a response has; None where it is right.

    The problem's `argument` is empty, its `message` the end of a sentence ("; did you mean …?"), and its `allowed` the
    path that was meant, or the fields that there are. Where nothing is known of a place (no shape, and nothing in the
    data there) a path is right. Without `suggest` what was meant is not looked for.
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
        if not field_names and not is_scalar:
            return None
        return _build_problem(names, shape, data, field_names) if suggest else Problem("", "")
    return None


def _unwrap_items(shape: Json) -> Json:
    """The shape of the items of a list, however deep."""
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


def _find_nearest(names: Sequence[str], known_paths: list[FieldPath]) -> list[str]:
    """Find the paths that were most probably meant, best first; none where none is similar.

    What stands on the same branch comes first; there a field of the same name, then one whose name has all words of
    the requested one (there may be several), then one of similar spelling.
    """
    prefixes = {tuple(names[:depth]) for depth in range(len(names))}  # right as far as it goes, and not what was meant
    paths = [path for path in known_paths if path not in prefixes]
    last_name, branch = names[-1].lower(), tuple(names[:-1])
    similar_names = set(get_close_matches(last_name, {path[-1].lower() for path in paths}, n=1, cutoff=MIN_SIMILARITY))
    paths_by_rank: dict[tuple[int, int], list[FieldPath]] = {}
    for path in paths:
        similarity = _classify_similarity(last_name, path, similar_names)
        if similarity is not None:
            paths_by_rank.setdefault((-_count_shared_names(branch, path), similarity), []).append(path)
    if not paths_by_rank:
        return []
    rank = min(paths_by_rank)
    best = sorted(paths_by_rank[rank], key=lambda path: (not path[-1].startswith(last_name), len(path)))
    return [format_path(path) for path in best[: MAX_SUGGESTIONS if rank[1] == CONTAINS_WORDS else 1]]


SAME_NAME, CONTAINS_WORDS, SIMILAR_SPELLING = range(3)


def _classify_similarity(requested: str, path: FieldPath, similar_names: set[str]) -> int | None:
    """In which way a path may be what was requested, the surest way first; None where it may not."""
    name = path[-1].lower()
    if name == requested or _is_item_id(requested, path):
        return SAME_NAME
    if _split_words(requested) <= _split_words(name):
        return CONTAINS_WORDS
    return SIMILAR_SPELLING if name in similar_names else None


def _split_words(name: str) -> set[str]:
    return set(name.split("_"))


def _is_item_id(requested: str, path: FieldPath) -> bool:
    """Whether `order_id` was requested where the platform has `orders.id`."""
    return len(path) > 1 and path[-1] == "id" and requested in {f"{path[-2]}_id", f"{path[-2].removesuffix('s')}_id"}


def _count_shared_names(branch: FieldPath, path: FieldPath) -> int:
    """How many names two paths have in common from the top."""
    return next(
        (depth for depth, (a, b) in enumerate(zip(branch, path, strict=False)) if a != b), min(len(branch), len(path))
    )


def _iter_shape_paths(shape: Json, prefix: FieldPath) -> Iterator[FieldPath]:
    for name, inner in _unwrap_items(shape).get("properties", {}).items():
        yield (*prefix, name)
        yield from _iter_shape_paths(inner, (*prefix, name))


def _iter_response_paths(value: Any, prefix: FieldPath) -> Iterator[FieldPath]:
    if isinstance(value, list):
        for item in value[:MAX_SAMPLED_ITEMS]:
            yield from _iter_response_paths(item, prefix)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield (*prefix, name)
            yield from _iter_response_paths(inner, (*prefix, name))


def map_quantity_paths(operation: Operation) -> dict[str, str]:
    """The paths of `quantity`, which this server adds, each with the path of the list whose equal items it counts."""
    return {f"{path}.quantity": path for path in operation.record.get("shows", {}).get("merges", ())}


def select_present_paths(paths: list[str], data: Json) -> list[str]:
    """Those of the paths that have a value."""
    return [path for path in paths if has_value(data, path.split("."))]
