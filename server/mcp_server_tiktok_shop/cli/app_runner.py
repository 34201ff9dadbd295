"""Runs a command on the server's parts, and turns its outcome into an exit code."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.errors import SettingsError, ShopError
from mcp_server_tiktok_shop.metrics import NO_METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.teams.team_state import TeamState

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
    """Run the action, and exit with the code it returns, or with 1 and a plain sentence where it was refused.

    Where a database is set, it is done for the tenant in the settings.
    """
    if settings.database:
        run_with_team(settings, lambda state, _output: _act_for_tenant(state, action))
    server_app = build_server_app(settings)
    output = Output(server_app.guard)
    _configure_logging(server_app.guard, settings)
    sys.exit(asyncio.run(_run_action(output, lambda: _act(server_app, output, action))))


def run_with_team(settings: Settings, action: Callable[[TeamState, Output], Coroutine[Any, Any, int]]) -> NoReturn:
    """As `run_with_app`, for what is done with the state of all tenants."""
    open_team_state = load_team_opener(settings)
    output = Output.from_settings(settings)
    _configure_logging(output.guard, settings)

    async def act() -> int:
        async with open_team_state(settings) as state:
            return await action(state, output)

    sys.exit(asyncio.run(_run_action(output, act)))


def load_team_opener(settings: Settings) -> Callable[[Settings], AbstractAsyncContextManager[TeamState]]:
    """What opens the state that teams share; its libraries are an extra.

    Raises:
        CommandError: No database is set, or the extra is not installed.

    """
    if not settings.database:
        raise CommandError("No database is set: --database postgresql://..., or TIKTOK_SHOP_DATABASE")
    try:
        from mcp_server_tiktok_shop.teams.team_state import open_team_state  # noqa: PLC0415 - only where a database is set
    except ModuleNotFoundError as error:
        message = f"A database needs the extra `team` ({error.name} is missing): install mcp-server-tiktok-shop[team]"
        raise CommandError(message) from None
    return open_team_state


async def _act_for_tenant(state: TeamState, action: Callable[[App, Output], Coroutine[Any, Any, int]]) -> int:
    server_app = await state.open_app(state.settings.tenant)
    return await _act(server_app, Output(server_app.guard), action)


async def _act(server_app: App, output: Output, action: Callable[[App, Output], Coroutine[Any, Any, int]]) -> int:
    with suppress(ShopError):  # of a store that can't be read, which the action says
        server_app.tokens.register_stored_secrets()
    try:
        return await action(server_app, output)
    finally:
        await server_app.close()


async def _run_action(output: Output, act: Callable[[], Coroutine[Any, Any, int]]) -> int:
    try:
        return await act()
    except SettingsError as error:
        raise CommandError(str(error)) from None
    except ShopError as error:
        output.print_error(error)
    except OSError as error:
        output.print_line(f"Error: {error.strerror or type(error).__name__}: {error.filename or ''}", err=True)
    return FAILURE_EXIT_CODE


def _configure_logging(guard: OutgoingGuard, settings: Settings) -> None:
    # A line for each call is for who reads a server's log, not for who waits for a command.
    logs.configure_logging(guard, "WARNING" if settings.log_level == "INFO" else settings.log_level)
