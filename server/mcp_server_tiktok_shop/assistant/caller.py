"""Who called, as far as a tool may know: somebody who can be told how far it is, and perhaps be asked."""

from __future__ import annotations

from typing import Literal, Protocol

Decision = Literal["accepted", "declined", "cancelled", "unanswered"]


class Caller(Protocol):
    """The other end of one call. Nothing about it outlives the call."""

    @property
    def can_ask(self) -> bool:
        """Whether a person can be asked through the client."""
        ...

    async def ask(self, question: str) -> Decision:
        """What the person answers to a yes-or-no question."""
        ...

    async def progress(self, done: float, total: float | None, message: str) -> None:
        """Tell how far a long call is."""
        ...


class Nobody:
    """A caller that can't be asked and isn't told: a command line, or a call made for another one."""

    can_ask = False

    async def ask(self, _question: str) -> Decision:
        return "unanswered"

    async def progress(self, _done: float, _total: float | None, _message: str) -> None:
        return


NOBODY: Caller = Nobody()
