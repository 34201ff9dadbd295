"""The command `tenant`: whose accounts and state lie in the database, and the key that seals their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mcp_server_tiktok_shop.cli.app_runner import FAILURE_EXIT_CODE, run_with_team
from mcp_server_tiktok_shop.cli.output import json_option

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.cli.output import Output
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.teams import TeamState


@click.group("tenant")
def manage_tenants() -> None:
    """Say whom a server with a database serves. Each tenant has accounts and state of its own."""


@manage_tenants.command("add")
@click.argument("name")
@click.pass_obj
def add_tenant(settings: Settings, name: str) -> None:
    """Add a tenant. Its sellers sign in with `--tenant NAME login`, or through an assistant."""

    async def add(state: TeamState, output: Output) -> int:
        is_new = await state.directory.add(name)
        output.print_line(f"There is a tenant {name} now." if is_new else f"There is a tenant {name} already.")
        return 0

    run_with_team(settings, add)


@manage_tenants.command("list")
@json_option
@click.pass_obj
def list_tenants(settings: Settings, *, as_json: bool) -> None:
    """Name the tenants, since when there are, and how many accounts each has."""

    async def list_all(state: TeamState, output: Output) -> int:
        tenants = await state.directory.list_all()
        report = {
            "tenants": [
                {"id": tenant.id, "since": tenant.created_at.isoformat(), "accounts": tenant.account_count}
                for tenant in tenants
            ]
        }
        lines = [
            f"{tenant.id}  {tenant.account_count} accounts, since {tenant.created_at:%Y-%m-%d}" for tenant in tenants
        ]
        output.print_report(report, lines, as_json=as_json)
        return 0

    run_with_team(settings, list_all)


@manage_tenants.command("remove")
@click.argument("name")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_tenant(settings: Settings, name: str, *, is_sure: bool) -> None:
    """Delete a tenant with its tokens and all its state; what it changed stays in the audit log.

    At the platform the sellers' authorizations stay until they end them.
    """

    async def remove(state: TeamState, output: Output) -> int:
        if not is_sure and not output.ask(f"Delete tenant {name} with its tokens and all its state?"):
            output.print_line("Nothing was deleted.", err=True)
            return FAILURE_EXIT_CODE
        await state.directory.remove(name)
        output.print_line(f"Tenant {name} is deleted.")
        return 0

    run_with_team(settings, remove)


@manage_tenants.command("rotate-key")
@click.pass_obj
def rotate_key(settings: Settings) -> None:
    """Seal all secrets with the first key in TIKTOK_SHOP_DATABASE_KEY: the others are not needed then."""

    async def reseal(state: TeamState, output: Output) -> int:
        count = await state.reseal()
        output.print_line(f"The secrets of {count} tenants are sealed with the key {state.cipher.key_id} now.")
        return 0

    run_with_team(settings, reseal)
