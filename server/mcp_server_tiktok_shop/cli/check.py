"""The command `check`: goes through settings, store, network, clock, sign-in and scopes, and says what to fix."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from mcp_server_tiktok_shop.catalog.toolsets import DEFAULT_TOOLS
from mcp_server_tiktok_shop.cli.app_runner import FAILURE_EXIT_CODE, run_with_app
from mcp_server_tiktok_shop.cli.output import MarkedLine, Output, count_accounts, json_option
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.accounts import FileAccountStore
from mcp_server_tiktok_shop.state.files.audit_log import FileAuditLog
from mcp_server_tiktok_shop.state.files.expiring_records import FileExpiringRecords
from mcp_server_tiktok_shop.state.files.private_files import HOME_HINT, find_folder_fault
from mcp_server_tiktok_shop.state.steady_clock import SteadyClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.accounts import Account

SIGN_IN = "Sign in again with that account: mcp-server-tiktok-shop login"
ISO_DATE_CHARS = len("2026-01-31")
MARKS = {True: ("ok  ", "green"), False: ("not ", "red"), None: ("?   ", "yellow")}  # by whether it is ok
OTHERS_PERMISSION_BITS = stat.S_IRWXG | stat.S_IRWXO


class CheckResult(Struct, frozen=True):
    """What one check found; `is_ok` is None of what can't be told, `advice` says what to do where it is not ok."""

    subject: str
    is_ok: bool | None
    message: str
    advice: str = ""

    def to_json(self) -> Json:
        """The result as scripts read it."""
        return {"about": self.subject, "well": self.is_ok, "told": self.message, "advice": self.advice}

    def format_lines(self) -> Iterator[str | MarkedLine]:
        mark, colour = MARKS[self.is_ok]
        yield MarkedLine(mark, colour, f"{self.subject}: {self.message}")
        if self.advice:
            yield f"       {self.advice}"


@click.command("check")
@json_option
@click.pass_obj
def check_installation(settings: Settings, *, as_json: bool) -> None:
    """Find out what is wrong, and what to do about it."""

    async def print_results(server_app: App, output: Output) -> int:
        results = await run_checks(server_app)
        report = {"findings": [result.to_json() for result in results]}
        lines = (line for result in results for line in result.format_lines())
        output.print_report(report, lines, as_json=as_json, ensure_ascii=True)
        return FAILURE_EXIT_CODE if any(result.is_ok is False for result in results) else 0

    run_with_app(settings, print_results)


async def run_checks(server_app: App) -> list[CheckResult]:
    """All results in the order of what depends on what; scopes are left out where something else is wrong."""
    results = [*_check_settings(server_app), *_check_home(server_app), *_check_store(server_app)]
    if not server_app.settings.database:
        results += [result async for result in _check_records(server_app)]
    results += await _check_connection(server_app)
    if all(result.is_ok is not False for result in results):
        results += [result async for result in _check_scopes(server_app)]
    return results


def _check_settings(server_app: App) -> Iterator[CheckResult]:
    settings = server_app.settings
    platform = "the simulated shop" if settings.sandbox else settings.api_url
    mode = "read-only" if settings.read_only else "reads and writes"
    pinned_text = f", pinned to {settings.shop}" if settings.shop else ""
    place = f"the database, for tenant {settings.tenant}" if settings.database else settings.home_folder.root
    yield CheckResult("settings", True, f"{platform}, {mode}{pinned_text}, state in {place}")
    try:
        key = server_app.tokens.app.key
    except ShopError as error:
        yield CheckResult("app", False, error.message, "Run: mcp-server-tiktok-shop login")
    else:
        yield CheckResult("app", True, f"key {key}, secret given")


def _check_home(server_app: App) -> Iterator[CheckResult]:
    if fault := find_folder_fault(server_app.settings.home_folder.root):
        yield CheckResult("home", False, fault, HOME_HINT)


def _check_store(server_app: App) -> Iterator[CheckResult]:
    if not isinstance(server_app.store, FileAccountStore):
        return
    path = server_app.store.path
    if not path.exists():
        yield CheckResult("store", True, f"{path} does not exist yet")
        return
    try:
        contents = server_app.store.read()
    except ShopError as error:
        yield CheckResult("store", False, error.message, error.hint)
        return
    yield CheckResult("store", True, f"{path}, {count_accounts(len(contents.accounts))}")
    if count := len(contents.unreadable):
        message = f"{path}: passed over, since it can't be understood: {count_accounts(count)}"
        yield CheckResult("store", False, message, SIGN_IN)
    for account in contents.accounts.values():
        if fault := account.proxy_fault:
            name = account.name or account.id
            yield CheckResult(
                "proxy", False, f"the proxy that is stored for {name} can't be followed: it {fault}", SIGN_IN
            )
    if os.name != "nt" and path.stat().st_mode & OTHERS_PERMISSION_BITS:
        yield CheckResult("permissions", False, "others can read the store", f"Run: chmod 600 {path}")


