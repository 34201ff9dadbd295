"""The caller of a tool: told of progress, and asked questions (elicitation)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

# "unfilled" is a form that was accepted without the choice in it, "failed" a question that the client could not put,
# or answered with what is no answer.
Decision = Literal["accepted", "declined", "cancelled", "unfilled", "failed"]
ELICITATION_TIMEOUT_S = 50.0  # seconds that a call waits for an answer: clients give up on a call after a minute
MIN_READING_S = 0.3  # seconds in which no person can have read a question and answered it


PNG_MEDIA_TYPE = "image/png"


class Picture(Struct, frozen=True):
    """A picture beside the text of an answer; one `for_person_alone` is not for the model to look at."""

    content: bytes
    media_type: str = PNG_MEDIA_TYPE
    for_person_alone: bool = False


class ElicitationReply(Struct, frozen=True):
    """The decision on a question that an earlier call was answered with; `state` names the question."""

    state: str
    decision: Decision


class ElicitationRequired(Exception):  # noqa: N818 - no fault: the way out of a call that is answered with a question
    """Ends a call by answering it with a question; the client calls again with the reply and `state`.

    It is no `ShopError`: those are caught and reported on the way, and this must reach the protocol.
    """

    def __init__(self, question: str, state: str) -> None:
        super().__init__("a person is asked")
        self.question = question
        self.state = state


class Caller(Protocol):
    """The other end of one call; nothing about it outlives the call."""

    user: str
    """Who signed in to make it, as the identity provider names them; empty where all callers are one."""

    min_reading_s: float
    """Seconds before which an answer can't be a person's; 0 where whatever answers, answers for one."""

    def ensure_granted(self, operation: Operation) -> None:
        """Go on only where this caller's sign-in lets it do the operation.

        Raises:
            ShopError: `not_permitted`.

        """
        ...

    sees_pictures: bool
    """Whether a picture beside the text of the answer is seen by anybody."""

    @property
    def elicitation_support(self) -> Literal["", "now", "again"]:
        """Whether a person can be asked: not at all, while the call waits, or by answering it with a question."""
        ...

    @property
    def elicitation_timeout_s(self) -> float | None:
        """Seconds that a call can wait for the answer; None is as long as it takes. Only where support is "now"."""
        ...

    @property
    def reply(self) -> ElicitationReply | None:
        """The reply that this call carries, where an earlier one was answered with a question."""
        ...

    async def elicit(self, question: str) -> Decision:
        """The decision on a yes-or-no question, however late it comes; only where support is "now"."""
        ...

    async def report_progress(self, done: float, total: float | None, message: str) -> None:
        """Report how far a long call is: `done` of `total` (None: unknown), and a few words for a person."""
        ...

    def add_picture(self, picture: Picture) -> None:
        """Put a picture behind the text of the answer, where the caller sees any; one of an error is not given."""
        ...

    def add_meta(self, name: str, data: Json) -> None:
        """Put data beside the answer for programs that know its name: no model reads it."""
        ...

    async def run_after_delivery(self, action: Callable[[], Awaitable[None]]) -> None:
        """Run the action when the caller has the result, as far as that can be known; never where they surely don't."""
        ...


class NonInteractiveCaller:
    """A caller that can't be asked and hears of no progress: a command, or a call made on behalf of another."""

    user = ""
    min_reading_s = 0.0
    sees_pictures = False
    elicitation_support: Literal["", "now", "again"] = ""
    elicitation_timeout_s: float | None = None
    reply: ElicitationReply | None = None

    def ensure_granted(self, _operation: Operation) -> None:
        return

    async def elicit(self, _question: str) -> Decision:
        return "failed"

    async def report_progress(self, _done: float, _total: float | None, _message: str) -> None:
        return

    def add_picture(self, picture: Picture) -> None:
        """Nobody sees it."""

    def add_meta(self, name: str, data: Json) -> None:
        """No program reads it."""

    async def run_after_delivery(self, action: Callable[[], Awaitable[None]]) -> None:
        await action()


NON_INTERACTIVE_CALLER: Caller = NonInteractiveCaller()
