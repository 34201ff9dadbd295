"""Opens the span of a call, below its caller's if the request names one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from mcp.server import ServerRequestContext

    from mcp_server_tiktok_shop.metrics import Metrics, Span

CALL_METHOD = "tools/call"
PARENT_KEY, STATE_KEY = "traceparent", "tracestate"  # in `_meta` and as HTTP headers
MAX_FIELD_CHARS = 512  # as much of a `tracestate` as W3C Trace Context wants passed on


def open_call_span(metrics: Metrics, ctx: ServerRequestContext[Any, Any], tool: str) -> AbstractContextManager[Span]:
    """The span of a call of this tool, a name of the catalog."""
    return metrics.open_span(
        f"{CALL_METHOD} {tool}",
        "server",
        _find_parent(ctx),
        method=CALL_METHOD,
        action="execute_tool",
        tool=tool,
        era=ctx.protocol_version,
    )


def _find_parent(ctx: ServerRequestContext[Any, Any]) -> dict[str, str]:
    """The trace context in the `_meta` of a call, else in the headers of its request; empty where there is none.

    A proxy may have a span of its own in the headers: `_meta` is by the client itself.
    """
    headers: Mapping[str, Any] = {} if ctx.request is None else ctx.request.headers
    for fields in (ctx.meta or {}, headers):
        parent = {key: value for key in (PARENT_KEY, STATE_KEY) if _is_field(value := fields.get(key))}
        if PARENT_KEY in parent:
            return parent
    return {}


def _is_field(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= MAX_FIELD_CHARS
