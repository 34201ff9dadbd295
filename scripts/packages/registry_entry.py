"""Makes the entry of the MCP registry: where the package is, how it is started and by which variables it is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.packages.facts import TITLE

from mcp_server_tiktok_shop.settings import SETTINGS

if TYPE_CHECKING:
    from scripts.packages.facts import Facts

SCHEMA_URL = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
MAX_DESCRIPTION_CHARS = 100


def make_registry_name(facts: Facts) -> str:
    """The name under which it is listed; the README of a published package has to name it, as a proof."""
    return f"io.github.{facts.owner}/{facts.name}"


def make_registry_entry(facts: Facts) -> dict[str, Any]:
    """The text of `server.json` for facts that have an owner."""
    return {
        "$schema": SCHEMA_URL,
        "name": make_registry_name(facts),
        "title": TITLE,
        "description": facts.description.partition(":")[0][:MAX_DESCRIPTION_CHARS],
        "version": facts.version,
        "repository": {"url": facts.repository, "source": "github"},
        "packages": [
            {
                "registryType": "pypi",
                "identifier": facts.name,
                "version": facts.version,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "environmentVariables": [
                    {
                        "name": setting.variable,
                        "description": setting.help,
                        "format": "boolean" if setting.is_switch else "string",
                        "isRequired": False,
                        "isSecret": setting.is_secret,
                    }
                    for setting in SETTINGS
                ],
            }
        ],
    }
