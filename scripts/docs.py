"""Writes into the documents what they take from the code, or checks that it still stands there.

python scripts/docs.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.assistant.toolsets import listed
from mcp_server_tiktok_shop.catalog.reader import Catalog
from mcp_server_tiktok_shop.settings import SETTINGS

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Operation

README = Path(__file__).parents[1] / "README.md"
EFFECTS = {"read": "reads", "write": "writes", "destructive": "**overwrites, ships or deletes**"}


def tools() -> str:
    catalog = Catalog()
    rows = ["| area | tool | effect | what it is for |", "|---|---|---|---|"]
    for name in listed(catalog, ("default",), ()):
        operation = catalog.operations[name]
        rows.append(f"| {operation.area} | `{name}` | {_effect(operation)} | {operation.record['summary']} |")
    return "\n".join(rows)


def _effect(operation: Operation) -> str:
    return "writes here only" if operation.local and operation.effect != "read" else EFFECTS[operation.effect]


def settings() -> str:
    rows = ["| variable | flag | default | meaning |", "|---|---|---|---|"]
    for setting in SETTINGS:
        flag = f"none; or `{setting.variable}_FILE`" if setting.secret else f"`{setting.flag}`"
        rows.append(f"| `{setting.variable}` | {flag} | {setting.default} | {setting.help} |")
    return "\n".join(rows)


def filled(text: str) -> str:
    for name, made in (("tools", tools()), ("settings", settings())):
        begin, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- /{name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            sys.exit(f"{README.name} has no place for the {name} table")
        text = f"{before}{begin}{made}\n{end}{after}"
    return text


def main() -> None:
    text = README.read_text(encoding="utf-8")
    made = filled(text)
    if "--check" not in sys.argv:
        README.write_text(made, encoding="utf-8")
    elif made != text:
        sys.exit("README.md is out of step with the code: run `make docs`")


if __name__ == "__main__":
    main()
