"""The command `digest`: prints what needs the seller now, for a terminal, a scheduled job or a mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop.calls.caller import NON_INTERACTIVE_CALLER
from mcp_server_tiktok_shop.cli.app_runner import run_with_app
from mcp_server_tiktok_shop.tools.worklist.digest import MAX_ENTRIES_PER_KIND, write_markdown, write_text
from mcp_server_tiktok_shop.tools.worklist.layout import lay_out_worklist

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.cli.output import Output
    from mcp_server_tiktok_shop.settings import Settings

LATE_EXIT_CODE = 3  # 1 is a failure, 2 a command used wrongly
FORMATS = ("text", "markdown", "json")


@click.command("digest")
@click.option("--format", "output_format", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--shop", help="One shop, or several by comma; left away: all.")
@click.option("--kind", "kinds", multiple=True, help="Only this kind of work, all of it; may be given several times.")
@click.pass_obj
def print_digest(settings: Settings, *, output_format: str, shop: str | None, kinds: tuple[str, ...]) -> None:
    """Tell what needs the seller now, by deadline, as the tool get_worklist does.

    Exit code 0: nothing is late; 3: something is; 1: it could not be told.
    """

    async def print_worklist(server_app: App, output: Output) -> int:
        worklist = await server_app.worklist.collect(kinds, shop, NON_INTERACTIVE_CALLER)
        if output_format == "json":
            lines = [json.dumps(lay_out_worklist(worklist, is_whole=bool(kinds)), ensure_ascii=False, indent=2)]
        else:
            write = write_markdown if output_format == "markdown" else write_text
            lines = list(write(worklist, len(worklist.entries) if kinds else MAX_ENTRIES_PER_KIND))
        for line in lines:
            output.print_line(line)
        return LATE_EXIT_CODE if worklist.is_late else 0

    run_with_app(settings, print_worklist)
