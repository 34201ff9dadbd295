"""Processes large answers off the event loop, so that other calls and pings are not held up."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_INLINE_BYTES = 256 * 1024  # of an answer that is worked on where it came: to parse and mask it takes some 100 ms

# One for all: the interpreter lets one of them work at a time anyway, and each more would hold memory of its own.
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="large-answers")

P = ParamSpec("P")
T = TypeVar("T")


async def run_by_size(size_bytes: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function returns that works on an answer of so many bytes: in a thread where they are many."""
    if size_bytes <= MAX_INLINE_BYTES:
        return function(*args, **kwargs)
    call = partial(copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_THREAD, call)
