"""Calls a tool for a client and turns every outcome into a result: no exception reaches the wire."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from mcp.types import CallToolResult
from msgspec import Struct

from mcp_server_tiktok_shop.calls.caller import ElicitationRequired
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.logs import to_one_line
from mcp_server_tiktok_shop.protocol.client import McpCaller, to_input_required_result
from mcp_server_tiktok_shop.protocol.edge import to_tool_result
from mcp_server_tiktok_shop.protocol.grants import find_grant

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams, InputRequiredResult

    from mcp_server_tiktok_shop.calls.call_limiter import CallLimiter
    from mcp_server_tiktok_shop.calls.dispatch import ToolDispatcher
    from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.metrics import Metrics, Span
    from mcp_server_tiktok_shop.protocol.access_log import AccessLog
    from mcp_server_tiktok_shop.protocol.delivery import Delivery

INTERNAL_MESSAGE = "This failed because of a fault in the server; its log says how."
INTERNAL_HINT = (
    "If it was a write, it may have been sent: look in list_changes before you call it again. "
    "If it fails again, tell the person, whose chat client keeps the log."
)

log = logging.getLogger(__name__)


class CallHandler(Struct, frozen=True):
    """Answers `tools/call`. No exception passes it: the SDK would put its text on the wire."""

    dispatcher: ToolDispatcher
    result_builder: ResultBuilder
    guard: OutgoingGuard
    delivery: Delivery
    metrics: Metrics
    limiter: CallLimiter
    access_log: AccessLog | None = None

    async def call_tool(
        self, ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams, span: Span
    ) -> CallToolResult | InputRequiredResult:
        """The result as compact JSON text, free of secrets, and a line in the log.

        An error has `is_error`. A write that waits for a yes is none: clients raise or try again on those. `span` is
        that of the whole call, which is told the outcome.
        """
        started_at = time.monotonic()
        outcome = "cut_off"
        try:
            result, outcome = await self._answer(ctx, params, started_at)
            if isinstance(result, CallToolResult) and result.is_error:
                span.fail(outcome)
        finally:
            tool, seconds = name_operation(params, self.dispatcher.operations.catalog), time.monotonic() - started_at
            span.set(outcome=outcome)
            self.metrics.record_call(tool, outcome, seconds)
            if self.access_log is not None:
                grant = find_grant(ctx)
                self.access_log.record_call(grant.tenant_id, grant.user, tool, outcome, seconds)
        return result

    async def _answer(
        self, ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams, started_at: float
    ) -> tuple[CallToolResult | InputRequiredResult, str]:
        """The result, and in a word what it is: `ok`, `asked`, the status in it, or the kind of its error."""
        caller = McpCaller(ctx, params, self.guard)
        outcome = "ok"
        result: dict[str, Any] = {}
        try:
            await self.limiter.admit()
            result = await self.dispatcher.call(params.name, params.arguments or {}, caller)
            text, outcome = self.guard.guard_json(result), str(result.get("status", outcome))
        except ElicitationRequired as elicitation:
            return to_input_required_result(self.guard.guard_text(elicitation.question), elicitation.state), "asked"
        except ShopError as error:
            result, outcome = self.result_builder.to_error_result(error), error.kind
            text = self.guard.guard_json(result)
        except Exception:
            log.exception("%s failed in a way that is a fault of this server", to_one_line(params.name))
            internal = make_internal_error()
            result, outcome = internal.to_json(), internal.kind
            text = self.guard.guard_json(result)
        nested_name = (
            f"({to_one_line(str((params.arguments or {}).get('name', '')))})" if params.name.startswith("run_") else ""
        )
        asyncio.get_running_loop().call_soon(  # the answer first
            log.info,
            "%s%s shop=%s outcome=%s code=%s request_id=%s ms=%d bytes=%d",
            to_one_line(params.name),
            nested_name,
            to_one_line(_name_shops(result, params.arguments or {})),
            outcome,
            result.get("code", 0),
            _join_request_ids(result),
            (time.monotonic() - started_at) * 1000,
            len(text.text),
        )
        await self.delivery.run_after_delivery(caller.delivery_actions)
        if "error" in result:
            return to_tool_result(text, is_error=True), outcome
        meta = self.guard.guard_json(caller.meta) if caller.meta else None
        return to_tool_result(text, is_error=False, pictures=caller.pictures, meta=meta), outcome


def _name_shops(result: dict[str, Any], arguments: dict[str, Any]) -> str:
    """The shop that a result is of, or those that were asked; where it tells none, what the call named."""
    inner = arguments.get("arguments")
    named = arguments.get("shop") or (inner.get("shop") if isinstance(inner, dict) else None)
    silent = [shop for shops in result.get("not_answered", ()) for shop in shops.split(", ")]
    asked = dict.fromkeys([*result.get("request_ids", ()), *silent])
    return str(result.get("shop") or ",".join(asked) or named)


def _join_request_ids(result: dict[str, Any]) -> str:
    """The platform's id of the request, or of each shop's."""
    ids = result.get("request_ids", {}).values() or [result.get("request_id")]
    return ",".join(to_one_line(str(each)) for each in ids)


def make_internal_error() -> ShopError:
    """What an exception that nobody foresaw becomes: its own text may hold anything, and goes to the log alone."""
    return ShopError("internal", INTERNAL_MESSAGE, hint=INTERNAL_HINT)


def name_operation(params: CallToolRequestParams, catalog: Catalog) -> str:
    """What is called in the end, by a name of the catalog: what callers make up is counted as one."""
    nested_name = (params.arguments or {}).get("name") if params.name.startswith("run_") else None
    name = nested_name if isinstance(nested_name, str) else params.name
    return name if name in catalog.operations else "unknown"
