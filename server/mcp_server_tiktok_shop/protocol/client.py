"""Represents an MCP client as a caller: progress and elicitation, in both eras of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mcp import MCPError
from mcp.types import ElicitResult, InputRequiredResult
from pydantic import ValidationError

from mcp_server_tiktok_shop.calls.caller import ELICITATION_TIMEOUT_S, MIN_READING_S, ElicitationReply
from mcp_server_tiktok_shop.protocol.edge import CHOICE_FIELD, send_progress, send_question, to_elicit_request
from mcp_server_tiktok_shop.protocol.grants import find_grant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams

    from mcp_server_tiktok_shop.calls.caller import Decision, Picture
    from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard, SafeText
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

DECISION_BY_CHOICE: dict[str, Decision] = {"true": "accepted", "false": "declined"}
CONFIRM_INPUT_KEY = "confirm"
DECISION_BY_ACTION: dict[str, Decision] = {"decline": "declined", "cancel": "cancelled"}


class McpCaller:
    """One call of a client, and its person where the client says that it can ask one.

    `elicitation_support` is "now" where the server can send requests (to 2025-11-25), "again" where it answers a call
    with them (from 2026-07-28).
    """

    min_reading_s = MIN_READING_S
    sees_pictures = True

    def __init__(
        self,
        context: ServerRequestContext[Any, Any],
        params: CallToolRequestParams,
        guard: OutgoingGuard,
    ) -> None:
        self._context = context
        self._guard = guard
        self._params = params
        self.delivery_actions: list[Callable[[], Awaitable[None]]] = []
        self.pictures: list[Picture] = []
        self.meta: Json = {}
        self._progress = self._part_start = self._part_done = 0.0
        self.user = find_grant(context).user

    def ensure_granted(self, operation: Operation) -> None:
        find_grant(self._context).ensure(operation)

    @property
    def elicitation_support(self) -> Literal["", "now", "again"]:
        capabilities = self._context.session.client_capabilities
        elicitation = capabilities.elicitation if capabilities is not None else None
        if elicitation is None or (elicitation.form is None and elicitation.url is not None):
            return ""
        return "now" if self._context.session.can_send_request else "again"

    @property
    def reply(self) -> ElicitationReply | None:
        if self._params.request_state is None:
            return None
        result = (self._params.input_responses or {}).get(CONFIRM_INPUT_KEY)
        return ElicitationReply(
            self._params.request_state, _parse_decision(result) if isinstance(result, ElicitResult) else "failed"
        )

    @property
    def elicitation_timeout_s(self) -> float | None:
        return ELICITATION_TIMEOUT_S

    async def elicit(self, question: str) -> Decision:
        try:
            result = await send_question(self._context, self._guard.guard_text(question))
        except (MCPError, ValidationError):  # it does not do it, or answers with what is no answer
            return "failed"
        return _parse_decision(result)

    async def report_progress(self, done: float, total: float | None, message: str) -> None:
        """As `Caller`. Each part of a call counts on from the one before: the protocol wants numbers that only rise."""
        if done < self._part_done:
            self._part_start = self._progress
        self._part_done, self._progress = done, self._part_start + done
        total = total if total is None else self._part_start + total
        await send_progress(self._context, self._progress, total, self._guard.guard_text(message))

    def add_picture(self, picture: Picture) -> None:
        self.pictures.append(picture)

    def add_meta(self, name: str, data: Json) -> None:
        self.meta[name] = data

    async def run_after_delivery(self, action: Callable[[], Awaitable[None]]) -> None:
        self.delivery_actions.append(action)


def to_input_required_result(question: SafeText, state: str) -> InputRequiredResult:
    """The answer of a call that has to be confirmed, where the protocol has no requests by the server."""
    return InputRequiredResult(input_requests={CONFIRM_INPUT_KEY: to_elicit_request(question)}, request_state=state)


def _parse_decision(result: ElicitResult) -> Decision:
    """The decision in an answer: of a form that is accepted, the choice in it."""
    if result.action != "accept":
        return DECISION_BY_ACTION[result.action]
    return DECISION_BY_CHOICE.get(str((result.content or {}).get(CHOICE_FIELD)).casefold(), "unfilled")
