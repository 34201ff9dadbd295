"""Writes into the documents what they take from the code, or checks that it still stands there.

python scripts/docs.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.operation import is_time
from mcp_server_tiktok_shop.catalog.schemas import limits
from mcp_server_tiktok_shop.catalog.toolsets import listed
from mcp_server_tiktok_shop.settings import SETTINGS

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "operations"
EFFECTS = {"read": "reads", "write": "writes", "destructive": "**overwrites, ships or deletes**"}
CIPHERS = {"required": "one shop", "optional": "one shop, if given", "never": "the whole account"}


def tools(catalog: Catalog) -> str:
    rows = ["| area | tool | effect | what it is for |", "|---|---|---|---|"]
    for name in listed(catalog, ("default",), ()):
        operation = catalog.operations[name]
        rows.append(f"| {operation.area} | `{name}` | {_effect(operation)} | {operation.record['summary']} |")
    return "\n".join(rows)


def _effect(operation: Operation) -> str:
    here = operation.local and operation.runs is None and operation.effect != "read"
    return "writes here only" if here else EFFECTS[operation.effect]


def settings() -> str:
    rows = ["| variable | flag | default | meaning |", "|---|---|---|---|"]
    for setting in SETTINGS:
        flag = f"none; or `{setting.variable}_FILE`" if setting.secret else f"`{setting.flag}`"
        rows.append(f"| `{setting.variable}` | {flag} | {setting.default} | {setting.help} |")
    return "\n".join(rows)


def areas(catalog: Catalog) -> str:
    counts: dict[str, int] = {}
    for operation in catalog.operations.values():
        counts[operation.area] = counts.get(operation.area, 0) + 1
    rows = ["| toolset | operations |", "|---|---|"]
    rows += [f"| [{area}](docs/operations/{area}.md) | {count} |" for area, count in sorted(counts.items())]
    return "\n".join(rows)


def page(area: str, operations: list[Operation]) -> str:
    """All operations of an area: what each is for, does and takes."""
    told = [f"# {area}", "", "Written from the catalog by `make docs`.", ""]
    told += [f"- [{operation.name}](#{operation.name}): {operation.title}" for operation in operations]
    for operation in operations:
        record = operation.record
        facts = [_effect(operation), *(("asks first",) if record["asks"] else ())]
        if operation.asks_platform:
            facts += [f"acts on {CIPHERS[operation.cipher]}", f"`{record['method']} {record['path']}`"]
        if "scope" in record:
            facts.append("scope " + " or ".join(f"`{scope}`" for scope in record["scope"]))
        told += ["", f"## {operation.name}", "", operation.description, "", "; ".join(facts)]
        if operation.arguments:
            told += ["", "| argument | type | |", "|---|---|---|"]
            told += [_argument(operation, name, schema) for name, schema in operation.arguments.items()]
    return "\n".join(told) + "\n"


def _argument(operation: Operation, name: str, schema: Json) -> str:
    kind = "time" if is_time(schema) else str(schema.get("type", "string"))
    if kind == "array":
        kind = f"list of {schema['items'].get('type', 'string')}"
    notes = ["**required**"] if name in operation.asked else []
    notes += [str(schema["description"])] if schema.get("description") else []
    choices = schema.get("enum") or schema.get("items", {}).get("enum")
    if choices:
        notes.append("one of " + ", ".join(f"`{choice}`" for choice in choices))
    notes += limits(schema)
    if "default" in schema:
        notes.append(f"default `{schema['default']}`")
    return f"| `{name}` | {kind} | {'; '.join(notes)} |".replace("  ", " ")


def documents(catalog: Catalog) -> dict[Path, str]:
    """Every document that takes something from the code, as it should read."""
    by_area: dict[str, list[Operation]] = {}
    for operation in catalog.operations.values():
        by_area.setdefault(operation.area, []).append(operation)
    made = {PAGES / f"{area}.md": page(area, operations) for area, operations in by_area.items()}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, table in (("tools", tools(catalog)), ("settings", settings()), ("areas", areas(catalog))):
        begin, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- /{name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            sys.exit(f"README.md has no place for the {name} table")
        text = f"{before}{begin}{table}\n{end}{after}"
    return made | {ROOT / "README.md": text}


def main() -> None:
    made = documents(Catalog())
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    stale += [path for path in PAGES.glob("*.md") if path not in made]
    if "--check" in sys.argv:
        if stale:
            sys.exit(f"out of step with the code, run `make docs`: {', '.join(path.name for path in stale)}")
        return
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in stale:
        if path in made:
            path.write_text(made[path], encoding="utf-8")
        else:
            path.unlink()


if __name__ == "__main__":
    main()
