"""The command `shops`: lists the shops that a call can be for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.cli.app_runner import run_with_app
from mcp_server_tiktok_shop.cli.output import Output, json_option

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.settings import Settings


@click.command("shops")
@json_option
@click.pass_obj
def print_shops(settings: Settings, *, as_json: bool) -> None:
    """Name the shops that this server can act on."""

    async def list_shops(server_app: App, output: Output) -> int:
        report = await server_app.local_tools.read("list_shops")
        lines = [*map(_format_shop, report.get("shops", ())), *filter(None, [report.get("note", "")])]
        output.print_report(report, lines, as_json=as_json)
        return 0

    run_with_app(settings, list_shops)


def _format_shop(shop: dict[str, Any]) -> str:
    end = shop.get("signed_in_until")
    account_text = f"account {shop.get('account', 'unnamed')}{f', signed in until {end}' if end else ''}"
    return f"{shop['name']}  {shop['region']}  {shop['id']}  ({account_text})"
