"""Serves an assistant over MCP on standard input and output, as a chat client starts it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.cli.app_runner import build_server_app
from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.protocol.server import run_stdio

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.settings import Settings

TERMINAL_NOTICE = """\
Serving MCP on standard input and output, as a chat client expects; end with Ctrl-C.
To set up a client: mcp-server-tiktok-shop config --client claude-desktop"""


def serve_stdio(settings: Settings) -> None:
    """Serve one client until it goes away."""
    if sys.stdin.isatty():
        Output.from_settings(settings).print_line(TERMINAL_NOTICE, err=True)
    server_app = build_server_app(settings)
    logs.configure_logging(server_app.guard, settings.log_level)
    run_stdio(server_app.build_server(), era=settings.era, close=server_app.close)
