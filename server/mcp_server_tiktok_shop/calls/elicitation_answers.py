"""The answers to questions asked of the person, and questions that are still open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import asyncio

    from mcp_server_tiktok_shop.calls.caller import Caller, Decision
    from mcp_server_tiktok_shop.catalog.operation import Json

CLIENT_DEEDS: dict[Decision, str] = {
    "accepted": "agreed by itself",
    "declined": "refused by itself",
    "cancelled": "closed the question by itself",
    "unfilled": "accepted the form without the choice in it",
    "failed": "could not put the question, or gave no answer that can be read",
}


class Answer(Struct, frozen=True):
    """A decision, and the seconds between the question and it."""

    decision: Decision
    delay_s: float

    def is_by_client(self, caller: Caller) -> bool:
        """Whether the client answered in a person's place: what it can't have put to one, or too soon to be read."""
        return self.decision in ("unfilled", "failed") or self.delay_s < caller.min_reading_s

    def describe(self) -> str:
        """What a client did by itself, as the rest of a sentence."""
        return f"{CLIENT_DEEDS[self.decision]}, {max(self.delay_s, 0) * 1000:.0f} ms after it was asked"


class OpenQuestion(Struct, frozen=True):
    """A question that outlived the call that waited for its answer; `expires_at` is in Unix seconds."""

    fingerprint: str
    answer: asyncio.Task[Answer]
    expires_at: float
    shown_state: list[Json]
