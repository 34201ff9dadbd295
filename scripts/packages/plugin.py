"""Makes the plugin folder: skills, a command and the server, for Claude Code and for clients of Agent Plugins."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from scripts.packages.facts import AUTHOR, PROJECT
from scripts.packages.icon import draw_icon

from mcp_server_tiktok_shop.protocol.first_answers import SERVER_NAME
from mcp_server_tiktok_shop.protocol.skills import SKILLS_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.packages.facts import Facts

AGENT_PLUGINS_SCHEMAS = "https://agent-plugins.org/schemas/1.0.0"


def make_plugin_files(facts: Facts) -> dict[str, dict[str, Any]]:
    """The JSON files of the folder by their paths: for each kind of client its manifest and its server."""
    manifest = {
        "name": SERVER_NAME,
        "version": facts.version,
        "description": facts.description,
        "author": {"name": AUTHOR},
        **({"homepage": facts.repository, "repository": facts.repository} if facts.owner else {}),
        "license": facts.project["license"],
        "keywords": facts.project["keywords"],
    }
    server = {"command": "uvx", "args": [f"{facts.name}=={facts.version}"]}
    schemas = {name: {"$schema": f"{AGENT_PLUGINS_SCHEMAS}/{name}.schema.json"} for name in ("plugin", "mcp")}
    return {
        "plugin.json": schemas["plugin"] | manifest,
        "mcp.json": schemas["mcp"] | {"mcpServers": {SERVER_NAME: {"type": "stdio"} | server}},
        ".claude-plugin/plugin.json": manifest,
        ".mcp.json": {"mcpServers": {SERVER_NAME: server}},
    }


def write_plugin_folder(facts: Facts, folder: Path) -> None:
    """Put the plugin into an empty folder."""
    shutil.copytree(PROJECT / "packaging" / "plugin", folder)
    shutil.copytree(SKILLS_FOLDER, folder / "skills")
    shutil.copy(PROJECT / "LICENSE", folder)
    for path, content in make_plugin_files(facts).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
    draw_icon(folder / ".claude-plugin" / "icon.png")
