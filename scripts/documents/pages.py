"""The pages that are written from the code as a whole: operations by area, commands, the platform's codes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop.catalog.loader import CATALOG_FOLDER
from mcp_server_tiktok_shop.catalog.operation import is_time
from mcp_server_tiktok_shop.catalog.schemas import describe_limits
from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.settings import SETTINGS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

EFFECTS = {"read": "reads", "write": "writes", "destructive": "**overwrites, ships or deletes**"}
CIPHERS = {"required": "one shop", "optional": "one shop, if given", "never": "the whole account"}
PROGRAM = "mcp-server-tiktok-shop"
HELP_COLUMNS = 80  # what a plain terminal has

COMMANDS = f"""# Commands

What `{PROGRAM}` can be asked on a command line, as each command says it itself.

Without a command it serves MCP: that is how a chat client starts it. The [settings](settings.md) stand before the
command, and a call goes the same way as an assistant's:

```sh
{PROGRAM} --sandbox call get_order_list --arguments '{{"page_size": 5}}'
```

Exit code 0 is a success, 1 something that was refused or is not well, 2 a command line or a setting that can't be
followed.
"""
CODES = """# Codes of the platform

What TikTok Shop's own error codes mean, and what to do about each.

An error that came from the platform has a `code`; the server tells meaning and advice with it, so this page is for
looking one up. What the server's own words for errors mean stands under [answers](answers.md#errors).
"""


def make_pages(catalog: Catalog) -> dict[str, str]:
    """Every page by its path below `docs`."""
    by_area: dict[str, list[Operation]] = {}
    for operation in catalog.operations.values():
        by_area.setdefault(operation.area, []).append(operation)
    pages = {f"operations/{area}.md": describe_area(area, operations) for area, operations in by_area.items()}
    return pages | {"commands.md": describe_commands(), "codes.md": describe_codes()}


def tabulate(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines)


def describe_effect(operation: Operation) -> str:
    here = operation.is_local and operation.delegates_to is None and operation.effect != "read"
    return "writes here only" if here else EFFECTS[operation.effect]


def describe_area(area: str, operations: list[Operation]) -> str:
    """All operations of an area: what each is for, does and takes."""
    lines = [f"# {area}", "", "Written from the catalog by `make docs`.", ""]
    lines += [f"- [{operation.name}](#{operation.name}): {operation.title}" for operation in operations]
    for operation in operations:
        record = operation.record
        facts = [describe_effect(operation), *(("asks first",) if record["asks"] else ())]
        if operation.uses_platform:
            facts += [f"acts on {CIPHERS[operation.cipher_rule]}", f"`{record['method']} {record['path']}`"]
        if "scope" in record:
            facts.append("scope " + " or ".join(f"`{scope}`" for scope in record["scope"]))
        if "refused" in record:
            facts.append(f"never called from here: {record['refused']}")
        lines += ["", f"## {operation.name}", "", operation.description, "", "; ".join(facts)]
        if operation.arguments:
            rows = [_argument(operation, name, schema) for name, schema in operation.arguments.items()]
            lines += ["", "| argument | type | |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _argument(operation: Operation, name: str, schema: Json) -> str:
    kind = "time" if is_time(schema) else str(schema.get("type", "string"))
    if kind == "array":
        kind = f"list of {schema['items'].get('type', 'string')}"
    notes = ["**required**"] if name in operation.caller_required else []
    notes += [str(schema["description"])] if schema.get("description") else []
    choices = schema.get("enum") or schema.get("items", {}).get("enum")
    if choices:
        notes.append("one of " + ", ".join(f"`{choice}`" for choice in choices))
    notes += describe_limits(schema)
    if "default" in schema:
        notes.append(f"default `{schema['default']}`")
    return f"| `{name}` | {kind} | {'; '.join(notes)} |".replace("  ", " ")


def describe_commands() -> str:
    """The help of every command. The settings, which all commands share, have a page of their own."""
    params = [param for param in main.params if param.name not in SETTINGS_BY_NAME]
    alone = click.Group(main.name, params=params, help=main.help, invoke_without_command=True)
    context = click.Context(alone, info_name=PROGRAM, terminal_width=HELP_COLUMNS, **main.context_settings)
    lines = [COMMANDS, _help(context)]
    for name in main.list_commands(context):
        if command := main.get_command(context, name):
            lines += ["", f"## {name}", "", _help(click.Context(command, context, name))]
    return "\n".join(lines) + "\n"


def _help(context: click.Context) -> str:
    return f"```text\n{re.sub(' +$', '', context.get_help(), flags=re.MULTILINE)}\n```"


def describe_codes() -> str:
    codes: dict[str, Json] = json.loads((CATALOG_FOLDER / "errors.json").read_text(encoding="utf-8"))
    known = sorted((int(code), facts) for code, facts in codes.items() if "meaning" in facts)
    rows = [(code, facts["meaning"], facts["hint"]) for code, facts in known]
    return f"{CODES}\n{tabulate(('code', 'meaning', 'what to do'), rows)}\n"
