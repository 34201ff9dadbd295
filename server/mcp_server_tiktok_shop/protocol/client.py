"""The client as a caller: tells it how far a call is, and asks its person, in both eras of the protocol."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from mcp import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult

from mcp_server_tiktok_shop.calls.caller import PATIENCE, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams

    from mcp_server_tiktok_shop.calls.caller import Decision

# Accepting it is the answer: one yes or no, and nothing to fill in.
YES_OR_NO: dict[str, Any] = {"type": "object", "properties": {}}
KEY = "confirm"
DECISIONS: dict[str, Decision] = {"accept": "accepted", "decline": "declined", "cancel": "cancelled"}


class Client:
    """One call of a client. `asks` is "now" where the server can send requests, "again" where it answers with them."""

    def __init__(
        self, context: ServerRequestContext[Any, Any], params: CallToolRequestParams, hide: Callable[[str], str]
    ) -> None:
        self._context = context
        self._hide = hide
        self._params = params

    @property
    def asks(self) -> Literal["", "now", "again"]:
        capabilities = self._context.session.client_capabilities
        elicitation = capabilities.elicitation if capabilities is not None else None
        if elicitation is None or (elicitation.form is None and elicitation.url is not None):
            return ""
        return "now" if self._context.session.can_send_request else "again"

    @property
    def reply(self) -> Reply | None:
        if self._params.request_state is None:
            return None
        result = (self._params.input_responses or {}).get(KEY)
        return Reply(self._params.request_state, _decision(result) if isinstance(result, ElicitResult) else "cancelled")

    async def ask(self, question: str) -> Decision:
        session = self._context.session
        try:
            async with asyncio.timeout(PATIENCE):
                result = await session.elicit_form(
                    self._hide(question), YES_OR_NO, related_request_id=self._context.request_id
                )
        except TimeoutError:
            return "unanswered"
        except MCPError:  # it said that it can ask, and can't
            return "cancelled"
        return _decision(result)

    async def progress(self, done: float, total: float | None, message: str) -> None:
        await self._context.session.report_progress(done, total, message)


def question(text: str, state: str) -> InputRequiredResult:
    """The answer of a call that has to be confirmed, where the protocol knows no requests by the server."""
    params = ElicitRequestFormParams(message=text, requested_schema=YES_OR_NO)
    return InputRequiredResult(input_requests={KEY: ElicitRequest(params=params)}, request_state=state)


def _decision(result: ElicitResult) -> Decision:
    """What the person decided; whoever accepts a form with a no in it has said no."""
    if result.action == "accept" and any(value is False for value in (result.content or {}).values()):
        return "declined"
    return DECISIONS[result.action]
