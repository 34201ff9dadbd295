"""Refuses a write too large to be shown in a question, and proposes how to split it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.preview import MAX_QUESTION_CHARS
from mcp_server_tiktok_shop.calls.question_values import expand_json_texts, iter_leaves
from mcp_server_tiktok_shop.calls.value_texts import MAX_WHOLE_CHARS
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mcp_server_tiktok_shop.calls.preview import Preview
    from mcp_server_tiktok_shop.catalog.operation import Json

MESSAGE_FIELDS = ("content", "message", "body", "comment", "text", "note")  # that somebody will read
Path = tuple[str, ...]


def ensure_askable(preview: Preview) -> None:
    """Go on only where a question holds all of a write.

    Raises:
        ShopError: `invalid_arguments`, where a message is too long to be shown whole; `batch_limit`.

    """
    problems = tuple(
        Problem(leaf.path.replace("[]", ""), f"has {len(leaf.value):,} characters", f"at most {MAX_WHOLE_CHARS:,}")
        for leaf in iter_leaves(expand_json_texts(preview.values))
        if leaf.path.rpartition(".")[2] in MESSAGE_FIELDS
        and isinstance(leaf.value, str)
        and len(leaf.value) > MAX_WHOLE_CHARS
    )
    if problems:
        message = f"{problems[0].argument} {problems[0].message}: whoever is asked about it could not see it whole."
        hint = f"Nothing was sent. Shorten it to {MAX_WHOLE_CHARS:,} characters, or send it in parts."
        raise ShopError("invalid_arguments", message, hint=hint, problems=problems)
    if len(preview.to_question()) > MAX_QUESTION_CHARS:
        raise make_split_error(preview, lambda smaller: len(smaller.to_question()) <= MAX_QUESTION_CHARS)


def make_split_error(preview: Preview, fits: Callable[[Preview], bool]) -> ShopError:
    """The error for a write of which not all can be shown, with the largest parts that can; `fits` judges of one."""
    message = f"{preview.operation.name} holds more than can be shown to whoever is asked about it."
    path, items = max(_iter_lists(preview.values, ()), key=lambda pair: len(pair[1]), default=((), []))
    low, high = 0, max(len(items) - 1, 0)
    while low < high:
        middle = (low + high + 1) // 2
        part = replace(preview, values=_replace_value(preview.values, path, items[:middle]))
        low, high = (middle, high) if fits(part) else (low, middle - 1)
    if low == 0:
        hint = "Nothing was sent. Send less in one call, or shorten its texts."
        return ShopError("batch_limit", message, hint=hint)
    name, call_count = ".".join(path), -(-len(items) // low)
    part_size = -(-len(items) // call_count)
    hint = (
        f"Nothing was sent. Split the {len(items):,} entries of {name} into {call_count} calls of {part_size} or less."
    )
    problem = Problem(name, f"holds {len(items):,} entries", f"at most {low} at once, since a yes is asked for")
    return ShopError("batch_limit", message, hint=hint, problems=(problem,))


def _iter_lists(values: Json, path: Path) -> Iterator[tuple[Path, list[Any]]]:
    """The lists that are not within others, each with its path."""
    for name, value in values.items():
        if isinstance(value, list):
            yield (*path, name), value
        elif isinstance(value, dict):
            yield from _iter_lists(value, (*path, name))


def _replace_value(values: Json, path: Path, value: Any) -> Json:
    name, *rest = path
    return values | {name: _replace_value(values[name], tuple(rest), value) if rest else value}
