"""The command `mcp-server-tiktok-shop`: serves an assistant, or runs one of the other commands."""

from __future__ import annotations

import gc
import os

import click

from mcp_server_tiktok_shop import __version__
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.lazy_commands import LazyCommands
from mcp_server_tiktok_shop.cli.setting_options import ENVIRONMENT_META_KEY, add_setting_options
from mcp_server_tiktok_shop.cli.start_errors import ServerGroup
from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.settings import read_settings

SERVING_COMMAND = "serve"
COMMANDS = LazyCommands(
    {
        "call": "mcp_server_tiktok_shop.cli.call:call_operation",
        "check": "mcp_server_tiktok_shop.cli.check:check_installation",
        "config": "mcp_server_tiktok_shop.cli.client_configs.command:configure_client",
        "demo": "mcp_server_tiktok_shop.cli.demo:play_demo",
        "digest": "mcp_server_tiktok_shop.cli.digest:print_digest",
        "journal": "mcp_server_tiktok_shop.cli.journal:print_audit_log",
        "login": "mcp_server_tiktok_shop.cli.login:log_in",
        "logout": "mcp_server_tiktok_shop.cli.logout:log_out",
        "mirror": "mcp_server_tiktok_shop.cli.mirror:manage_mirror",
        "register-webhooks": "mcp_server_tiktok_shop.cli.webhooks:register_webhooks",
        "sandbox": "mcp_server_tiktok_shop.cli.sandbox:serve_sandbox",
        SERVING_COMMAND: "mcp_server_tiktok_shop.cli.serve:serve_assistants",
        "shops": "mcp_server_tiktok_shop.cli.shops:print_shops",
        "tenant": "mcp_server_tiktok_shop.cli.tenant:manage_tenants",
        "tools": "mcp_server_tiktok_shop.cli.tools:print_tools",
    }
)


@click.group(
    cls=ServerGroup,
    commands=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@add_setting_options
@click.version_option(__version__, prog_name="mcp-server-tiktok-shop")
@click.pass_context
def main(context: click.Context, /, **options: str | None) -> None:
    """Serve a TikTok Shop to an assistant, over MCP on standard input and output.

    Try it without an account: mcp-server-tiktok-shop --sandbox. Use your own shop: mcp-server-tiktok-shop login.
    Secrets are given by environment variables (TIKTOK_SHOP_APP_SECRET, ...) or files
    (TIKTOK_SHOP_APP_SECRET_FILE), never by flags.
    """
    try:
        settings = read_settings(os.environ, options)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    context.obj = settings
    context.meta[ENVIRONMENT_META_KEY] = os.environ  # for the command that carries it over into a client's file
    if context.invoked_subcommand is None:
        from mcp_server_tiktok_shop.cli.stdio import serve_stdio  # noqa: PLC0415 - no command and no help needs it

        serve_stdio(settings)
    if context.invoked_subcommand != SERVING_COMMAND:  # which turns it on itself, when it serves
        gc.enable()  # off since the start, see __main__; the command's own modules are imported by now
