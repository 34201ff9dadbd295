"""Runs what a command does on the server's parts, and turns how it ends into an exit code."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.errors import SettingsError, ShopError
from mcp_server_tiktok_shop.metrics import NO_METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.settings import Settings

FAILURE_EXIT_CODE = 1


def build_server_app(settings: Settings, catalog: Catalog | None = None, metrics: Metrics | None = None) -> App:
    """The server's parts; `catalog` and `metrics` as in `build_app`.

    Raises:
        CommandError: The settings can't be followed.

    """
    try:
        server_app = build_app(settings, catalog=catalog, metrics=metrics or NO_METRICS)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    Output(server_app.guard).guard_crashes()
    return server_app


def run_with_app(settings: Settings, action: Callable[[App, Output], Coroutine[Any, Any, int]]) -> None:
    """Run the action, and exit with the code it returns, or with 1 and a plain sentence where it was refused."""
    server_app = build_server_app(settings)
    output = Output(server_app.guard)
    # A line for each call is for who reads a server's log, not for who waits for a command.
    logs.configure_logging(server_app.guard, "WARNING" if settings.log_level == "INFO" else settings.log_level)

    with suppress(ShopError):  # of a store that can't be read, which the action says
        server_app.tokens.register_stored_secrets()

    async def run_action() -> int:
        try:
            return await action(server_app, output)
        except ShopError as error:
            output.print_error(error)
        except OSError as error:
            output.print_line(f"Error: {error.strerror or type(error).__name__}: {error.filename or ''}", err=True)
        finally:
            await server_app.close()
        return FAILURE_EXIT_CODE

    sys.exit(asyncio.run(run_action()))
