"""The doctor: goes through settings, store, network, clock, signature, token and scopes, and says what to do."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.calls.caller import NOBODY
from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.account_store import FileStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mcp_server_tiktok_shop.app import Parts

OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `advice` says what to do where it is not well."""

    about: str
    well: bool
    told: str
    advice: str = ""


async def examine(parts: Parts, *, as_json: bool) -> int:
    """Tell all findings; 0 where all is well, else 1."""
    findings = [*_settings(parts), *_store(parts), *await _connection(parts)]
    if all(finding.well for finding in findings):
        findings += [finding async for finding in _scopes(parts)]
    if as_json:
        click.echo(parts.secrets.hide(json.dumps({"findings": [asdict(f) for f in findings]}, indent=2)))
    for finding in () if as_json else findings:
        mark = click.style("ok  ", fg="green") if finding.well else click.style("not ", fg="red")
        click.echo(parts.secrets.hide(f"{mark} {finding.about}: {finding.told}"))
        if finding.advice:
            click.echo(parts.secrets.hide(f"       {finding.advice}"))
    return 0 if all(finding.well for finding in findings) else 1


def _settings(parts: Parts) -> Iterator[Finding]:
    settings = parts.settings
    where = "the simulated shop" if settings.sandbox else settings.api_url
    mode = "read-only" if settings.read_only else "reads and writes"
    pinned = f", pinned to {settings.shop}" if settings.shop else ""
    yield Finding("settings", well=True, told=f"{where}, {mode}{pinned}, state in {settings.state}")
    try:
        key = parts.tokens.app.key
    except ShopError as error:
        yield Finding("app", well=False, told=error.message, advice="Run: mcp-server-tiktok-shop login")
    else:
        yield Finding("app", well=True, told=f"key {key}, secret given")


def _store(parts: Parts) -> Iterator[Finding]:
    if not isinstance(parts.store, FileStore):
        return
    path = parts.store.path
    if not path.exists():
        yield Finding("store", well=True, told=f"{path} does not exist yet")
        return
    try:
        kept = len(parts.store.now().accounts)
    except ShopError as error:
        yield Finding("store", well=False, told=error.message, advice=error.hint)
        return
    yield Finding("store", well=True, told=f"{path}, {kept} accounts")
    if os.name != "nt" and path.stat().st_mode & OPEN_TO_OTHERS:
        yield Finding("permissions", well=False, told="others can read the store", advice=f"Run: chmod 600 {path}")


async def _connection(parts: Parts) -> list[Finding]:
    told: dict[str, Any] = await parts.assistant.local["check_connection"]({}, None, NOBODY)
    findings = []
    for about, key in (("platform", "platform"), ("auth host", "auth_host")):
        host = told[key]
        through = f" through {host['proxy']}" if "proxy" in host else ""
        if host["reached"]:
            findings.append(Finding(about, well=True, told=f"{host['url']}{through}, {host['milliseconds']} ms"))
        else:
            advice = "Check the network, the proxy and its credentials."
            lost = f"{host['url']} not reached{through}: {host['reason']}"
            findings.append(Finding(about, well=False, told=lost, advice=advice))
    ahead = told["clock_seconds_ahead"]
    shown = "unknown: the platform told no time" if ahead is None else f"{ahead:+d} s"
    findings.append(Finding("clock", well="clock_advice" not in told, told=told.get("clock_advice", shown)))
    sign_in = told["sign_in"]
    if sign_in["accepted"]:
        states = {True: "active", False: "not active"}
        names = ", ".join(f"{s['name']} ({s['region']}, {states[s['active']]})" for s in sign_in["shops"])
        findings.append(Finding("key, signature, token", well=True, told=f"accepted; shops: {names or 'none'}"))
    else:
        for failed in sign_in.get("failed", [sign_in]):
            whose = f"{failed['account']}: " if "account" in failed else ""
            advice = str(failed.get("hint", ""))
            findings.append(Finding("key, signature, token", False, f"{whose}{failed['message']}", advice))
    return findings


async def _scopes(parts: Parts) -> AsyncIterator[Finding]:
    """Which listed tools an authorization does not cover, where it says what it covers."""
    operations = parts.assistant.catalog.operations
    accounts = list((await parts.tokens.accounts()).values())
    if parts.settings.shop is not None:
        accounts = [target.account for target in await parts.assistant.platform.shops.known()]
    for account in accounts:
        granted = set(account.granted_scopes)
        if not granted:
            continue
        wanted = {name: set(operations[name].record.get("scope", ())) for name in DEFAULT}
        missing = {name: scopes for name, scopes in wanted.items() if scopes and not scopes & granted}
        about = f"scopes of {account.name or account.id}"
        if not missing:
            yield Finding(about, well=True, told=f"{len(granted)} granted, all listed tools covered")
            continue
        scopes = ", ".join(sorted(set().union(*missing.values())))
        advice = f"Enable {scopes} for the app in Partner Center, then sign in again."
        yield Finding(about, well=False, told=f"not covered: {', '.join(missing)}", advice=advice)
