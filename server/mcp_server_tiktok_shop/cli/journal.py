"""The command `journal`: prints the audit log, a line for each write that was sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.calls.undo_checks import find_way_on
from mcp_server_tiktok_shop.calls.value_texts import flatten, quote, to_single_line
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.output import Output, json_option
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.audit_log import FileAuditLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.stores import Record

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
    audit_log = FileAuditLog(settings.home_folder.audit_log_path)
    try:
        all_entries = asyncio.run(audit_log.read_entries())
    except ShopError as error:
        raise CommandError(f"The journal {error.message} {error.hint}") from None
    entries = all_entries[-max_entries:]
    lines = [line for entry in entries for line in _iter_lines(all_entries, entry)] or [
        "Nothing was changed from here."
    ]
    Output.from_settings(settings).print_report({"writes": entries}, lines, as_json=as_json)


def _iter_lines(entries: list[Record], entry: Record) -> Iterator[str]:
    """The write on one line; beneath it what became otherwise of each thing, and the way back."""
    yield _format_entry(entry)
    if "undo_of" in entry:
        yield f"{INDENT}takes back {to_single_line(entry['undo_of'])}"
    changes = list(_iter_changes(entry))
    yield from changes[:MAX_CHANGES]
    if len(changes) > MAX_CHANGES:
        yield f"{INDENT}and {len(changes) - MAX_CHANGES} lines more, which --json shows"
    way_on = find_way_on(entries, entry)
    if isinstance(way_on, dict):
        leaves = way_on.get("leaves", "")
        yield " ".join(
            filter(None, (f"{INDENT}Can be undone by {way_on['tool']}: list_changes gives the call.", leaves))
        )
    elif way_on is not None:
        yield f"{INDENT}{way_on}"


def _iter_changes(entry: Record) -> Iterator[str]:
    """A line for each value that is otherwise: the thing, the value's name, what it was `before` and is `now`."""
    before = {_get_key(thing): dict(flatten(_by_id(thing))) for thing in entry.get("before", ()) if thing}
    for thing in entry.get("now", ()):
        if not thing:
            continue
        noun, thing_id = key = _get_key(thing)
        earlier, now = before.get(key, {}), dict(flatten(_by_id(thing)))
        for path in dict.fromkeys((*earlier, *now)):
            if path == noun or earlier.get(path) == now.get(path):
                continue
            sides = [
                f"{name} {quote(side[path])}" for name, side in (("before", earlier), ("now", now)) if path in side
            ]
            name = " ".join(filter(None, (to_single_line(part) for part in (noun, thing_id, path))))
            yield f"{INDENT}{name}: {', '.join(sides)}"


def _get_key(thing: Record) -> tuple[str, str]:
    """The kind and the id of a thing: the first entry of its object."""
    noun = next(iter(thing))
    return noun, str(thing[noun])


def _by_id(thing: Record) -> Record:
    """The thing with its rows by their ids, in the place of lists."""
    return {
        name: {str(row["id"]): {n: v for n, v in row.items() if n != "id"} for row in value}
        if isinstance(value, list) and value and all(isinstance(row, dict) and "id" in row for row in value)
        else value
        for name, value in thing.items()
    }


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
