"""The doctor: goes through settings, store, network, clock, signature, token and scopes, and says what to do."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.calls.caller import NON_INTERACTIVE_CALLER
from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT_TOOLS
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.accounts import FileAccountStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mcp_server_tiktok_shop.app import App

OTHERS_PERMISSION_BITS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing looked at; `advice` says what to do where it is not well."""

    about: str
    well: bool
    told: str
    advice: str = ""


async def run_checks(server_app: App, *, as_json: bool) -> int:
    """Tell all findings; 0 where all is well, else 1."""
    findings = [*_check_settings(server_app), *_check_store(server_app), *await _check_connection(server_app)]
    if all(finding.well for finding in findings):
        findings += [finding async for finding in _check_scopes(server_app)]
    if as_json:
        click.echo(server_app.secrets.redact_secrets(json.dumps({"findings": [asdict(f) for f in findings]}, indent=2)))
    for finding in () if as_json else findings:
        mark = click.style("ok  ", fg="green") if finding.well else click.style("not ", fg="red")
        click.echo(server_app.secrets.redact_secrets(f"{mark} {finding.about}: {finding.told}"))
        if finding.advice:
            click.echo(server_app.secrets.redact_secrets(f"       {finding.advice}"))
    return 0 if all(finding.well for finding in findings) else 1


def _check_settings(server_app: App) -> Iterator[CheckResult]:
    settings = server_app.settings
    platform = "the simulated shop" if settings.sandbox else settings.api_url
    mode = "read-only" if settings.read_only else "reads and writes"
    pinned_text = f", pinned to {settings.shop}" if settings.shop else ""
    yield CheckResult(
        "settings", well=True, told=f"{platform}, {mode}{pinned_text}, state in {settings.home_folder.root}"
    )
    try:
        key = server_app.tokens.app.key
    except ShopError as error:
        yield CheckResult("app", well=False, told=error.message, advice="Run: mcp-server-tiktok-shop login")
    else:
        yield CheckResult("app", well=True, told=f"key {key}, secret given")


def _check_store(server_app: App) -> Iterator[CheckResult]:
    if not isinstance(server_app.store, FileAccountStore):
        return
    path = server_app.store.path
    if not path.exists():
        yield CheckResult("store", well=True, told=f"{path} does not exist yet")
        return
    try:
        account_count = len(server_app.store.read().accounts)
    except ShopError as error:
        yield CheckResult("store", well=False, told=error.message, advice=error.hint)
        return
    yield CheckResult("store", well=True, told=f"{path}, {account_count} accounts")
    if os.name != "nt" and path.stat().st_mode & OTHERS_PERMISSION_BITS:
        yield CheckResult("permissions", well=False, told="others can read the store", advice=f"Run: chmod 600 {path}")


async def _check_connection(server_app: App) -> list[CheckResult]:
    connection: dict[str, Any] = await server_app.dispatcher.local_tools["check_connection"](
        {}, None, NON_INTERACTIVE_CALLER
    )
    findings = []
    for about, key in (("platform", "platform"), ("auth host", "auth_host")):
        host = connection[key]
        proxy_text = f" through {host['proxy']}" if "proxy" in host else ""
        if host["reached"]:
            findings.append(CheckResult(about, well=True, told=f"{host['url']}{proxy_text}, {host['milliseconds']} ms"))
        else:
            advice = "Check the network, the proxy and its credentials."
            message = f"{host['url']} not reached{proxy_text}: {host['reason']}"
            findings.append(CheckResult(about, well=False, told=message, advice=advice))
    clock_offset = connection["clock_seconds_ahead"]
    clock_text = "unknown: the platform told no time" if clock_offset is None else f"{clock_offset:+d} s"
    findings.append(
        CheckResult("clock", well="clock_advice" not in connection, told=connection.get("clock_advice", clock_text))
    )
    sign_in = connection["sign_in"]
    if sign_in["accepted"]:
        states = {True: "active", False: "not active"}
        names = ", ".join(f"{s['name']} ({s['region']}, {states[s['active']]})" for s in sign_in["shops"])
        findings.append(CheckResult("key, signature, token", well=True, told=f"accepted; shops: {names or 'none'}"))
    else:
        for failed in sign_in.get("failed", [sign_in]):
            account_prefix = f"{failed['account']}: " if "account" in failed else ""
            advice = str(failed.get("hint", ""))
            findings.append(CheckResult("key, signature, token", False, f"{account_prefix}{failed['message']}", advice))
    return findings


async def _check_scopes(server_app: App) -> AsyncIterator[CheckResult]:
    """Which listed tools an authorization does not cover, where it says what it covers."""
    operations = server_app.dispatcher.catalog.operations
    accounts = list((await server_app.tokens.load_accounts()).values())
    if server_app.settings.shop is not None:
        accounts = [target.account for target in await server_app.dispatcher.platform.shops.list_targets()]
    for account in accounts:
        granted_scopes = set(account.granted_scopes)
        if not granted_scopes:
            continue
        required_scopes = {name: set(operations[name].record.get("scope", ())) for name in DEFAULT_TOOLS}
        missing_scopes = {
            name: scopes for name, scopes in required_scopes.items() if scopes and not scopes & granted_scopes
        }
        about = f"scopes of {account.name or account.id}"
        if not missing_scopes:
            yield CheckResult(about, well=True, told=f"{len(granted_scopes)} granted, all listed tools covered")
            continue
        scopes = ", ".join(sorted(set().union(*missing_scopes.values())))
        advice = f"Enable {scopes} for the app in Partner Center, then sign in again."
        yield CheckResult(about, well=False, told=f"not covered: {', '.join(missing_scopes)}", advice=advice)
