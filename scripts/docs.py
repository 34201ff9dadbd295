"""Writes into the documents what they take from the code, or checks that it still stands there.

python scripts/docs.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.operation import is_time
from mcp_server_tiktok_shop.catalog.schemas import describe_limits
from mcp_server_tiktok_shop.catalog.toolsets import select_tools
from mcp_server_tiktok_shop.settings import SETTINGS

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

ROOT = Path(__file__).parents[1]
PAGES_FOLDER = ROOT / "docs" / "operations"
EFFECT_PHRASES = {"read": "reads", "write": "writes", "destructive": "**overwrites, ships or deletes**"}
CIPHER_RULE_PHRASES = {"required": "one shop", "optional": "one shop, if given", "never": "the whole account"}


def render_tools_table(catalog: Catalog) -> str:
    rows = ["| area | tool | effect | what it is for |", "|---|---|---|---|"]
    for name in select_tools(catalog, ("default",), ()):
        operation = catalog.operations[name]
        rows.append(f"| {operation.area} | `{name}` | {_describe_effect(operation)} | {operation.record['summary']} |")
    return "\n".join(rows)


def _describe_effect(operation: Operation) -> str:
    writes_only_here = operation.is_local and operation.delegates_to is None and operation.effect != "read"
    return "writes here only" if writes_only_here else EFFECT_PHRASES[operation.effect]


def render_settings_table() -> str:
    rows = ["| variable | flag | default | meaning |", "|---|---|---|---|"]
    for setting in SETTINGS:
        flag = f"none; or `{setting.variable}_FILE`" if setting.is_secret else f"`{setting.flag}`"
        rows.append(f"| `{setting.variable}` | {flag} | {setting.default} | {setting.help} |")
    return "\n".join(rows)


def render_areas_table(catalog: Catalog) -> str:
    counts: dict[str, int] = {}
    for operation in catalog.operations.values():
        counts[operation.area] = counts.get(operation.area, 0) + 1
    rows = ["| toolset | operations |", "|---|---|"]
    rows += [f"| [{area}](docs/operations/{area}.md) | {count} |" for area, count in sorted(counts.items())]
    return "\n".join(rows)


def render_area_page(area: str, operations: list[Operation]) -> str:
    """All operations of an area: what each is for, does and takes."""
    lines = [f"# {area}", "", "Written from the catalog by `make docs`.", ""]
    lines += [f"- [{operation.name}](#{operation.name}): {operation.title}" for operation in operations]
    for operation in operations:
        record = operation.record
        facts = [_describe_effect(operation), *(("asks first",) if record["asks"] else ())]
        if operation.uses_platform:
            facts += [f"acts on {CIPHER_RULE_PHRASES[operation.cipher_rule]}", f"`{record['method']} {record['path']}`"]
        if "scope" in record:
            facts.append("scope " + " or ".join(f"`{scope}`" for scope in record["scope"]))
        lines += ["", f"## {operation.name}", "", operation.description, "", "; ".join(facts)]
        if operation.arguments:
            lines += ["", "| argument | type | |", "|---|---|---|"]
            lines += [_render_argument(operation, name, schema) for name, schema in operation.arguments.items()]
    return "\n".join(lines) + "\n"


def _render_argument(operation: Operation, name: str, schema: Json) -> str:
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


def render_documents(catalog: Catalog) -> dict[Path, str]:
    """Every document that takes something from the code, as it should read."""
    by_area: dict[str, list[Operation]] = {}
    for operation in catalog.operations.values():
        by_area.setdefault(operation.area, []).append(operation)
    documents = {
        PAGES_FOLDER / f"{area}.md": render_area_page(area, operations) for area, operations in by_area.items()
    }
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, table in (
        ("tools", render_tools_table(catalog)),
        ("settings", render_settings_table()),
        ("areas", render_areas_table(catalog)),
    ):
        begin, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- /{name} -->"
        before, has_begin, rest = text.partition(begin)
        _, has_end, after = rest.partition(end)
        if not has_begin or not has_end:
            sys.exit(f"README.md has no place for the {name} table")
        text = f"{before}{begin}{table}\n{end}{after}"
    return documents | {ROOT / "README.md": text}


def main() -> None:
    expected = render_documents(Catalog())
    stale = [path for path, text in expected.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    stale += [path for path in PAGES_FOLDER.glob("*.md") if path not in expected]
    if "--check" in sys.argv:
        if stale:
            sys.exit(f"out of step with the code, run `make docs`: {', '.join(path.name for path in stale)}")
        return
    PAGES_FOLDER.mkdir(parents=True, exist_ok=True)
    for path in stale:
        if path in expected:
            path.write_text(expected[path], encoding="utf-8")
        else:
            path.unlink()


if __name__ == "__main__":
    main()