async def _check_records(server_app: App) -> AsyncIterator[CheckResult]:
    """What is passed over in the files of the home folder, since nothing of it can be understood."""
    home = server_app.settings.home_folder
    clock = SteadyClock(time.time, time.monotonic)
    journal = FileAuditLog(home.audit_log_path)
    counters = [("journal", journal.path, "lines", journal.count_unreadable)]
    for subject, path in (("confirmations", home.confirmations_path), ("unknown writes", home.write_outcomes_path)):
        counters.append((subject, path, "records", FileExpiringRecords(path, clock).count_unreadable))
    for subject, path, unit, count_unreadable in counters:
        try:
            count = await count_unreadable()
        except ShopError as error:
            yield CheckResult(subject, False, error.message, error.hint)
        else:
            if count:
                message = f"{path}: {count} {unit} that can't be understood are passed over"
                yield CheckResult(
                    subject, False, message, "Mend or delete them, if something else than this server wrote them."
                )


async def _check_connection(server_app: App) -> list[CheckResult]:
    """What the tool `check_connection` finds: hosts, clock, and each account's sign-in."""
    try:
        connection = await server_app.local_tools.read("check_connection")
    except ShopError as error:
        return [CheckResult("connection", False, error.message, error.hint)]
    return [
        _check_host("platform", connection["platform"]),
        _check_host("auth host", connection["auth_host"]),
        _check_clock(connection),
        *_check_sign_in(connection["sign_in"]),
    ]


def _check_host(subject: str, host: Json) -> CheckResult:
    proxy_text = f" through {host['proxy']}" if "proxy" in host else ""
    if host["reached"]:
        return CheckResult(subject, True, f"{host['url']}{proxy_text}, {host['milliseconds']} ms")
    message = f"{host['url']} not reached{proxy_text}: {host['reason']}"
    return CheckResult(subject, False, message, "Check the network, the proxy and its credentials.")


def _check_clock(connection: Json) -> CheckResult:
    if "clock_advice" in connection:
        return CheckResult("clock", False, connection["clock_advice"])
    offset_s = connection.get("clock_seconds_ahead")
    if offset_s is None:
        return CheckResult("clock", None, "not known: the platform told no time")
    return CheckResult("clock", True, f"{offset_s:+d} s")


def _check_sign_in(sign_in: Json) -> Iterator[CheckResult]:
    subject = "key, signature, token"
    if "accepted" not in sign_in:  # it was not tried
        yield CheckResult(subject, None, sign_in["message"])
        return
    if sign_in["accepted"]:
        states = {True: "active", False: "not active", None: "not asked whether active"}
        shops = sign_in.get("shops", ())
        names = ", ".join(f"{s['name']} ({s['region']}, {states[s.get('active')]}{_tell_end(s)})" for s in shops)
        yield CheckResult(subject, True, f"accepted; shops: {names or 'none'}")
        return
    for failure in sign_in.get("failed", [sign_in]):
        account_prefix = f"{failure['account']}: " if "account" in failure else ""
        yield CheckResult(subject, False, f"{account_prefix}{failure['message']}", str(failure.get("hint", "")))


def _tell_end(shop: Json) -> str:
    return f", signed in until {shop['signed_in_until'][:ISO_DATE_CHARS]}" if "signed_in_until" in shop else ""


async def _check_scopes(server_app: App) -> AsyncIterator[CheckResult]:
    """Whether the authorizations cover the tools of the default list, where they name their scopes."""
    accounts = list((await server_app.tokens.load_accounts()).values())
    if server_app.settings.shop is not None:
        accounts = [target.account for target in await server_app.platform.shops.list_targets()]
    operations = server_app.operations.catalog.operations
    scopes_by_tool = {name: set(operations[name].record.get("scope", ())) for name in DEFAULT_TOOLS}
    for account in accounts:
        if account.granted_scopes:
            yield _check_account_scopes(account, scopes_by_tool)


def _check_account_scopes(account: Account, scopes_by_tool: dict[str, set[str]]) -> CheckResult:
    """Any one of a tool's scopes is enough for it."""
    subject = f"scopes of {account.name or account.id}"
    granted_scopes = set(account.granted_scopes)
    missing_scopes = {tool: scopes for tool, scopes in scopes_by_tool.items() if scopes and not scopes & granted_scopes}
    if not missing_scopes:
        return CheckResult(subject, True, f"{len(granted_scopes)} granted, all listed tools covered")
    scopes = ", ".join(sorted(set().union(*missing_scopes.values())))
    advice = f"Enable {scopes} for the app in Partner Center, then sign in again."
    return CheckResult(subject, False, f"not covered: {', '.join(missing_scopes)}", advice)
