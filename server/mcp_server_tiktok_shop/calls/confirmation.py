"""Confirms writes before they are sent: by a person through the client, or by a token for a preview."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.calls.caller import ElicitationRequired
from mcp_server_tiktok_shop.calls.confirmation_rule import CONFIRM_TOOL
from mcp_server_tiktok_shop.calls.current_state import compare_states
from mcp_server_tiktok_shop.calls.elicitation_answers import Answer, OpenQuestion
from mcp_server_tiktok_shop.calls.pending_writes import CONFIRM_TTL_S, CONFIRM_TTL_TEXT, PendingWrite, PendingWrites
from mcp_server_tiktok_shop.calls.preview_results import show_preview
from mcp_server_tiktok_shop.calls.write_requests import (
    CONFIRMATION_REQUIRED,
    ConfirmationRequired,
)
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.caller import Caller, Decision
    from mcp_server_tiktok_shop.calls.confirmation_rule import ConfirmationRule, ConfirmPolicy
    from mcp_server_tiktok_shop.calls.pending_writes import StoredCall
    from mcp_server_tiktok_shop.calls.preview import Preview
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.write_requests import WriteRequest
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.metrics import Metrics

REFUSALS: dict[Decision, str] = {
    "declined": "The person said no",
    "cancelled": "The person closed the question without an answer",
}
# Tokens are given out by these: to a model that shows the preview where nobody can be asked, or where the client
# answered in the place of who should have been.
NOBODY_ASKED, CLIENT_ANSWERED = "model", "client"
PERSON_ASKED, QUESTION_OPEN = "person", "question"
STALE_REASON = "what was shown has changed since: see `changed`"
CHANGE_POLICY_HINT = "Whoever runs the server decides with --confirm what is asked about"


class ConfirmationGate(Struct, frozen=True):
    """Stands before every write; nothing is sent past it that should have been asked about.

    `rule` says what has to be confirmed. `pending` holds one record for each question or token: single-use, bound to
    its caller, shop, operation and exact arguments. `open_questions` are those that a client still has on its screen,
    by the token that picks up their answer. `clock` gives Unix seconds.
    """

    rule: ConfirmationRule
    pending: PendingWrites
    result_builder: ResultBuilder
    clock: Callable[[], float]
    metrics: Metrics
    open_questions: dict[str, OpenQuestion] = field(default_factory=dict)

    @property
    def policy(self) -> ConfirmPolicy:
        return self.rule.policy

    @property
    def has_confirm_tool(self) -> bool:
        return self.rule.has_confirm_tool

    def requires_confirmation(self, operation: Operation) -> bool:
        """Whether the operation is sent only after a yes."""
        return self.rule.requires_confirmation(operation)

    async def ensure_confirmed(self, request: WriteRequest) -> str:
        """Go on only where the write is confirmed, if it has to be.

        Returns what the result has to say about that: who agreed, where it was no person; mostly nothing.

        Raises:
            ElicitationRequired: The question to put to the person, where the client takes it as the answer of this
                call.
            ConfirmationRequired: Nobody agreed yet; with the token of a question that is still open, or with a preview
                and, where the policy takes it, a token for that.
            ShopError: `declined`.

        """
        preview = await request.load_preview()
        return await self.ask(request) if self.must_ask(preview) else ""

    def must_ask(self, preview: Preview) -> bool:
        """Whether a write is sent only after a yes: by its operation, or since there is something to warn of."""
        return self.requires_confirmation(preview.operation) or (bool(preview.warnings) and self.policy != "none")

    async def load_call(self, token: str, caller: Caller) -> StoredCall:
        """The call that a token stands for; it is used up only when that is made.

        Raises:
            ShopError: `declined`, where there is none, or it is not for this server.

        """
        pending_write = await self.pending.get(token)
        call = pending_write.call
        if not pending_write.fingerprint or pending_write.user != caller.user:
            raise _make_token_error("is used up, too old, or was never given out")
        if call is None:
            message = "That token needs its arguments. Nothing was sent."
            raise ShopError("declined", message, hint="Call the tool that gave it again, with them and `confirm`.")
        if call.buyer_data != self.result_builder.buyer_data:
            raise _make_token_error("comes from a server that shows buyers' data in another way")
        return call

    async def ask(self, request: WriteRequest) -> str:
        """Go on only after a yes, whatever the policy asks about. Returns and raises what `ensure_confirmed` does."""
        outcome = "failed"
        try:
            note = await self._ensure_agreed(request)
            outcome = "agreed"
        except (ElicitationRequired, ConfirmationRequired):
            outcome = "asked"
            raise
        except ShopError as error:
            outcome = error.kind
            raise
        finally:
            self.metrics.record_confirmation(outcome)
        return note

    async def _ensure_agreed(self, request: WriteRequest) -> str:
        caller = request.caller
        if caller.elicitation_support:
            return await self._ensure_elicited(request)
        if not self.can_ask(caller):
            raise await self._build_confirmation_request(
                request, "a person has to agree here, and this client can't ask one"
            )
        if request.token is None:
            raise await self._build_confirmation_request(request, "", NOBODY_ASKED)
        if not await self._take_token(request, NOBODY_ASKED):
            reason = (
                "the token in `confirm` is used up, too old, or for another caller, shop, operation or other arguments"
            )
            raise await self._build_confirmation_request(request, reason, NOBODY_ASKED)
        return ""

    def can_ask(self, caller: Caller) -> bool:
        """Whether anybody can be asked: a person by the client, or the model where this server lets it answer."""
        return self.policy != "person" or bool(caller.elicitation_support)

    async def _ensure_elicited(self, request: WriteRequest) -> str:
        """Go on only where the person agreed, or where their client did and that is enough."""
        caller = request.caller
        question = self._take_open_question(request)
        if question is None and caller.reply is None and await self._take_token(request, CLIENT_ANSWERED):
            return ""
        if request.has_token_alone and question is None and caller.reply is None:
            raise _make_token_error("is used up, or no yes to its question can be found")
        if caller.elicitation_support == "now":
            question = question or await self._ask(request)
            answer, shown_state = await self._wait_for_answer(request, question), question.shown_state
        else:
            answer, shown_state = await self._get_reply(request)
        if not answer.is_by_client(caller):
            if answer.decision == "accepted":
                if caller.elicitation_support == "now" and shown_state:  # reading a question takes its time
                    await request.load_preview(is_anew=True)
                await self._ensure_unchanged(request, shown_state)
                return ""
            message = f"{REFUSALS[answer.decision]}: {request.operation.name} was not sent."
            raise ShopError("declined", message, hint="Do not try again unless they ask for it.")
        if answer.decision == "accepted" and self.policy != "person" and not request.needs_reader:
            return (
                f"The client {answer.describe()}: no person can have read it. --confirm person would not accept that."
            )
        reason = f"the client {answer.describe()}, so no person has agreed"
        raise await self._build_confirmation_request(
            request, reason, "" if self.policy == "person" else CLIENT_ANSWERED
        )

    async def _ask(self, request: WriteRequest) -> OpenQuestion:
        """Put a question that stays open when the call is over."""
        timeout_s = request.caller.elicitation_timeout_s
        lines: list[str] = []
        if timeout_s is not None:
            lines = [
                f"Answer within {timeout_s:.0f} seconds. A later yes holds for {CONFIRM_TTL_TEXT}: tell the assistant."
            ]
        text, shown_state = (await request.get_preview()).to_question(*lines), await request.get_shown_state()
        asked_at = self.clock()

        async def get_answer() -> Answer:
            try:
                async with asyncio.timeout(None if timeout_s is None else CONFIRM_TTL_S):
                    decision = await request.caller.elicit(text)
            except TimeoutError:
                decision = "cancelled"
            return Answer(decision, self.clock() - asked_at)

        expires_at = asked_at + CONFIRM_TTL_S
        return OpenQuestion(request.fingerprint, asyncio.create_task(get_answer()), expires_at, shown_state)

    async def _wait_for_answer(self, request: WriteRequest, question: OpenQuestion) -> Answer:
        timeout_s = request.caller.elicitation_timeout_s
        try:
            done_tasks, _ = await asyncio.wait({question.answer}, timeout=timeout_s)
        except asyncio.CancelledError:  # nobody is left to be given the token
            question.answer.cancel()
            raise
        if done_tasks:
            return question.answer.result()
        token = secrets.token_urlsafe(12)
        self.open_questions[token] = question
        await self._store(token, request, QUESTION_OPEN)
        note = (
            f"Nothing was sent yet: no answer to the question came within {timeout_s:.0f} s. Ask the person to answer "
            f"it, then {self._describe_way_on(request)}: a yes that came late holds for {CONFIRM_TTL_TEXT}. Where they "
            f"see no question, call {request.operation.name} without `confirm` to ask anew. {CHANGE_POLICY_HINT}."
        )
        raise ConfirmationRequired({"note": note, "status": CONFIRMATION_REQUIRED, "confirm": token})

    def _take_open_question(self, request: WriteRequest) -> OpenQuestion | None:
        """The question of the caller's token, if it is for this write; others that are over or for it are dropped."""
        result = None
        for token, question in list(self.open_questions.items()):
            is_open, is_for_this = question.expires_at > self.clock(), question.fingerprint == request.fingerprint
            if is_open and is_for_this and token == request.token:
                result = self.open_questions.pop(token)
            elif is_for_this or not is_open:
                self.open_questions.pop(token).answer.cancel()
        return result

    async def _get_reply(self, request: WriteRequest) -> tuple[Answer, list[Json]]:
        """The answer that this call carries to the question of an earlier one, and how things were shown in that.

        Without one, the call is answered with the question.
        """
        reply = request.caller.reply
        if reply is None:
            state = secrets.token_urlsafe(24)
            text = (await request.get_preview()).to_question(f"This stands for {CONFIRM_TTL_TEXT}.")
            await self._store(state, request, PERSON_ASKED)
            raise ElicitationRequired(text, state)
        pending_write = await self.pending.take(reply.state)
        if not pending_write.matches(request.fingerprint, PERSON_ASKED, request.caller.user):
            message = (
                f"That answers no open question: it came more than {CONFIRM_TTL_TEXT} late, was used before or belongs "
                f"to another call. {request.operation.name} was not sent."
            )
            raise ShopError("declined", message, hint="Call it again, and the person is asked again.")
        return Answer(reply.decision, self.clock() - pending_write.asked_at), pending_write.shown_state

    async def _ensure_unchanged(self, request: WriteRequest, shown_state: list[Json]) -> None:
        if shown_state and (changed := compare_states(shown_state, await request.get_shown_state())):
            message = f"{request.operation.name} was not sent: {STALE_REASON}."
            hint = "Call it again, and the person is asked again."
            raise ShopError("declined", message, hint=hint, changed=changed, untrusted=["changed"])

    async def _take_token(self, request: WriteRequest, channel: str) -> bool:
        """Whether the caller's token was given out this way and for this write; it is used up with that.

        Raises:
            ConfirmationRequired: It is, but what was shown has changed since.
            ShopError: `declined`: it is not, and the call is made by it alone.

        """
        if request.token is None or self.policy == "person":
            return False
        pending_write = await self.pending.take(request.token)
        if not pending_write.matches(request.fingerprint, channel, request.caller.user):
            if request.has_token_alone:
                raise _make_token_error("is used up, or what it stood for is another write by now")
            return False
        if pending_write.shown_state:
            changed = compare_states(pending_write.shown_state, await request.get_shown_state())
            if changed:
                raise await self._build_confirmation_request(request, STALE_REASON, channel, changed)
        return True

    async def _store(self, token: str, request: WriteRequest, channel: str) -> None:
        """Store that the write waits, with what is shown of it."""
        shown_state, user = await request.get_shown_state(), request.caller.user
        pending_write = PendingWrite(request.fingerprint, channel, self.clock(), shown_state, request.call, user)
        await self.pending.put(token, pending_write)

    def _describe_way_on(self, request: WriteRequest) -> str:
        """What a model calls with a token, once there is a yes."""
        if self.has_confirm_tool and request.call is not None and request.call.is_storable:
            return f"call {CONFIRM_TOOL} {{token: `confirm`}}"
        return f"call {request.operation.name} again with the same arguments and this `confirm`"

    async def _build_confirmation_request(
        self, request: WriteRequest, reason: str, channel: str = "", changed: list[Json] | None = None
    ) -> ConfirmationRequired:
        """The result that asks for a yes, with a preview; and with a token where `channel` may give one out.

        `changed` is what differs from what an earlier preview showed.
        """
        if channel:
            advice = (
                f"show the person `preview`; on their yes {self._describe_way_on(request)} within {CONFIRM_TTL_TEXT}."
            )
        else:
            advice = (
                f"{CHANGE_POLICY_HINT}: `person` takes a person's own yes alone, with `asks` or `all` a token of the "
                "preview (`confirm`) stands for it."
            )
        note = (
            f"Nothing was sent yet: {reason}. {advice[0].upper()}{advice[1:]}"
            if reason
            else f"Nothing was sent yet: {advice}"
        )
        if channel == CLIENT_ANSWERED:
            note += f" {CHANGE_POLICY_HINT}."
        preview = await request.get_preview()
        result = await show_preview(self.result_builder, preview, note, is_whole=bool(channel))
        rest = result.pop("note").replace(note, "", 1).strip()
        data: Json = {"untrusted": paths} if (paths := result.pop("untrusted", None)) else {}
        data |= result.pop("data")
        head: Json = {"note": f"{note} {rest}".strip(), "status": CONFIRMATION_REQUIRED}
        if channel:
            head["confirm"] = token = secrets.token_urlsafe(12)
            await self._store(token, request, channel)
        head |= {"untrusted": ["changed"], "changed": changed} if changed else {}
        return ConfirmationRequired(head | {"preview": data} | result)


def _make_token_error(reason: str) -> ShopError:
    message = f"That token {reason}. Nothing was sent."
    return ShopError(
        "declined", message, hint="Call the write itself again: it shows what it would do, and asks again."
    )
