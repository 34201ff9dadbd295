"""The command `call`: calls one operation from a terminal or a script, as an assistant would."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.calls.write_requests import CONFIRMATION_REQUIRED
from mcp_server_tiktok_shop.cli.app_runner import FAILURE_EXIT_CODE, run_with_app
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.terminal import TerminalCaller
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.cli.output import Output
    from mcp_server_tiktok_shop.settings import Settings


@click.command("call")
@click.argument("operation")
@click.option("--arguments", "arguments_text", default="{}", help="A JSON object, or - to read it from standard input.")
@click.option("--indent", "is_indented", is_flag=True, help="JSON for people.")
@click.option("--yes", "assume_yes", is_flag=True, help="Do not ask before a write.")
@click.pass_obj
def call_operation(
    settings: Settings, operation: str, arguments_text: str, *, is_indented: bool, assume_yes: bool
) -> None:
    """Call an operation as an assistant would; exit code 1 if it is refused, or waits for a yes."""
    arguments = _parse_arguments(arguments_text)

    async def print_result(server_app: App, output: Output) -> int:
        try:
            caller = TerminalCaller(output, assume_yes=assume_yes)
            result = await server_app.dispatcher.call(operation, arguments, caller)
            exit_code = FAILURE_EXIT_CODE if result.get("status") == CONFIRMATION_REQUIRED else 0
        except ShopError as error:
            result, exit_code = server_app.result_builder.to_error_result(error), FAILURE_EXIT_CODE
        output.print_json(result, indent=2 if is_indented else None)
        return exit_code

    run_with_app(settings, print_result)


def _parse_arguments(text: str) -> dict[str, Any]:
    """The arguments of the call, from standard input where the text is `-`.

    Raises:
        CommandError: They are not a JSON object.

    """
    try:
        arguments = json.loads(sys.stdin.read() if text == "-" else text)  # reading fails where it is not UTF-8
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise CommandError(f"--arguments is not JSON: {reason}") from None
    if not isinstance(arguments, dict):
        raise CommandError("--arguments is not a JSON object")
    return arguments
