"""Writes the tables that stand inside of pages written by hand, each under the name of its place there."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from scripts.documents.pages import describe_effect, format_table

from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT_TOOLS, select_tools
from mcp_server_tiktok_shop.cli.client_configs.blocks import SANDBOX_SERVER_NAME, Launch, build_block
from mcp_server_tiktok_shop.cli.client_configs.clients import CLIENTS
from mcp_server_tiktok_shop.cli.client_configs.config_file import describe_location
from mcp_server_tiktok_shop.cli.client_configs.formats import FORMATS
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.mirror.worklist_kinds import load_worklist_kinds
from mcp_server_tiktok_shop.protocol.skills import load_skills
from mcp_server_tiktok_shop.settings import SETTINGS
from mcp_server_tiktok_shop.tools.profit.columns import COLUMN_MEANINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.cli.client_configs.clients import ChatClient

PLACE_PATTERN = re.compile(r"(<!-- (?P<name>\w+): written by `make docs` -->\n).*?(<!-- /(?P=name) -->)", re.DOTALL)
SANDBOX_LAUNCH = Launch(SANDBOX_SERVER_NAME, ["/path/to/.venv/bin/mcp-server-tiktok-shop", "--sandbox"], {})
SYSTEMS = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}


class PlaceError(Exception):
    """A place without a table for it, or a table without a place."""


def fill_places(texts: Mapping[str, str], tables: Mapping[str, str]) -> dict[str, str]:
    """Put every table in its place on these pages, which are keyed by path.

    Raises:
        PlaceError: A place names no table, or a table has no place on any page.

    """
    used_names: set[str] = set()

    def fill_place(place: re.Match[str]) -> str:
        name = place["name"]
        if name not in tables:
            raise PlaceError(f"there is no table {name}")
        used_names.add(name)
        return f"{place[1]}{tables[name]}\n{place[3]}"

    pages = {path: PLACE_PATTERN.sub(fill_place, text) for path, text in texts.items()}
    if missing_names := tables.keys() - used_names:
        raise PlaceError(f"no page has a place for {', '.join(sorted(missing_names))}")
    return pages


def make_tables(catalog: Catalog) -> dict[str, str]:
    """Every table's Markdown by the name of its place."""
    return {
        "areas": tabulate_areas(catalog),
        "clients": describe_clients(),
        "client_table": tabulate_clients(),
        "profit_columns": format_table(("column", "meaning"), list(COLUMN_MEANINGS.items())),
        "mirror_tables": describe_mirror_tables(),
        "routines": tabulate_skills(),
        "scopes": tabulate_scopes(catalog),
        "settings": tabulate_settings(),
        "tools": tabulate_tools(catalog),
        "worklist_kinds": tabulate_worklist_kinds(),
    }


def tabulate_tools(catalog: Catalog) -> str:
    """The tools that are listed by default."""
    operations = [catalog.operations[name] for name in select_tools(catalog, ("default",), ())]
    rows = [(o.area, f"`{o.name}`", describe_effect(o), o.record["summary"]) for o in operations]
    return format_table(("area", "tool", "effect", "what it is for"), rows)


def tabulate_areas(catalog: Catalog) -> str:
    counts = Counter(operation.area for operation in catalog.operations.values())
    rows = [(f"[{area}](operations/{area}.md)", count) for area, count in sorted(counts.items())]
    return format_table(("toolset", "operations"), rows)


def tabulate_skills() -> str:
    rows = [(skill.title, f"`{name}`", skill.description) for name, skill in load_skills().items()]
    return format_table(("routine", "name", "what it does, and when"), rows)


def tabulate_worklist_kinds() -> str:
    rows = [(f"`{k.name}`", k.title, k.otherwise, k.tool, f"`{k.id}`") for k in load_worklist_kinds().values()]
    return format_table(("kind", "what waits", "what happens otherwise", "tool", "id"), rows)


def tabulate_scopes(catalog: Catalog) -> str:
    """The scopes that an app needs for the tools that are listed by default."""
    names_by_scope: dict[str, list[str]] = {}
    for name in DEFAULT_TOOLS:
        if scopes := catalog.operations[name].record.get("scope"):
            names_by_scope.setdefault(" or ".join(f"`{scope}`" for scope in scopes), []).append(f"`{name}`")
    return format_table(("scope", "opens"), [(scope, ", ".join(names)) for scope, names in names_by_scope.items()])


def tabulate_settings() -> str:
    rows = []
    for setting in SETTINGS:
        flag = f"none; or `{setting.variable}_FILE`" if setting.is_secret else f"`{setting.flag}`"
        rows.append((f"`{setting.variable}`", flag, setting.default, setting.help))
    return format_table(("variable", "flag", "default", "meaning"), rows)


def describe_mirror_tables() -> str:
    """Every table of the local copy: what a row is, where it comes from, its columns."""
    lines = []
    table_catalog = TableCatalog()
    for name, table in sorted(table_catalog.tables.items()):
        source = table_catalog.sources[table.source]
        rows = [(f"`{column.name}`", column.sql_type, column.meaning) for column in table.columns.values()]
        key = ", ".join(f"`{column}`" for column in table.key)
        heading = f"{table.meaning[0].upper()}{table.meaning[1:]}. From `{source.operation}`; its key is {key}."
        heading += f" {table.note}" if table.note else ""
        lines += ["", f"### {name}", "", heading, "", format_table(("column", "type", "meaning"), rows)]
    return "\n".join(lines[1:])


def tabulate_clients() -> str:
    """What was tried with each client, and what it does with variables and long calls."""
    rows = [
        (f"[{client.title}](#{_make_anchor(client.title)})", client.trial, client.environment, client.call_limit)
        for client in CLIENTS.values()
    ]
    return format_table(("client", "version, and what was tried", "variables it passes on", "a call may take"), rows)


def describe_clients() -> str:
    """For each client: its name, where its configuration goes, and how that looks with the simulated shop."""
    lines = []
    for name, client in CLIENTS.items():
        text_format = FORMATS[client.format]
        block = text_format.render(build_block(client, SANDBOX_LAUNCH))
        note = "" if text_format.rewrite else " `--write` does not write YAML."
        lines += [
            "",
            f"## {client.title}",
            "",
            f"`--client {name}`: {list_locations(client)}. {client.advice}{note}",
        ]
        lines += ["", f"```{text_format.language}\n{block}\n```"]
    return "\n".join([*lines, ""])


def _make_anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def list_locations(client: ChatClient) -> str:
    """The file on every system, once where it is the same."""
    systems_by_path: dict[str, list[str]] = {}
    for system, title in SYSTEMS.items():
        systems_by_path.setdefault(describe_location(client.locations, system), []).append(title)
    if len(systems_by_path) == 1:
        return f"`{next(iter(systems_by_path))}`"
    return ", ".join(f"`{path}` ({' and '.join(systems)})" for path, systems in systems_by_path.items())
