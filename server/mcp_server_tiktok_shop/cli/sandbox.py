"""The command `sandbox`: serves the simulated shop on its own, and prints its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop.cli.command_error import CommandError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox import Sandbox


@click.command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option(
    "--shops", "shop_count", type=click.Choice(["1", "3"]), default="1", show_default=True, help="3: two accounts."
)
@click.option(
    "--orders",
    "order_count",
    type=click.IntRange(1, 200_000),
    default=300,
    show_default=True,
    help="In the main shop.",
)
@click.option(
    "--rate",
    "requests_per_second",
    type=click.FloatRange(0, min_open=True),
    help="Requests a second let in, by shop and operation.",
)
@click.option(
    "--delay",
    "answer_delay_ms",
    type=click.IntRange(0, 60_000),
    default=0,
    show_default=True,
    help="Milliseconds that every answer takes longer.",
)
@click.option(
    "--redirect-url",
    default="",
    help="Where sellers are sent who agree, as an app has it in Partner Center. By default a page of its own.",
)
def serve_sandbox(
    port: int,
    shop_count: str,
    order_count: int,
    requests_per_second: float | None,
    answer_delay_ms: int,
    redirect_url: str,
) -> None:
    """Serve the simulated shop over HTTP on this computer, for any client."""
    from mcp_server_tiktok_shop.sandbox.serve import run  # noqa: PLC0415 - a whole platform: help needs none of it

    try:
        run(
            port,
            shops=int(shop_count),
            orders=order_count,
            requests_per_second=requests_per_second,
            answer_delay_s=answer_delay_ms / 1000,
            redirect_url=redirect_url,
            on_ready=_print_environment,
        )
    except OSError as error:
        raise CommandError(f"Port {port} can't be served: {error.strerror}") from None


def _print_environment(base_url: str, shop: Sandbox) -> None:
    """The settings of a client. The one place that prints secrets: they open the simulated shop and nothing else."""
    click.echo(f"The simulated shop answers on {base_url} until Ctrl-C. Its keys open nothing else:\n")
    for name, value in (("API_URL", base_url), ("AUTH_URL", base_url), ("APP_KEY", shop.app_key)):
        click.echo(f"TIKTOK_SHOP_{name}={value}")
    click.echo(f"TIKTOK_SHOP_APP_SECRET={shop.app_secret}")
    for account in shop.accounts:
        click.echo(f"\n# {account.name}: {', '.join(s.name for s in account.shops)}")
        click.echo(f"TIKTOK_SHOP_ACCESS_TOKEN={account.access_token}")
        click.echo(f"TIKTOK_SHOP_REFRESH_TOKEN={account.refresh_token}")
