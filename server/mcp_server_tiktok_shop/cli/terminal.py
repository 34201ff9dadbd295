"""A person at a terminal as a caller: asked there, and shown what was changed."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Decision, Reply

MOST_IDS = 3


class Terminal:
    """Asks on standard error, so that standard output holds the result alone. `agreed`: yes to everything."""

    reply: Reply | None = None

    def __init__(self, *, agreed: bool) -> None:
        self._agreed = agreed

    @property
    def asks(self) -> Literal["", "now", "again"]:
        return "now" if self._agreed or sys.stdin.isatty() else ""

    async def ask(self, question: str) -> Decision:
        if self._agreed:
            return "accepted"
        yes = await asyncio.to_thread(click.confirm, question.removesuffix("\nDo it?") + "\nDo it?", err=True)
        return "accepted" if yes else "declined"

    async def progress(self, done: float, total: float | None, message: str) -> None:
        of = f" of {total:g}" if total else ""
        click.echo(f"{message} ({done:g}{of})", err=True)


def journal_lines(entries: list[dict[str, Any]]) -> list[str]:
    """What was changed, a line each: when, outcome, operation, where, which."""
    lines = []
    for entry in entries:
        ids = [f"{name}={_some(value)}" for name, value in (entry.get("ids") or {}).items()]
        ids += [f"made {name}={_some(value)}" for name, value in (entry.get("made") or {}).items()]
        shop = entry.get("shop") or entry.get("account") or ""
        told = [entry.get("time", ""), entry["outcome"], entry.get("operation", ""), shop, *ids]
        lines.append("  ".join(filter(None, told)))
    return lines


def _some(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    more = f" and {len(value) - MOST_IDS} more" if len(value) > MOST_IDS else ""
    return ",".join(map(str, value[:MOST_IDS])) + more
