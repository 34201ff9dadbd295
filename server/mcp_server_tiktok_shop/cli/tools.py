"""The command `tools`: lists the operations that this server offers, by area."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop.cli.app_runner import run_with_app
from mcp_server_tiktok_shop.cli.output import Output, json_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.settings import Settings


@click.command("tools")
@json_option
@click.pass_obj
def print_tools(settings: Settings, *, as_json: bool) -> None:
    """List every operation that this server does, by area."""

    async def list_tools(server_app: App, output: Output) -> int:
        operations = server_app.operations.list_available()
        rows = [
            {"name": o.name, "area": o.area, "effect": o.effect, "summary": o.record["summary"]} for o in operations
        ]
        output.print_report({"tools": rows}, _format_areas(operations), as_json=as_json)
        return 0

    run_with_app(settings, list_tools)


def _format_areas(operations: list[Operation]) -> Iterator[str]:
    for area in dict.fromkeys(operation.area for operation in operations):
        yield f"\n{area}"
        for operation in operations:
            if operation.area == area:
                yield f"  {operation.name}  ({operation.effect})  {operation.record['summary']}"
