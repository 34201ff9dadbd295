"""Confirms writes before they are sent: by a person through the client, or by a token for a preview."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mcp_server_tiktok_shop.calls.caller import ELICITATION_TIMEOUT_S, ElicitationRequired
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller, Decision
    from mcp_server_tiktok_shop.calls.preview import Preview
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.state.stores import ExpiringRecords, Record

ConfirmPolicy = Literal["asks", "all", "none", "person"]
CONFIRM_TOKEN_TTL_S = 600.0  # how long a token of `confirmation_required` is good for
PreviewFactory = Callable[[], Awaitable["Preview"]]
REASON_BY_DECISION: dict[Decision, str] = {
    "declined": "The person said no",
    "cancelled": "The person closed the question without an answer",
    "unanswered": f"No answer to this question came within {ELICITATION_TIMEOUT_S:.0f} s",
}


@dataclass(frozen=True, slots=True)
class ConfirmationGate:
    """Stands before every write; nothing is sent past it that should have been asked about.

    `policy` says what has to be confirmed: `asks` is what the catalog marks so, and whatever destroys; `all` is every
    write, `none` is none, and `person` is every write, by a person who answers through the client and never by the
    model in their place. `pending` holds one record for each question or token: single-use, bound to shop, operation
    and exact arguments.
    """

    policy: ConfirmPolicy
    pending: ExpiringRecords
    result_builder: ResultBuilder

    def requires_confirmation(self, operation: Operation) -> bool:
        """Whether the operation is sent only after a yes."""
        if not operation.is_platform_write or self.policy == "none":
            return False
        return self.policy != "asks" or operation.effect == "destructive" or bool(operation.record["asks"])

    def accepts_token(self, operation: Operation) -> bool:
        """Whether a call of it may need a token in `confirm`: one that runs a write by name may, as may the write."""
        if self.policy in ("none", "person"):
            return False
        return operation.delegates_to == "write" or self.requires_confirmation(operation)

    async def ensure_confirmed(
        self, operation: Operation, fingerprint: str, make_preview: PreviewFactory, token: str | None, caller: Caller
    ) -> None:
        """Go on only where the write of this fingerprint is confirmed, if it has to be.

        Raises:
            ElicitationRequired: The question to put to the person, where the client takes it as the answer of this
                call.
            ShopError: `confirmation_required` with a preview and a token, or `declined`.

        """
        if self.requires_confirmation(operation):
            await self.ask(operation, fingerprint, make_preview, token, caller)

    async def ask(
        self, operation: Operation, fingerprint: str, make_preview: PreviewFactory, token: str | None, caller: Caller
    ) -> None:
        """Go on only after a yes, whatever the policy asks about. Raises as `ensure_confirmed`."""
        if caller.elicitation_support:
            decision = await self._get_decision(fingerprint, make_preview, caller)
            if decision != "accepted":
                message = f"{REASON_BY_DECISION[decision]}: {operation.name} was not sent."
                raise ShopError("declined", message, hint="Leave it, unless they ask for it again.")
            return
        self.ensure_askable(operation, caller)
        rejection = ""
        if token is not None:
            record = await self.pending.take(token)
            if record is not None and _make_record(fingerprint, "model").items() <= record.items():
                return
            rejection = (
                "The token in `confirm` is used up, too old, or for another shop, operation or other arguments. "
            )
        raise await self._confirmation_error(operation, fingerprint, make_preview, rejection)

    def ensure_askable(self, operation: Operation, caller: Caller) -> None:
        """Go on only where somebody can be asked: by the client, or through the model if this server lets it answer.

        Raises:
            ShopError: `confirmation_required`.

        """
        if self.policy == "person" and not caller.elicitation_support:
            message = (
                f"{operation.name} is done here only when a person agrees through the client, and this one can't ask."
            )
            hint = "Nothing was sent. Only the person who runs the server can change that (--confirm)."
            raise ShopError("confirmation_required", message, hint=hint)

    async def _get_decision(self, fingerprint: str, make_preview: PreviewFactory, caller: Caller) -> Decision:
        if caller.elicitation_support == "now":
            return await caller.elicit((await make_preview()).to_question())
        if caller.reply is None:
            state = secrets.token_urlsafe(24)
            question = (await make_preview()).to_question()
            await self.pending.put(state, _make_record(fingerprint, "person"), ELICITATION_TIMEOUT_S)
            raise ElicitationRequired(question, state)
        record = await self.pending.take(caller.reply.state)
        if record is None or not _make_record(fingerprint, "person").items() <= record.items():
            return "unanswered"
        return caller.reply.decision

    async def _confirmation_error(
        self, operation: Operation, fingerprint: str, make_preview: PreviewFactory, rejection: str
    ) -> ShopError:
        token = secrets.token_urlsafe(12)
        result = await self.result_builder.to_local_result((await make_preview()).to_json())
        preview_data = result.pop("data") | (
            {"untrusted": untrusted_paths} if (untrusted_paths := result.pop("untrusted", None)) else {}
        )
        await self.pending.put(token, _make_record(fingerprint, "model"), CONFIRM_TOKEN_TTL_S)
        message = f"{rejection}{operation.name} was not sent: show the person what is in `preview` and ask them first."
        hint = (
            "Only if they agree: call it again with the same arguments and this `confirm`. It holds once, for "
            f"{CONFIRM_TOKEN_TTL_S / 60:.0f} minutes."
        )
        return ShopError("confirmation_required", message, hint=hint, confirm=token, preview=preview_data, **result)


def _make_record(fingerprint: str, channel: Literal["model", "person"]) -> Record:
    """What is stored of a write that waits for a yes. The names are those in homes of every version: they stay."""
    return {"mark": fingerprint, "way": channel}
