"""Serves an assistant over MCP on standard input and output, as a chat client starts it."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.cli.app_runner import build_server_app
from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.protocol.delivery import PipeDelivery
from mcp_server_tiktok_shop.protocol.server import run_stdio
from mcp_server_tiktok_shop.state.files.private_files import HOME_HINT, find_folder_fault

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.settings import Settings

TERMINAL_NOTICE = """\
Serving MCP on standard input and output, as a chat client expects; end with Ctrl-C.
To set up a client: mcp-server-tiktok-shop config --client claude-desktop"""

log = logging.getLogger(__name__)


def serve_stdio(settings: Settings) -> None:
    """Serve one client until it goes away."""
    if sys.stdin.isatty():
        Output.from_settings(settings).print_line(TERMINAL_NOTICE, err=True)
    server_app = build_server_app(settings)
    logs.configure_logging(server_app.guard, settings.log_level)
    if fault := find_folder_fault(settings.home_folder.root):
        log.warning("%s: reads go on, and what has to be remembered is refused. %s", fault, HOME_HINT)
    delivery = PipeDelivery()

    async def close() -> None:
        await delivery.finish()
        await server_app.close()

    server = server_app.build_server(delivery)
    run_stdio(server, era=settings.era, close=close, wait_for_pairs=server_app.wait_for_pairs)
