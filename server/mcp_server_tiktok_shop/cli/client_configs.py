"""The block that a chat client's configuration wants, with the path of this installation in it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

CLIENT_INSTRUCTIONS = {
    "claude-desktop": (
        "Claude Desktop: Settings > Developer > Edit Config opens claude_desktop_config.json; put this in, restart."
    ),
    "claude-code": "Claude Code: save as .mcp.json in the project's folder.",
    "cursor": "Cursor: save as .cursor/mcp.json in the project's folder, or ~/.cursor/mcp.json for all.",
    "vscode": "VS Code: save as .vscode/mcp.json in the project's folder. VS Code asks for a secret and keeps it.",
}
SERVER_NAME = "tiktok-shop"


def find_launch_command() -> list[str]:
    """How this installation is started, with absolute paths: clients start servers without a shell's PATH."""
    script = Path(sys.executable).with_name("mcp-server-tiktok-shop" + (".exe" if sys.platform == "win32" else ""))
    if script.exists():
        return [str(script)]
    script_on_path = shutil.which("mcp-server-tiktok-shop")
    return (
        [str(Path(script_on_path).absolute())] if script_on_path else [sys.executable, "-m", "mcp_server_tiktok_shop"]
    )


def build_client_config(client: str, *, sandbox: bool, is_signed_in: bool, launch_command: list[str]) -> str:
    """The JSON to paste for one of `CLIENTS`; where nobody has signed in it names the settings to fill in."""
    program, *arguments = launch_command
    entry: dict[str, Any] = {"command": program, "args": [*arguments, "--sandbox"] if sandbox else arguments}
    if client in ("claude-code", "vscode"):
        entry = {"type": "stdio"} | entry
    if not sandbox and not is_signed_in:
        secret = "${input:tiktok-shop-app-secret}" if client == "vscode" else ""
        entry["env"] = {"TIKTOK_SHOP_APP_KEY": "", "TIKTOK_SHOP_APP_SECRET": secret}
    name = f"{SERVER_NAME}-sandbox" if sandbox else SERVER_NAME
    if client != "vscode":
        return json.dumps({"mcpServers": {name: entry}}, indent=2)
    config: dict[str, Any] = {"servers": {name: entry}}
    if "env" in entry:
        description = "App secret of your TikTok Shop app"
        secret_input = {
            "type": "promptString",
            "id": "tiktok-shop-app-secret",
            "description": description,
            "password": True,
        }
        config = {"inputs": [secret_input]} | config
    return json.dumps(config, indent=2)
