"""Confirms writes before they are sent: by a person through the client, or by a token for a preview."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from mcp_server_tiktok_shop.calls.caller import ElicitationRequired
from mcp_server_tiktok_shop.calls.elicitation_answers import Answer, OpenQuestion
from mcp_server_tiktok_shop.calls.question_limits import ensure_askable, make_split_error
from mcp_server_tiktok_shop.calls.results.truncation import to_json_text
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller, Decision
    from mcp_server_tiktok_shop.calls.preview import Preview
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.state.stores import ExpiringRecords, Record

ConfirmPolicy = Literal["asks", "all", "none", "person"]
CONFIRM_TTL_S = 600.0  # seconds that a token of `confirmation_required` is good for, and a question stands
CONFIRM_TTL_TEXT = f"{CONFIRM_TTL_S / 60:.0f} minutes"
CONFIRMATION_REQUIRED = "confirmation_required"
MIN_PREVIEW_BYTES = 16_000  # that a preview may have, however small results are to be
PREVIEW_OVERHEAD_BYTES = 2_000  # for what stands beside it
PreviewFactory = Callable[[], Awaitable["Preview"]]
REFUSALS: dict[Decision, str] = {
    "declined": "The person said no",
    "cancelled": "The person closed the question without an answer",
}
# Tokens are given out by these: to a model that shows the preview where nobody can be asked, or where the client
# answered in the place of who should have been.
NOBODY_ASKED, CLIENT_ANSWERED = "model", "client"
CHANGE_POLICY_HINT = "Whoever runs the server sets with --confirm what has to be asked"


class ConfirmationRequired(Exception):  # noqa: N818 - no fault: the way out of a call that waits for a yes
    """Ends a call with the result that says that nothing was sent yet, and how to go on."""

    def __init__(self, result: Json) -> None:
        super().__init__(CONFIRMATION_REQUIRED)
        self.result = result


@dataclass(slots=True)
class WriteRequest:
    """One write that has to be confirmed; `token` is what the caller gave as `confirm`.

    With `needs_reader` a client's own yes is not enough, whatever the policy: somebody must have been shown what is
    asked, a person by the client or by whoever was given the preview.
    """

    operation: Operation
    fingerprint: str
    make_preview: PreviewFactory
    token: str | None
    caller: Caller
    needs_reader: bool = False
    _preview: Preview | None = None

    async def get_preview(self) -> Preview:
        """The preview, made when it is first needed: it reads how things stand at the shop.

        Raises:
            ShopError: No question holds all of the write; as `ensure_askable`.

        """
        if self._preview is None:
            preview = await self.make_preview()
            ensure_askable(preview)
            self._preview = preview
        return self._preview


@dataclass(frozen=True, slots=True)
class ConfirmationGate:
    """Stands before every write; nothing is sent past it that should have been asked about.

    `policy` says what has to be confirmed: `asks` is what the catalog marks so, and whatever destroys; `all` is every
    write, `none` is none, and `person` is every write, by a person who answers through the client and never by the
    client or the model in their place. `pending` holds one record for each question or token: single-use, bound to
    shop, operation and exact arguments. `open_questions` are those that a client still has on its screen, by the token
    that picks up their answer. `clock` gives Unix seconds.
    """

    policy: ConfirmPolicy
    pending: ExpiringRecords
    result_builder: ResultBuilder
    clock: Callable[[], float]
    open_questions: dict[str, OpenQuestion] = field(default_factory=dict)

    def requires_confirmation(self, operation: Operation) -> bool:
        """Whether the operation is sent only after a yes."""
        if not operation.is_platform_write or self.policy == "none":
            return False
        return self.policy != "asks" or operation.effect == "destructive" or bool(operation.record["asks"])

    def accepts_token(self, operation: Operation) -> bool:
        """Whether a call of it may need a token in `confirm`: one that runs a write by name may, as may the write."""
        if self.policy == "none":
            return False
        return operation.delegates_to == "write" or self.requires_confirmation(operation)

    async def ensure_confirmed(
        self, operation: Operation, fingerprint: str, make_preview: PreviewFactory, token: str | None, caller: Caller
    ) -> str:
        """Go on only where the write of this fingerprint is confirmed, if it has to be.

        Returns what the result has to say about that: who agreed, where it was no person; mostly nothing.

        Raises:
            ElicitationRequired: The question to put to the person, where the client takes it as the answer of this
                call.
            ConfirmationRequired: Nobody agreed yet; with the token of a question that is still open, or with a preview
                and, where the policy takes it, a token for that.
            ShopError: `declined`.

        """
        if not self.requires_confirmation(operation):
            return ""
        return await self.ask(WriteRequest(operation, fingerprint, make_preview, token, caller))

    async def ask(self, request: WriteRequest) -> str:
        """Go on only after a yes, whatever the policy asks about. Returns and raises what `ensure_confirmed` does."""
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
            reason = "the token in `confirm` is used up, too old, or for another shop, operation or other arguments"
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
        if caller.elicitation_support == "now":
            answer = await self._wait_for_answer(request, question or await self._ask(request))
        else:
            answer = await self._get_reply(request)
        if not answer.is_by_client(caller):
            if answer.decision == "accepted":
                return ""
            message = f"{REFUSALS[answer.decision]}: {request.operation.name} was not sent."
            raise ShopError("declined", message, hint="Leave it, unless they ask for it again.")
        if answer.decision == "accepted" and self.policy != "person" and not request.needs_reader:
            return f"The client {answer.describe()}: no person can have read it. --confirm person would not take that."
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
        text = (await request.get_preview()).to_question(*lines)
        asked_at = self.clock()

        async def get_answer() -> Answer:
            try:
                async with asyncio.timeout(None if timeout_s is None else CONFIRM_TTL_S):
                    decision = await request.caller.elicit(text)
            except TimeoutError:
                decision = "cancelled"
            return Answer(decision, self.clock() - asked_at)

        return OpenQuestion(request.fingerprint, asyncio.create_task(get_answer()), asked_at + CONFIRM_TTL_S)

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
        name = request.operation.name
        note = (
            f"Nothing was sent yet: no answer to the question came within {timeout_s:.0f} s. Ask the person to answer "
            f"it, then call {name} again with the same arguments and this `confirm`: a yes that came late holds for "
            f"{CONFIRM_TTL_TEXT}. Where they see no question, call it without `confirm` to ask anew. "
            f"{CHANGE_POLICY_HINT}."
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

    async def _get_reply(self, request: WriteRequest) -> Answer:
        """The answer that this call carries to the question of an earlier one; without it, the call is answered so."""
        reply = request.caller.reply
        if reply is None:
            state = secrets.token_urlsafe(24)
            text = (await request.get_preview()).to_question(f"This stands for {CONFIRM_TTL_TEXT}.")
            record = _make_record(request.fingerprint, "person") | {"asked_at": self.clock()}
            await self.pending.put(state, record, CONFIRM_TTL_S)
            raise ElicitationRequired(text, state)
        earlier_record = await self.pending.take(reply.state) or {}
        if not _matches(earlier_record, request.fingerprint, "person"):
            message = (
                f"That answers no open question: it came more than {CONFIRM_TTL_TEXT} late, was used before or belongs "
                f"to another call. {request.operation.name} was not sent."
            )
            raise ShopError("declined", message, hint="Call it again, and the person is asked anew.")
        return Answer(reply.decision, self.clock() - earlier_record.get("asked_at", 0.0))

    async def _take_token(self, request: WriteRequest, channel: str) -> bool:
        """Whether the caller's token was given out this way and for this write; it is used up with that."""
        if request.token is None or self.policy == "person":
            return False
        record = await self.pending.take(request.token)
        return record is not None and _matches(record, request.fingerprint, channel)

    async def _build_confirmation_request(
        self, request: WriteRequest, reason: str, channel: str = ""
    ) -> ConfirmationRequired:
        """The result that asks for a yes, with a preview; and with a token where `channel` may give one out."""
        name = request.operation.name
        if channel:
            advice = (
                "show the person what is in `preview` and ask them. Only if they agree, call "
                f"{name} again with the same arguments and this `confirm`: it holds once, for {CONFIRM_TTL_TEXT}."
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
        result = await self._show_preview(preview, note, is_whole=bool(channel))
        rest = result.pop("note").removesuffix(note).strip()
        data: Json = {"untrusted": paths} if (paths := result.pop("untrusted", None)) else {}
        data |= result.pop("data")
        head: Json = {"note": f"{note} {rest}".strip(), "status": CONFIRMATION_REQUIRED}
        if channel:
            head["confirm"] = token = secrets.token_urlsafe(12)
            await self.pending.put(token, _make_record(request.fingerprint, channel), CONFIRM_TTL_S)
        return ConfirmationRequired(head | {"preview": data} | result)

    async def _show_preview(self, preview: Preview, note: str, *, is_whole: bool) -> Json:
        """The preview as a result; where `is_whole`, a token is to be given out, and nothing may be left out of it.

        Raises:
            ShopError: `batch_limit`.

        """
        data = preview.to_json()
        max_bytes = max(self.result_builder.max_bytes, MIN_PREVIEW_BYTES)
        result = await replace(self.result_builder, max_bytes=max_bytes).to_local_result(dict(data), note)
        data.pop("untrusted", None)
        if is_whole and result["data"] != data:
            excess_bytes = len(to_json_text(data).encode()) - len(to_json_text(preview.values).encode())
            room_bytes = max_bytes - PREVIEW_OVERHEAD_BYTES - excess_bytes
            raise make_split_error(preview, lambda smaller: len(to_json_text(smaller.values).encode()) <= room_bytes)
        return result


def _make_record(fingerprint: str, channel: str) -> Record:
    """What is stored of a write that waits for a yes. The names are those in homes of every version: they stay."""
    return {"mark": fingerprint, "way": channel}


def _matches(record: Record, fingerprint: str, channel: str) -> bool:
    return _make_record(fingerprint, channel).items() <= record.items()
