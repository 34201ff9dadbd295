"""Writes the pages that come from the code as a whole: operations by area, commands, the platform's error codes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop.catalog.loader import CATALOG_FOLDER
from mcp_server_tiktok_shop.catalog.operation import is_time
from mcp_server_tiktok_shop.catalog.schemas import describe_limits, has_common_default
from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.settings import SETTINGS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

EFFECT_PHRASES = {"read": "reads", "write": "writes", "destructive": "**overwrites, ships or deletes**"}
CIPHER_RULE_PHRASES = {"required": "one shop", "optional": "one shop, if given", "never": "the whole account"}
PROGRAM = "mcp-server-tiktok-shop"
HELP_WIDTH_CHARS = 80  # what a plain terminal has

COMMANDS_INTRODUCTION = f"""# Commands

What `{PROGRAM}` can be asked on a command line, as each command says it itself.

Without a command it serves MCP: that is how a chat client starts it. The [settings](settings.md) stand before the
command, and a call goes the same way as an assistant's:

```sh
{PROGRAM} --sandbox call get_order_list --arguments '{{"page_size": 5}}'
```

Exit code 0 is a success, 1 something that was refused or is not well, 2 a command line or a setting that can't be
followed.
"""
ERROR_CODES_INTRODUCTION = """# Codes of the platform

What TikTok Shop's own error codes mean, and what to do about each.

An error that came from the platform has a `code`; the server tells meaning and advice with it, so this page is for
looking one up. What the server's own words for errors mean stands under [answers](answers.md#errors).
"""


def make_pages(catalog: Catalog) -> dict[str, str]:
    """Every page's Markdown by its path below `docs`."""
    operations_by_area: dict[str, list[Operation]] = {}
    for operation in catalog.operations.values():
        operations_by_area.setdefault(operation.area, []).append(operation)
    pages = {f"operations/{area}.md": describe_area(area, group) for area, group in operations_by_area.items()}
    return pages | {"commands.md": describe_commands(), "codes.md": describe_error_codes()}


def format_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines)


def describe_effect(operation: Operation) -> str:
    """What an operation does to a shop, in a few words."""
    is_local_write = operation.is_local and not operation.changes_shop and operation.effect != "read"
    return "writes here only" if is_local_write else EFFECT_PHRASES[operation.effect]


def describe_area(area: str, operations: list[Operation]) -> str:
    """The page of an area: of each operation what it is for, does and takes."""
    lines = [f"# {area}", "", "Written from the catalog by `make docs`.", ""]
    lines += [f"- [{operation.name}](#{operation.name}): {operation.title}" for operation in operations]
    for operation in operations:
        record = operation.record
        facts = [describe_effect(operation), *(("asks first",) if record["asks"] else ())]
        if operation.uses_platform:
            facts += [f"acts on {CIPHER_RULE_PHRASES[operation.cipher_rule]}", f"`{record['method']} {record['path']}`"]
        if "scope" in record:
            facts.append("scope " + " or ".join(f"`{scope}`" for scope in record["scope"]))
        if "refused" in record:
            facts.append(f"never called from here: {record['refused']}")
        lines += ["", f"## {operation.name}", "", operation.description, "", "; ".join(facts)]
        if operation.arguments:
            rows = [_format_argument_row(operation, name, schema) for name, schema in operation.arguments.items()]
            lines += ["", "| argument | type | |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _format_argument_row(operation: Operation, name: str, schema: Json) -> str:
    kind = "time" if is_time(schema) else str(schema.get("type", "string"))
    if kind == "array":
        kind = f"list of {schema['items'].get('type', 'string')}"
    notes = ["**required**"] if name in operation.caller_required else []
    notes += [str(schema["description"])] if schema.get("description") else []
    choices = schema.get("enum") or schema.get("items", {}).get("enum")
    if choices:
        notes.append("one of " + ", ".join(f"`{choice}`" for choice in choices))
    notes += describe_limits(schema)
    if has_common_default(schema):
        notes.append(f"default `{schema['default']}`")
    return f"| `{name}` | {kind} | {'; '.join(notes)} |".replace("  ", " ")


def describe_commands() -> str:
    """The page with the help of every command. The settings, which all commands share, have a page of their own."""
    params = [param for param in main.params if param.name not in SETTINGS_BY_NAME]
    alone = click.Group(main.name, params=params, help=main.help, invoke_without_command=True)
    context = click.Context(alone, info_name=PROGRAM, terminal_width=HELP_WIDTH_CHARS, **main.context_settings)
    lines = [COMMANDS_INTRODUCTION, _format_help(context)]
    for name in main.list_commands(context):
        if command := main.get_command(context, name):
            command_context = click.Context(command, context, name)
            lines += ["", f"## {name}", "", _format_help(command_context)]
            for inner_name, inner in command.commands.items() if isinstance(command, click.Group) else ():
                lines += [
                    "",
                    f"### {name} {inner_name}",
                    "",
                    _format_help(click.Context(inner, command_context, inner_name)),
                ]
    return "\n".join(lines) + "\n"


def _format_help(context: click.Context) -> str:
    return f"```text\n{re.sub(' +$', '', context.get_help(), flags=re.MULTILINE)}\n```"


def describe_error_codes() -> str:
    """The page of the platform's error codes that have a meaning in the catalog."""
    codes: dict[str, Json] = json.loads((CATALOG_FOLDER / "errors.json").read_text(encoding="utf-8"))
    known_codes = sorted((int(code), facts) for code, facts in codes.items() if "meaning" in facts)
    rows = [(code, facts["meaning"], facts["hint"]) for code, facts in known_codes]
    return f"{ERROR_CODES_INTRODUCTION}\n{format_table(('code', 'meaning', 'what to do'), rows)}\n"
