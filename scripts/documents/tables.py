"""The tables that stand inside of pages written by hand, each under the name of its place there."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from scripts.documents.pages import describe_effect, tabulate

from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT_TOOLS, select_tools
from mcp_server_tiktok_shop.cli.client_configs import CLIENT_INSTRUCTIONS, build_client_config
from mcp_server_tiktok_shop.protocol.prompts import PROMPT_TEMPLATES
from mcp_server_tiktok_shop.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.catalog.loader import Catalog

PLACE = re.compile(r"(<!-- (?P<name>\w+): written by `make docs` -->\n).*?(<!-- /(?P=name) -->)", re.DOTALL)
PROGRAM = "/path/to/.venv/bin/mcp-server-tiktok-shop"


class PlaceError(Exception):
    """A place without a table for it, or a table without a place."""


def fill(texts: Mapping[str, str], tables: Mapping[str, str]) -> dict[str, str]:
    """The pages, by name, with every table in its place.

    Raises:
        PlaceError: A place names no table, or a table has no place on any page.

    """
    used: set[str] = set()

    def put(place: re.Match[str]) -> str:
        name = place["name"]
        if name not in tables:
            raise PlaceError(f"there is no table {name}")
        used.add(name)
        return f"{place[1]}{tables[name]}\n{place[3]}"

    made = {page: PLACE.sub(put, text) for page, text in texts.items()}
    if missing := tables.keys() - used:
        raise PlaceError(f"no page has a place for {', '.join(sorted(missing))}")
    return made


def make_tables(catalog: Catalog) -> dict[str, str]:
    """Every table by the name of its place."""
    return {
        "areas": tabulate_areas(catalog),
        "clients": describe_clients(),
        "routines": tabulate_routines(),
        "scopes": tabulate_scopes(catalog),
        "settings": tabulate_settings(),
        "tools": tabulate_tools(catalog),
    }


def tabulate_tools(catalog: Catalog) -> str:
    operations = [catalog.operations[name] for name in select_tools(catalog, ("default",), ())]
    rows = [(o.area, f"`{o.name}`", describe_effect(o), o.record["summary"]) for o in operations]
    return tabulate(("area", "tool", "effect", "what it is for"), rows)


def tabulate_areas(catalog: Catalog) -> str:
    counts = Counter(operation.area for operation in catalog.operations.values())
    rows = [(f"[{area}](operations/{area}.md)", count) for area, count in sorted(counts.items())]
    return tabulate(("toolset", "operations"), rows)


def tabulate_routines() -> str:
    rows = [(routine.title, f"`{name}`", routine.description) for name, routine in PROMPT_TEMPLATES.items()]
    return tabulate(("routine", "prompt", "what it does"), rows)


def tabulate_scopes(catalog: Catalog) -> str:
    """What an app must be allowed for the tools that are select_tools by default."""
    users: dict[str, list[str]] = {}
    for name in DEFAULT_TOOLS:
        if scopes := catalog.operations[name].record.get("scope"):
            users.setdefault(" or ".join(f"`{scope}`" for scope in scopes), []).append(f"`{name}`")
    return tabulate(("scope", "opens"), [(scope, ", ".join(names)) for scope, names in users.items()])


def tabulate_settings() -> str:
    rows = []
    for setting in SETTINGS:
        flag = f"none; or `{setting.variable}_FILE`" if setting.is_secret else f"`{setting.flag}`"
        rows.append((f"`{setting.variable}`", flag, setting.default, setting.help))
    return tabulate(("variable", "flag", "default", "meaning"), rows)


def describe_clients() -> str:
    """For each client: what to call it, where its block goes, and how that looks on the simulated shop."""
    lines = []
    for client, words in CLIENT_INSTRUCTIONS.items():
        title, _, where = words.partition(": ")
        shape = build_client_config(client, sandbox=True, is_signed_in=False, launch_command=[PROGRAM])
        lines += ["", f"## {title}", "", f"`--client {client}`: {where}", "", f"```json\n{shape}\n```"]
    return "\n".join([*lines, ""])
