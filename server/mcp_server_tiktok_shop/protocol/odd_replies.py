"""Treats unreadable answers to a question as no answer, so that the call is told so instead of being refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp.types import ElicitResult
from pydantic import ValidationError

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult

REPLIES_NAME, STATE_NAME = "inputResponses", "requestState"  # the parameters of a call that carries answers


async def drop_odd_replies(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """The SDK's middleware: it sees a request before the SDK checks its parameters, and refuses the call for them."""
    params = ctx.params
    if ctx.method != "tools/call" or not params or not (REPLIES_NAME in params or STATE_NAME in params):
        return await call_next(ctx)
    replies, state = params.get(REPLIES_NAME), params.get(STATE_NAME)
    readable_replies = {n: r for n, r in replies.items() if _is_readable(r)} if isinstance(replies, dict) else {}
    # A state that none of our questions has stays one: the call answers, if it does not say what.
    odd_state = {} if state is None or isinstance(state, str) else {STATE_NAME: ""}
    return await call_next(replace(ctx, params={**params, REPLIES_NAME: readable_replies, **odd_state}))


def _is_readable(reply: Any) -> bool:
    try:
        ElicitResult.model_validate(reply, by_name=False)
    except ValidationError:
        return False
    return True
