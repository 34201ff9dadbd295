"""Lists the paths in a result where others wrote the text: its `untrusted`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.errors import ShopError

MAX_UNTRUSTED_PATHS, MAX_UNTRUSTED_BYTES = 40, 1_000
MAX_CHAR_BYTES = 6  # as an escape in JSON
FAILURE_MESSAGE_PATH = "failed.message"  # the platform's words about one item, beside the data
STATE_FIELDS = ("warnings", "before", "now")  # of a write's result: how things stood and stand, in the words of others


def find_untrusted_words(error: ShopError) -> list[str]:
    """Where an error has words of others: the platform's, which may repeat them, and the names of shops."""
    paths = list(error.details.get("untrusted", ()))
    paths += ["message"] if error.code is not None else []
    paths += [FAILURE_MESSAGE_PATH] if error.details.get("failed") else []
    return paths + (["shops.name"] if error.details.get("shops") else [])


def make_untrusted_entry(paths: list[str], result: Json) -> Json:
    """The entry `untrusted` of a result: the paths in its data, and the words of others beside that; or nothing."""
    paths = summarize_paths(paths) + ([FAILURE_MESSAGE_PATH] if result.get("failed") else [])
    paths += [name for name in STATE_FIELDS if result.get(name)]
    return {"untrusted": paths} if paths else {}


def summarize_paths(paths: list[str]) -> list[str]:
    """The dotted paths, or where ids used as names make too many of them, few that stand for all: `prices.*`."""
    if (
        len(paths) <= MAX_UNTRUSTED_PATHS
        and sum(MAX_CHAR_BYTES * (len(path) + 1) for path in paths) < MAX_UNTRUSTED_BYTES
    ):
        return paths  # mostly so
    depth = max((path.count(".") for path in paths), default=0)
    summary = paths
    while len(summary) > MAX_UNTRUSTED_PATHS or len(to_json_text(summary)) > MAX_UNTRUSTED_BYTES:
        if depth <= 0:
            return ["*"]
        summary = sorted(
            {".".join([*names[:depth], "*"][: len(names)]) for names in (path.split(".") for path in paths)}
        )
        depth -= 1
    return summary
