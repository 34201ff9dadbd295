"""The command `config`: prints what a chat client's configuration needs, with the path of this installation in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.cli.app_runner import build_server_app
from mcp_server_tiktok_shop.cli.launch_command import find_launch_command
from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.cli.setting_options import to_flags
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.settings import Settings

CLIENT_INSTRUCTIONS = {
    "claude-desktop": (
        "Claude Desktop: Settings > Developer > Edit Config opens claude_desktop_config.json; put this in, restart."
    ),
    "claude-code": "Claude Code: save as .mcp.json in the project's folder.",
    "cursor": "Cursor: save as .cursor/mcp.json in the project's folder, or ~/.cursor/mcp.json for all.",
    "vscode": "VS Code: save as .vscode/mcp.json in the project's folder. VS Code asks for a secret and keeps it.",
}
SERVER_NAME = "tiktok-shop"
VSCODE_SECRET_INPUT = {
    "type": "promptString",
    "id": "tiktok-shop-app-secret",
    "description": "App secret of your TikTok Shop app",
    "password": True,
}


@click.command("config")
@click.option(
    "--client", type=click.Choice(list(CLIENT_INSTRUCTIONS)), required=True, help="The chat client to set up."
)
@click.option("--sandbox", is_flag=True, help="An entry on the simulated shop: nothing to fill in.")
@click.pass_context
def print_client_config(context: click.Context, /, client: str, *, sandbox: bool) -> None:
    """Print what to paste into a chat client's configuration, with the flags that stand before `config`."""
    settings: Settings = context.obj
    output = Output.from_settings(settings)
    output.print_line(CLIENT_INSTRUCTIONS[client], err=True)
    # Of the flags before the command `--sandbox` is left out: it may stand behind the command as well.
    flags = to_flags({name: text for name, text in context.find_root().params.items() if name != "sandbox"})
    client_config = build_client_config(
        client,
        sandbox=sandbox or settings.sandbox,
        is_signed_in=_has_stored_app(settings),
        launch_command=[*find_launch_command(), *flags],
    )
    output.print_line(client_config)


def _has_stored_app(settings: Settings) -> bool:
    """Whether the store holds an app's key and secret, so that the client's configuration needs none."""
    try:
        return build_server_app(settings).store.read().app is not None
    except ShopError:
        return False


def build_client_config(client: str, *, sandbox: bool, is_signed_in: bool, launch_command: list[str]) -> str:
    """The JSON to paste for one of `CLIENT_INSTRUCTIONS`; where nobody has signed in it names the settings to fill in.

    VS Code has a format of its own, in which it can ask for the secret.
    """
    program, *arguments = launch_command
    entry: dict[str, Any] = {"command": program, "args": [*arguments, "--sandbox"] if sandbox else arguments}
    if client in ("claude-code", "vscode"):
        entry = {"type": "stdio"} | entry
    needs_app = not sandbox and not is_signed_in
    if needs_app:
        secret = f"${{input:{VSCODE_SECRET_INPUT['id']}}}" if client == "vscode" else ""
        entry["env"] = {"TIKTOK_SHOP_APP_KEY": "", "TIKTOK_SHOP_APP_SECRET": secret}
    servers = {f"{SERVER_NAME}-sandbox" if sandbox else SERVER_NAME: entry}
    config: dict[str, Any] = {"servers": servers} if client == "vscode" else {"mcpServers": servers}
    if client == "vscode" and needs_app:
        config = {"inputs": [VSCODE_SECRET_INPUT]} | config
    return json.dumps(config, indent=2)
