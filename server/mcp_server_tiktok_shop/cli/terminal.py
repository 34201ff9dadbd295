"""A person at a terminal as the caller of an operation, who can be asked before a write."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_server_tiktok_shop.calls.caller import Decision, ElicitationReply, Picture
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.cli.output import Output

CONFIRM_SUFFIX = "\nDo it?"


class TerminalCaller:
    """Asks on standard error, so that standard output holds the result alone. `assume_yes` answers for the person."""

    user = ""
    min_reading_s = 0.0
    sees_pictures = False
    elicitation_timeout_s: float | None = None
    reply: ElicitationReply | None = None

    def __init__(self, output: Output, *, assume_yes: bool) -> None:
        self._output = output
        self._assume_yes = assume_yes

    def ensure_granted(self, _operation: Operation) -> None:
        return

    @property
    def elicitation_support(self) -> Literal["", "now", "again"]:
        return "now" if self._assume_yes or sys.stdin.isatty() else ""

    async def elicit(self, question: str) -> Decision:
        if self._assume_yes:
            return "accepted"
        is_accepted = await asyncio.to_thread(self._output.ask, question.removesuffix(CONFIRM_SUFFIX) + CONFIRM_SUFFIX)
        return "accepted" if is_accepted else "declined"

    async def report_progress(self, done: float, total: float | None, message: str) -> None:
        total_text = f" of {total:g}" if total else ""
        self._output.print_line(f"{message} ({done:g}{total_text})", err=True)

    def add_picture(self, picture: Picture) -> None:
        """A terminal shows none."""

    def add_meta(self, name: str, data: Json) -> None:
        """What is printed is the result alone."""

    async def run_after_delivery(self, action: Callable[[], Awaitable[None]]) -> None:
        await action()
