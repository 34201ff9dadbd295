"""A person at a terminal as a caller: asked there, and shown what was changed."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Decision, ElicitationReply

MAX_IDS_SHOWN = 3


class TerminalCaller:
    """Asks on standard error, so that standard output holds the result alone. `agreed`: yes to everything."""

    reply: ElicitationReply | None = None

    def __init__(self, *, assume_yes: bool) -> None:
        self._assume_yes = assume_yes

    @property
    def elicitation_support(self) -> Literal["", "now", "again"]:
        return "now" if self._assume_yes or sys.stdin.isatty() else ""

    async def elicit(self, question: str) -> Decision:
        if self._assume_yes:
            return "accepted"
        is_accepted = await asyncio.to_thread(click.confirm, question.removesuffix("\nDo it?") + "\nDo it?", err=True)
        return "accepted" if is_accepted else "declined"

    async def report_progress(self, done: float, total: float | None, message: str) -> None:
        total_text = f" of {total:g}" if total else ""
        click.echo(f"{message} ({done:g}{total_text})", err=True)


def format_audit_log(entries: list[dict[str, Any]]) -> list[str]:
    """What was changed, a line each: when, outcome, operation, where, which."""
    lines = []
    for entry in entries:
        ids = [f"{name}={_format_value(value)}" for name, value in (entry.get("ids") or {}).items()]
        ids += [f"made {name}={_format_value(value)}" for name, value in (entry.get("made") or {}).items()]
        shop = entry.get("shop") or entry.get("account") or ""
        columns = [entry.get("time", ""), entry["outcome"], entry.get("operation", ""), shop, *ids]
        lines.append("  ".join(filter(None, columns)))
    return lines


def _format_value(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    rest_text = f" and {len(value) - MAX_IDS_SHOWN} more" if len(value) > MAX_IDS_SHOWN else ""
    return ",".join(map(str, value[:MAX_IDS_SHOWN])) + rest_text
