"""Who called, as far as a tool may know: somebody who can be told how far it is, and perhaps be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Decision = Literal["accepted", "declined", "cancelled", "unanswered"]
ELICITATION_TIMEOUT_S = 50.0  # seconds that a question may stand: clients give up on a call after a minute


@dataclass(frozen=True, slots=True)
class ElicitationReply:
    """What came back to a question that was put by answering the call with it; `state` tells which question."""

    state: str
    decision: Decision


class ElicitationRequired(Exception):  # noqa: N818 - no fault: the way out of a call that is answered with a question
    """The question to answer this call with; the client calls again with the reply."""

    def __init__(self, question: str, state: str) -> None:
        super().__init__("a person is asked")
        self.question = question
        self.state = state


class Caller(Protocol):
    """The other end of one call. Nothing about it outlives the call."""

    @property
    def elicitation_support(self) -> Literal["", "now", "again"]:
        """Whether a person can be asked: not at all, while the call waits, or by answering it with a question."""
        ...

    @property
    def reply(self) -> ElicitationReply | None:
        """The reply that this call carries, to a question that an earlier one was answered with."""
        ...

    async def elicit(self, question: str) -> Decision:
        """What the person answers to a yes-or-no question, within PATIENCE; only where `asks` is "now"."""
        ...

    async def report_progress(self, done: float, total: float | None, message: str) -> None:
        """Tell how far a long call is."""
        ...


class NonInteractiveCaller:
    """A caller that can't be asked and isn't told: a command line, or a call made for another one."""

    elicitation_support: Literal["", "now", "again"] = ""
    reply: ElicitationReply | None = None

    async def elicit(self, _question: str) -> Decision:
        return "unanswered"

    async def report_progress(self, _done: float, _total: float | None, _message: str) -> None:
        return


NON_INTERACTIVE_CALLER: Caller = NonInteractiveCaller()
