"""Keeps the event loop free of work on large answers: other calls, and the client's pings, are not to wait for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_INLINE_BYTES = 256 * 1024  # of an answer that is worked on where it came: to parse and mask it takes some 100 ms

P = ParamSpec("P")
T = TypeVar("T")


async def run_by_size(size_bytes: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function returns that works on an answer of so many bytes: in a thread where they are many."""
    if size_bytes <= MAX_INLINE_BYTES:
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)
