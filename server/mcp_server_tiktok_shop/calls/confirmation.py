"""Lets no write through that somebody should have been asked about first."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mcp_server_tiktok_shop.calls.caller import PATIENCE, Asked
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller, Decision
    from mcp_server_tiktok_shop.calls.preview import Preview
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.state.expiring_records import Records

Mode = Literal["asks", "all", "none", "person"]
LIFE = 600.0  # seconds that a token of `confirmation_required` is good for
Previewed = Callable[[], Awaitable["Preview"]]
REFUSED: dict[Decision, str] = {
    "declined": "The person said no",
    "cancelled": "The person closed the question without an answer",
    "unanswered": f"No answer to this question came within {PATIENCE:.0f} s",
}


@dataclass(frozen=True, slots=True)
class Confirming:
    """The gate before a write.

    `mode`: `asks` what the catalog says a careful seller wants to be asked about, `all` writes, `none`, or every
    write by a `person`: one who answers through the client, never the model in their place.
    `pending` holds one record for each question or token: single-use, bound to shop, operation and exact arguments.
    `fit` makes a preview a result that a model can take in.
    """

    mode: Mode
    pending: Records
    fit: Callable[[Json], Awaitable[Json]]

    def asks(self, operation: Operation) -> bool:
        if not operation.sends or self.mode == "none":
            return False
        return self.mode != "asks" or operation.effect == "destructive" or bool(operation.record["asks"])

    async def check(
        self, operation: Operation, mark: str, preview: Previewed, token: str | None, caller: Caller
    ) -> None:
        """Go on only where the write of this mark is confirmed, if it has to be.

        Raises:
            Asked: The question to put to the person, where the client takes it as the answer of this call.
            ShopError: `confirmation_required` with a preview and a token, or `declined`.

        """
        if not self.asks(operation):
            return
        if caller.asks:
            decision = await self._decision(mark, preview, caller)
            if decision != "accepted":
                told = f"{REFUSED[decision]}: {operation.name} was not sent."
                raise ShopError("declined", told, hint="Leave it, unless they ask for it again.")
            return
        if self.mode == "person":
            told = (
                f"{operation.name} is done here only when a person agrees through the client, and this one can't ask."
            )
            hint = "Nothing was sent. Only the person who runs the server can change that (--confirm)."
            raise ShopError("confirmation_required", told, hint=hint)
        wrong = ""
        if token is not None:
            record = await self.pending.take(token)
            if record is not None and record["way"] == "model" and record["mark"] == mark:
                return
            wrong = "The token in `confirm` is used up, too old, or for another shop, operation or other arguments. "
        raise await self._required(operation, mark, preview, wrong)

    async def _decision(self, mark: str, preview: Previewed, caller: Caller) -> Decision:
        if caller.asks == "now":
            return await caller.ask((await preview()).question())
        if caller.reply is None:
            state = secrets.token_urlsafe(24)
            question = (await preview()).question()
            await self.pending.put(state, {"mark": mark, "way": "person"}, PATIENCE)
            raise Asked(question, state)
        record = await self.pending.take(caller.reply.state)
        if record is None or record["way"] != "person" or record["mark"] != mark:
            return "unanswered"
        return caller.reply.decision

    async def _required(self, operation: Operation, mark: str, preview: Previewed, wrong: str) -> ShopError:
        token = secrets.token_urlsafe(12)
        shown = await self.fit((await preview()).told())
        told_of = shown.pop("data") | ({"untrusted": others} if (others := shown.pop("untrusted", None)) else {})
        await self.pending.put(token, {"mark": mark, "way": "model"}, LIFE)
        told = f"{wrong}{operation.name} was not sent: show the person what is in `preview` and ask them first."
        hint = (
            "Only if they agree: call it again with the same arguments and this `confirm`. It holds once, for "
            f"{LIFE / 60:.0f} minutes."
        )
        return ShopError("confirmation_required", told, hint=hint, confirm=token, preview=told_of, **shown)
