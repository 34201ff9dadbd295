"""Packages say what the records say: one version, each setting once, and nothing that the wheel lacks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from scripts.package import fill_form
from scripts.packages.bundle import FORM_SETTINGS, make_manifest, write_bundle_folder
from scripts.packages.facts import PROJECT, Facts
from scripts.packages.plugin import make_plugin_files, write_plugin_folder
from scripts.packages.registry_entry import make_registry_entry, make_registry_name

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.toolsets import ALWAYS_LISTED_TOOLS, DEFAULT_TOOLS
from mcp_server_tiktok_shop.protocol.skills import SKILL_FILE, SKILLS_FOLDER, load_skills
from mcp_server_tiktok_shop.settings import SETTINGS, SETTINGS_BY_NAME, read_settings

if TYPE_CHECKING:
    from pathlib import Path

NOBODY, SOMEBODY = Facts(), Facts("example")


def test_every_package_has_the_version_of_the_program() -> None:
    versions = {make_manifest(NOBODY)["version"], make_registry_entry(SOMEBODY)["version"], NOBODY.project["version"]}
    versions |= {package["version"] for package in make_registry_entry(SOMEBODY)["packages"]}
    plugin = make_plugin_files(NOBODY)
    versions |= {plugin["plugin.json"]["version"], plugin[".claude-plugin/plugin.json"]["version"]}
    versions |= {
        server["args"][0].partition("==")[2]
        for path in ("mcp.json", ".mcp.json")
        for server in plugin[path]["mcpServers"].values()
    }
    assert versions == {NOBODY.version}


def test_the_bundle_s_form_asks_for_settings_as_they_are_declared(home: Path) -> None:
    manifest = make_manifest(NOBODY)
    form = manifest["user_config"]
    assert list(form) == list(FORM_SETTINGS)
    for name, each in form.items():
        setting = SETTINGS_BY_NAME[name]
        assert each.get("sensitive", False) == setting.is_secret, name
        assert (each["type"] == "boolean") == setting.is_switch, name
        assert setting.help.replace("`", "") in each["description"]
        assert each["required"] is False
        # Without a default a host may leave the place itself in the variable.
        assert "default" in each
    assert {"app_secret", "proxy"} <= {name for name, each in form.items() if each.get("sensitive")}
    command, environment = fill_form(manifest, home)
    assert command == ["uv", "run", "--directory", str(home), NOBODY.name]
    settings = read_settings(environment | {"TIKTOK_SHOP_HOME": str(home)})
    assert settings.sandbox, "a bundle answers before anything is filled in"
    filled = environment | {"TIKTOK_SHOP_SANDBOX": "false", "TIKTOK_SHOP_APP_KEY": "key", "TIKTOK_SHOP_HOME": str(home)}
    assert (read_settings(filled).app_key, read_settings(filled).sandbox) == ("key", False)


def test_the_manifest_lists_the_tools_and_the_skills() -> None:
    manifest = make_manifest(NOBODY)
    assert {tool["name"] for tool in manifest["tools"]} == {*ALWAYS_LISTED_TOOLS, *DEFAULT_TOOLS}
    assert [prompt["name"] for prompt in manifest["prompts"]] == list(load_skills())
    assert all(prompt["text"] == load_skills()[prompt["name"]].instructions for prompt in manifest["prompts"])


def test_addresses_are_told_where_somebody_publishes_it() -> None:
    assert "https://" not in json.dumps({n: v for n, v in make_manifest(NOBODY).items() if n != "prompts"})
    published = make_manifest(SOMEBODY)
    (policy,) = published["privacy_policies"]
    page, _, anchor = policy.partition("/blob/main/")[2].partition("#")
    headings = re.findall(r"^#+ (.+)$", (PROJECT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [heading.lower().replace(" ", "-") for heading in headings]
    assert (PROJECT / published["documentation"].partition("/blob/main/")[2]).exists()


def test_a_bundle_holds_the_program_and_nothing_that_was_made_beside_it(tmp_path: Path) -> None:
    write_bundle_folder(NOBODY, tmp_path / "bundle")
    paths = {path.relative_to(tmp_path / "bundle").as_posix() for path in (tmp_path / "bundle").rglob("*")}
    assert {"manifest.json", "icon.png", "pyproject.toml", "README.md", "LICENSE", ".mcpbignore"} <= paths
    assert make_manifest(NOBODY)["server"]["entry_point"] in paths
    assert not [path for path in paths if "__pycache__" in path or path.startswith(("tests", ".venv"))]
    folder = "server/mcp_server_tiktok_shop"
    assert {f"{folder}/skills/{name}/{SKILL_FILE}" for name in load_skills()} <= paths
    with Image.open(tmp_path / "bundle" / "icon.png") as icon:
        assert (icon.format, icon.size) == ("PNG", (512, 512))
    assert "[tool.uv]" in (tmp_path / "bundle" / "pyproject.toml").read_text(encoding="utf-8")


def test_a_plugin_holds_the_skills_themselves(tmp_path: Path) -> None:
    write_plugin_folder(NOBODY, tmp_path / "plugin")
    for name in load_skills():
        copied = (tmp_path / "plugin" / "skills" / name / SKILL_FILE).read_bytes()
        assert copied == (SKILLS_FOLDER / name / SKILL_FILE).read_bytes()
    (command,) = (tmp_path / "plugin" / "commands").iterdir()
    text = command.read_text(encoding="utf-8")
    assert set(re.findall(r"\b[a-z]+_[a-z_]+\b", text)) <= Catalog().operations.keys()
    assert set(re.findall(r"TIKTOK_SHOP_\w+", text)) <= {setting.variable for setting in SETTINGS}
    # The fields that Agent Plugins 1.0.0 has; a client reports any other.
    known = {"$schema", "name", "version", "description", "author", "homepage", "repository", "license", "keywords"}
    assert make_plugin_files(SOMEBODY)["plugin.json"].keys() <= known
    assert (tmp_path / "plugin" / ".claude-plugin" / "icon.png").exists()


@pytest.mark.parametrize("rule", ["name", "description", "variables"])
def test_the_registry_s_entry_keeps_the_registry_s_rules(rule: str) -> None:
    entry = make_registry_entry(SOMEBODY)
    (package,) = entry["packages"]
    if rule == "name":
        assert entry["name"] == make_registry_name(SOMEBODY) == "io.github.example/mcp-server-tiktok-shop"
        assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"])
    elif rule == "description":
        assert 1 <= len(entry["description"]) <= 100
    else:
        told = {each["name"]: each["isSecret"] for each in package["environmentVariables"]}
        assert told == {setting.variable: setting.is_secret for setting in SETTINGS}
