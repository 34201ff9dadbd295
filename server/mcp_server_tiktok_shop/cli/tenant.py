"""The command `tenant`: manages the tenants in the database, and the key that encrypts their secrets."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.cli.app_runner import FAILURE_EXIT_CODE, run_with_team
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.output import count_accounts, json_option
from mcp_server_tiktok_shop.cli.setting_options import make_option, write_flags
from mcp_server_tiktok_shop.setting_texts import CALLBACK_PATH
from mcp_server_tiktok_shop.state.stores import SIGN_IN_LINK_TTL_S
from mcp_server_tiktok_shop.teams.tenant_settings import TENANT_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mcp_server_tiktok_shop.cli.output import Output
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.teams.team_state import TeamState


def add_tenant_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for every setting that a tenant may have of its own."""
    for setting in reversed(TENANT_SETTINGS):
        command = make_option(setting, setting.help)(command)
    return command


LINK_LIFE_HOURS = SIGN_IN_LINK_TTL_S // 3600


@click.group("tenant")
def manage_tenants() -> None:
    """Say whom a server with a database serves. Each tenant has accounts and state of its own."""


@manage_tenants.command("add")
@click.argument("name")
@add_tenant_options
@click.pass_obj
def add_tenant(settings: Settings, /, *, name: str, **options: str | None) -> None:
    """Add a tenant. Its sellers sign in with `--tenant NAME login`, or through an assistant.

    Options are settings of its own, of which the stricter holds, these or the server's.
    """
    texts = _list_given(options)

    async def add(state: TeamState, output: Output) -> int:
        state.ensure_followable(name, texts)
        if not await state.directory.add(name, texts):
            output.print_line(
                f"There is a tenant {name} already." + " Nothing was set: see `tenant set`." * bool(texts)
            )
            return FAILURE_EXIT_CODE if texts else 0
        output.print_line(f"There is a tenant {name} now.")
        return 0

    run_with_team(settings, add)


@manage_tenants.command("set")
@click.argument("name")
@click.option(
    "--unset",
    "unset_flags",
    multiple=True,
    type=click.Choice([setting.flag.removeprefix("--") for setting in TENANT_SETTINGS]),
    help="A setting that is again the server's own; can be given several times.",
)
@add_tenant_options
@click.pass_obj
def set_up_tenant(settings: Settings, /, *, name: str, unset_flags: tuple[str, ...], **options: str | None) -> None:
    """Change the settings of a tenant; servers that run follow at its next request. What is not named stays.

    Of a tenant's setting and the server's the stricter holds: one that lets more than the server's is refused.
    """
    given = _list_given(options)
    unset_names = {setting.name for setting in TENANT_SETTINGS if setting.flag.removeprefix("--") in unset_flags}

    async def change(state: TeamState, output: Output) -> int:
        def merge(texts: dict[str, str]) -> dict[str, str]:
            merged = {setting: text for setting, text in texts.items() if setting not in unset_names} | given
            state.ensure_followable(name, merged)
            return merged

        texts = await state.directory.change_settings(name, merge)
        output.print_line(f"Tenant {name} has of its own: {_describe_settings(texts)}.")
        return 0

    run_with_team(settings, change)


@manage_tenants.command("list")
@json_option
@click.pass_obj
def list_tenants(settings: Settings, *, as_json: bool) -> None:
    """Name the tenants, since when there are, how many accounts each has, and the settings of its own."""

    async def list_all(state: TeamState, output: Output) -> int:
        tenants = await state.directory.list_all()
        report = {
            "tenants": [
                {
                    "id": tenant.id,
                    "since": tenant.created_at.isoformat(),
                    "accounts": tenant.account_count,
                    "settings": dict(tenant.settings),
                }
                for tenant in tenants
            ]
        }
        lines = [
            f"{tenant.id}  {count_accounts(tenant.account_count)}, since {tenant.created_at:%Y-%m-%d}"
            + f"; {_describe_settings(tenant.settings)}" * bool(tenant.settings)
            for tenant in tenants
        ]
        output.print_report(report, lines, as_json=as_json)
        return 0

    run_with_team(settings, list_all)


@manage_tenants.command("sign-in-link")
@click.argument("name")
@json_option
@click.pass_obj
def make_sign_in_link(settings: Settings, name: str, *, as_json: bool) -> None:
    """Make an address by which a seller signs a shop in to a tenant, from any computer: once, within a day.

    Whoever has it can: send it to the seller alone. It needs --http-url, where the servers are reached, and the app's
    --service-id and --region, unless `login` stored them for the tenant.
    """
    if not settings.http_url:
        raise CommandError("--http-url is missing: the address to which the seller's browser comes back")
    redirect_url = settings.http_url + CALLBACK_PATH

    async def make(state: TeamState, output: Output) -> int:
        from mcp_server_tiktok_shop.teams.tenant_sign_in import make_link  # noqa: PLC0415 - of an extra

        url = await make_link(state, name)
        report = {"url": url, "redirect_url": redirect_url, "lives_hours": LINK_LIFE_HOURS}
        lines = [
            f"The seller opens this address within {LINK_LIFE_HOURS} hours, and agrees:\n",
            f"  {url}\n",
            f"It is good once. The app's redirect address in Partner Center has to be {redirect_url}",
        ]
        output.print_report(report, lines, as_json=as_json)
        return 0

    run_with_team(settings, make)


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


def _list_given(options: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in options.items() if text is not None}


def _describe_settings(texts: Mapping[str, str]) -> str:
    return shlex.join(write_flags(texts)) or "nothing"
