"""Says in words what keeps a copy, or one source of it, from being read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.mirror.tables import Source

NOTHING_YET_MESSAGE = "The local copy of this shop is being made, and nothing of it is there yet."


def describe_refusal(source: Source, error: ShopError) -> str:
    """What is in the way, in words of this server alone: it is stored, and told in many places."""
    return error.message if error.code is None else f"TikTok refused {source.operation} with code {error.code}."


def make_nothing_error(problems: Iterable[str]) -> ShopError:
    """Why nothing can be answered from; `problems` are those of the sources that are asked for, empty where none is."""
    problem = next(filter(None, problems), "")
    if problem:
        return ShopError("platform", f"This shop can't be read: {problem}", hint="check_connection tells more.")
    hint = "Ask again in a moment: reading goes on meanwhile."
    return ShopError("network", NOTHING_YET_MESSAGE, hint=hint, retryable=True)
