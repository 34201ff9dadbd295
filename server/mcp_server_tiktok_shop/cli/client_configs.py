"""The block that a chat client's configuration wants, with the path of this installation in it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

CLIENTS = {
    "claude-desktop": (
        "Claude Desktop: Settings > Developer > Edit Config opens claude_desktop_config.json; put this in, restart."
    ),
    "claude-code": "Claude Code: save as .mcp.json in the project's folder.",
    "cursor": "Cursor: save as .cursor/mcp.json in the project's folder, or ~/.cursor/mcp.json for all.",
    "vscode": "VS Code: save as .vscode/mcp.json in the project's folder. VS Code asks for a secret and keeps it.",
}
NAME = "tiktok-shop"


def command() -> list[str]:
    """How this installation is started, with absolute paths: clients start servers without a shell's PATH."""
    beside = Path(sys.executable).with_name("mcp-server-tiktok-shop" + (".exe" if sys.platform == "win32" else ""))
    if beside.exists():
        return [str(beside)]
    found = shutil.which("mcp-server-tiktok-shop")
    return [str(Path(found).absolute())] if found else [sys.executable, "-m", "mcp_server_tiktok_shop"]


def block(client: str, *, sandbox: bool, signed_in: bool, start: list[str]) -> str:
    """The JSON to paste for one of `CLIENTS`; where nobody has signed in it names the settings to fill in."""
    program, *arguments = start
    entry: dict[str, Any] = {"command": program, "args": [*arguments, "--sandbox"] if sandbox else arguments}
    if client in ("claude-code", "vscode"):
        entry = {"type": "stdio"} | entry
    if not sandbox and not signed_in:
        secret = "${input:tiktok-shop-app-secret}" if client == "vscode" else ""
        entry["env"] = {"TIKTOK_SHOP_APP_KEY": "", "TIKTOK_SHOP_APP_SECRET": secret}
    name = f"{NAME}-sandbox" if sandbox else NAME
    if client != "vscode":
        return json.dumps({"mcpServers": {name: entry}}, indent=2)
    whole: dict[str, Any] = {"servers": {name: entry}}
    if "env" in entry:
        told = "App secret of your TikTok Shop app"
        ask = {"type": "promptString", "id": "tiktok-shop-app-secret", "description": told, "password": True}
        whole = {"inputs": [ask]} | whole
    return json.dumps(whole, indent=2)
