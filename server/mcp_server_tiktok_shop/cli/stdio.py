"""Serves an assistant over MCP on standard input and output, as a chat client starts it."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop import logs
from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.offer import build_offer, has_shop_choice
from mcp_server_tiktok_shop.protocol.client_pipes import FirstReader, claim_pipes
from mcp_server_tiktok_shop.protocol.first_answers import FirstAnswers

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.protocol.first_answers import Introduction
    from mcp_server_tiktok_shop.settings import Settings

TERMINAL_NOTICE = """\
Serving MCP on standard input and output, as a chat client expects; end with Ctrl-C.
To set up a client: mcp-server-tiktok-shop config --client claude-desktop"""

log = logging.getLogger(__name__)


def serve_stdio(settings: Settings) -> None:
    """Serve one client until it goes away; what it asks first is answered while the rest is being loaded.

    Raises:
        CommandError: The settings can't be followed.

    """
    if settings.database:
        raise CommandError("A database is for `serve --http`: on standard input and output take it away")
    if sys.stdin.isatty():
        from mcp_server_tiktok_shop.cli.output import Output  # noqa: PLC0415 - a chat client has no terminal

        Output.from_settings(settings).print_line(TERMINAL_NOTICE, err=True)
    catalog = Catalog()
    introduction = introduce(settings, catalog)
    pipes = claim_pipes()
    try:
        reader = FirstReader(pipes, FirstAnswers(introduction, serves_envelopes=settings.era != "legacy"))
        reader.start()
        _serve(settings, catalog, introduction, reader)
    finally:
        pipes.restore()


def introduce(settings: Settings, catalog: Catalog) -> Introduction:
    """What a client reads first, before any part of this run is made.

    Raises:
        CommandError: The settings can't be followed.

    """
    try:
        offer = build_offer(settings, catalog)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    secrets = logs.SecretRedactor()
    if settings.sandbox:  # whose shops are known, and whose keys are its own
        list_shop = settings.shop is None and settings.sandbox_shops > 1
    else:
        from mcp_server_tiktok_shop.state.files.accounts import FileAccountStore  # noqa: PLC0415

        secrets.register_secrets(*settings.collect_secrets())
        list_shop = has_shop_choice(settings, FileAccountStore(settings.home_folder.accounts_path))
    return offer.introduce(settings, OutgoingGuard(secrets, settings.buyer_data), list_shop=list_shop)


def _serve(settings: Settings, catalog: Catalog, introduction: Introduction, reader: FirstReader) -> None:
    # Not loaded before the client's first questions are read: this takes as long as all else.
    from mcp_server_tiktok_shop.cli.app_runner import build_server_app  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.delivery import PipeDelivery  # noqa: PLC0415
    from mcp_server_tiktok_shop.protocol.server import run_stdio  # noqa: PLC0415
    from mcp_server_tiktok_shop.state.files.private_files import HOME_HINT, find_folder_fault  # noqa: PLC0415

    server_app = build_server_app(settings, catalog)
    logs.configure_logging(server_app.guard, settings.log_level)
    if fault := find_folder_fault(settings.home_folder.root):
        log.warning("%s: reads go on, and what has to be remembered is refused. %s", fault, HOME_HINT)
    delivery = PipeDelivery(reader.pipes.output)

    async def close() -> None:
        await delivery.finish()
        await server_app.close()

    server = server_app.build_server(delivery, introduction)
    run_stdio(server, reader, close=close, wait_for_pairs=server_app.wait_for_pairs)
