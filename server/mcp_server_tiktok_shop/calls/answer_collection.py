"""Waits for the answers of several shops, and no longer for one that hangs than it is worth."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.several_answers import ReadAnswer
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Sequence

    from mcp_server_tiktok_shop.calls.shared_progress import SharedProgress
    from mcp_server_tiktok_shop.calls.targets import SeveralTargets

    ReadTask = asyncio.Task[ReadAnswer]

PATIENCE_S = 15.0  # with shops that have given nothing yet, since the last other one answered
SILENT_MESSAGE = "It had not answered {:g} s after the others."
SILENT_HINT = "Ask it alone: it is given more time then."


async def collect_answers(
    targets: SeveralTargets,
    readings: Sequence[Coroutine[Any, Any, ReadAnswer]],
    progress: SharedProgress,
    *,
    is_of_one: bool = False,
) -> list[ReadAnswer]:
    """The answers of the shops, in their order; where one alone can have what is named, that one as soon as it answers.

    A shop that hangs, or refuses what it does not know by a code of its own, is then of no matter. Any other is waited
    for to the end as long as nothing can be told without it, and where pages of it have come.
    """
    tasks = [asyncio.create_task(reading) for reading in readings]
    try:
        while pending := {task for task in tasks if not task.done()}:
            is_enough = any(_is_enough(task.result(), targets) for task in tasks if task.done())
            patience_s = PATIENCE_S if is_enough else None
            done, _ = await asyncio.wait(pending, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if is_of_one and (owners := [task.result() for task in done if task.result().has_data]):
                return owners
            if not done:
                await _cancel(
                    [task for place, task in enumerate(tasks) if not (task.done() or progress.has_begun(place))]
                )
    finally:
        await _cancel([task for task in tasks if not task.done()])
    error = ShopError("network", SILENT_MESSAGE.format(PATIENCE_S), hint=SILENT_HINT, retryable=True)
    return [
        ReadAnswer(shop, error=error) if task.cancelled() else task.result()
        for shop, task in zip(targets.shops, tasks, strict=True)
    ]


def _is_enough(answer: ReadAnswer, targets: SeveralTargets) -> bool:
    """Whether something can be told by this answer alone: of ids whose shop is not known, only by one that has them."""
    return answer.has_data if targets.is_search else answer.error is None


async def _cancel(tasks: Collection[ReadTask]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
