"""The command `journal`: prints the audit log, a line for each write that was sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.cli.app_runner import run_with_team
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.output import Output, json_option
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.audit_log import FileAuditLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.stores import Record
    from mcp_server_tiktok_shop.teams import TeamState

MAX_IDS_PER_FIELD = 3


@click.command("journal")
@json_option
@click.option(
    "--last", "max_entries", type=click.IntRange(1), default=50, show_default=True, help="How many, newest last."
)
@click.pass_obj
def print_audit_log(settings: Settings, *, as_json: bool, max_entries: int) -> None:
    """Tell what was changed from here: every write that was sent, and what came of it."""
    if settings.database:
        run_with_team(settings, lambda state, output: _print_team_log(state, output, max_entries, as_json=as_json))
    audit_log = FileAuditLog(settings.home_folder.audit_log_path)
    try:
        entries = asyncio.run(audit_log.read_entries())[-max_entries:]
    except ShopError as error:
        raise CommandError(f"The journal {error.message} {error.hint}") from None
    _print_entries(Output.from_settings(settings), entries, as_json=as_json)


async def _print_team_log(state: TeamState, output: Output, max_entries: int, *, as_json: bool) -> int:
    audit_log = state.make_stores(state.settings.tenant).audit_log
    _print_entries(output, (await audit_log.read_entries())[-max_entries:], as_json=as_json)
    return 0


def _print_entries(output: Output, entries: list[Record], *, as_json: bool) -> None:
    lines = map(_format_entry, entries) if entries else ["Nothing was changed from here."]
    output.print_report({"writes": entries}, lines, as_json=as_json)


def _format_entry(entry: dict[str, Any]) -> str:
    """When, outcome, operation, where, and the ids of what was changed or made."""
    shop = entry.get("shop") or entry.get("account") or ""
    columns = [entry.get("time", ""), entry["outcome"], entry.get("operation", ""), shop]
    columns += _format_ids(entry.get("ids") or {})
    columns += _format_ids(entry.get("made") or {}, prefix="made ")
    return "  ".join(filter(None, columns))


def _format_ids(ids: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in ids.items():
        yield f"{prefix}{name}={_format_value(value)}"


def _format_value(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    rest_text = f" and {len(value) - MAX_IDS_PER_FIELD} more" if len(value) > MAX_IDS_PER_FIELD else ""
    return ",".join(map(str, value[:MAX_IDS_PER_FIELD])) + rest_text
