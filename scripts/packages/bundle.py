"""Makes the desktop bundle: a manifest from settings, tools and skills, and the folder that is packed."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from scripts.packages.facts import AUTHOR, PROJECT, TITLE
from scripts.packages.icon import draw_icon

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.toolsets import select_tools
from mcp_server_tiktok_shop.protocol.skills import load_skills
from mcp_server_tiktok_shop.settings import SETTINGS_BY_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.packages.facts import Facts

    from mcp_server_tiktok_shop.setting_declarations import Setting

MANIFEST_VERSION = "0.4"  # the first with servers that uv starts
ICON_FILE = "icon.png"
# What a person is asked in a form. All else has a default that few people change, and a variable.
FORM_SETTINGS = (
    *("sandbox", "app_key", "app_secret", "service_id", "region", "shop"),
    *("read_only", "confirm", "buyer_data", "time_zone", "proxy"),
)
# A bundle works before anything is filled in: on the simulated shop.
FORM_DEFAULTS = {"sandbox": True}
FORM_HINTS = {"sandbox": " Switch it off when your own app's key is filled in."}
COPIED_FILES = ("README.md", "LICENSE")


def make_manifest(facts: Facts) -> dict[str, Any]:
    """The manifest; addresses stand in it where the facts have an owner."""
    catalog = Catalog()
    settings = [SETTINGS_BY_NAME[name] for name in FORM_SETTINGS]
    addresses: dict[str, Any] = {
        "repository": {"type": "git", "url": facts.repository},
        "homepage": facts.repository,
        "documentation": f"{facts.repository}/blob/main/docs/README.md",
        "support": f"{facts.repository}/issues",
        "privacy_policies": [facts.privacy_policy],
    }
    return {
        "manifest_version": MANIFEST_VERSION,
        "name": facts.name,
        "display_name": TITLE,
        "version": facts.version,
        "description": facts.description,
        "author": {"name": AUTHOR},
        **(addresses if facts.owner else {}),
        "license": facts.project["license"],
        "keywords": facts.project["keywords"],
        "icon": ICON_FILE,
        "server": {
            "type": "uv",
            "entry_point": "server/mcp_server_tiktok_shop/__main__.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", facts.name],
                "env": {setting.variable: f"${{user_config.{setting.name}}}" for setting in settings},
            },
        },
        "tools": [
            {"name": name, "description": catalog.operations[name].record["summary"]}
            for name in select_tools(catalog, ("default",), ())
        ],
        "tools_generated": True,
        "prompts": [
            {
                "name": skill.name,
                "description": skill.description,
                "arguments": list(skill.arguments),
                "text": skill.instructions,
            }
            for skill in load_skills().values()
        ],
        "prompts_generated": True,
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": facts.project["requires-python"]},
        },
        "user_config": {setting.name: _make_field(setting) for setting in settings},
    }


def _make_field(setting: Setting) -> dict[str, Any]:
    """What the form asks for a setting: left empty it is as if it were not set."""
    default_note = f" Left empty: {setting.default}." if setting.default and not setting.is_switch else ""
    kind = {"type": "boolean", "default": False} if setting.is_switch else {"type": "string", "default": ""}
    field = kind | {
        "title": setting.name.replace("_", " ").capitalize(),
        "description": setting.help.replace("`", "") + default_note + FORM_HINTS.get(setting.name, ""),
        "required": False,
    }
    if setting.name in FORM_DEFAULTS:
        field["default"] = FORM_DEFAULTS[setting.name]
    return field | ({"sensitive": True} if setting.is_secret else {})


def write_bundle_folder(facts: Facts, folder: Path) -> None:
    """Put into an empty folder what is packed: manifest, icon, the program, and the versions that it was tried with."""
    folder.mkdir(parents=True)
    text = json.dumps(make_manifest(facts), indent=2, ensure_ascii=False)
    (folder / "manifest.json").write_text(f"{text}\n", encoding="utf-8")
    draw_icon(folder / ICON_FILE)
    shutil.copy(PROJECT / "packaging" / "mcpb" / ".mcpbignore", folder)
    for name in COPIED_FILES:
        shutil.copy(PROJECT / name, folder)
    shutil.copytree(PROJECT / "server", folder / "server", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    project = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    (folder / "pyproject.toml").write_text(
        f"{project}\n[tool.uv]\nconstraint-dependencies = {json.dumps(pins, indent=2)}\n", encoding="utf-8"
    )
