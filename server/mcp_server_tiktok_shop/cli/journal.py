"""The command `journal`: prints the audit log, a line for each write that was sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.calls.audit_changes import iter_value_changes
from mcp_server_tiktok_shop.calls.undo_checks import find_way_on, list_undoings
from mcp_server_tiktok_shop.calls.value_texts import quote, to_single_line
from mcp_server_tiktok_shop.cli.app_runner import run_with_team
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.output import Output, json_option
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.audit_log import FileAuditLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.stores import Record
    from mcp_server_tiktok_shop.teams.team_state import TeamState

MAX_CHANGES = 20  # lines beneath one write
INDENT = "    "
MAX_IDS_PER_FIELD = 3


@click.command("journal")
@json_option
@click.option(
    "--last", "max_entries", type=click.IntRange(1), default=50, show_default=True, help="How many, newest last."
)
@click.pass_obj
def print_audit_log(settings: Settings, *, as_json: bool, max_entries: int) -> None:
    """Tell what was changed from here.

    Of every write that was sent: what came of it, what was there before and is now, and how it is taken back.
    """
    if settings.database:
        run_with_team(settings, lambda state, output: _print_team_log(state, output, max_entries, as_json=as_json))
    audit_log = FileAuditLog(settings.home_folder.audit_log_path)
    try:
        all_entries = asyncio.run(audit_log.read_entries())
    except ShopError as error:
        raise CommandError(f"The journal {error.message} {error.hint}") from None
    _print_entries(Output.from_settings(settings), all_entries, max_entries, as_json=as_json)


async def _print_team_log(state: TeamState, output: Output, max_entries: int, *, as_json: bool) -> int:
    audit_log = state.make_stores(state.settings.tenant).audit_log
    _print_entries(output, await audit_log.read_entries(), max_entries, as_json=as_json)
    return 0


def _print_entries(output: Output, all_entries: list[Record], max_entries: int, *, as_json: bool) -> None:
    entries = all_entries[-max_entries:]
    undoings = list_undoings(all_entries)
    lines = [line for entry in entries for line in _iter_lines(undoings, entry)] or ["Nothing was changed from here."]
    output.print_report({"writes": entries}, lines, as_json=as_json)


def _iter_lines(undoings: list[Record], entry: Record) -> Iterator[str]:
    """The write on one line; beneath it what became otherwise of each thing, and the way back."""
    yield _format_entry(entry)
    if "undo_of" in entry:
        yield f"{INDENT}takes back {to_single_line(entry['undo_of'])}"
    if "job" in entry:
        yield f"{INDENT}a write of the job {to_single_line(' '.join((entry.get('job_name', ''), entry['job'])))}"
    changes = list(_iter_changes(entry))
    yield from changes[:MAX_CHANGES]
    if len(changes) > MAX_CHANGES:
        yield f"{INDENT}and {len(changes) - MAX_CHANGES} lines more, which --json shows"
    way_on = find_way_on(undoings, entry)
    if isinstance(way_on, dict):
        leaves = way_on.get("leaves", "")
        yield " ".join(
            filter(None, (f"{INDENT}Can be undone by {way_on['tool']}: list_changes gives the call.", leaves))
        )
    elif way_on is not None:
        yield f"{INDENT}{way_on}"


def _iter_changes(entry: Record) -> Iterator[str]:
    """A line for each value that is otherwise: the thing, the value's name, what it was `before` and is `now`."""
    for change in iter_value_changes(entry):
        sides = [
            f"{name} {quote(value)}"
            for name, value in (("before", change.before), ("now", change.now))
            if value is not None
        ]
        name = " ".join(filter(None, map(to_single_line, (change.noun, change.id, change.path))))
        yield f"{INDENT}{name}: {', '.join(sides)}"


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
