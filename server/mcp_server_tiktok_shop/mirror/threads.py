"""Runs work in a thread to its end, even when its caller is cancelled, so that no write is cut off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")


async def run_to_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function returns, called in a thread that is waited for even by who is cancelled."""
    return await wait_to_end(asyncio.to_thread(function, *args, **kwargs))


async def wait_to_end(work: Coroutine[Any, Any, T]) -> T:
    """What the work comes to, which goes on to its end even where who waits for it is cancelled."""
    call = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait([call])
        raise
