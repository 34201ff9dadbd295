"""The command `register-webhooks`: shows where shops report their events to, and points them at this server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from mcp_server_tiktok_shop.catalog.webhook_events import load_webhook_events
from mcp_server_tiktok_shop.cli.app_runner import FAILURE_EXIT_CODE, run_with_app
from mcp_server_tiktok_shop.cli.output import Output, json_option
from mcp_server_tiktok_shop.cli.terminal import CONFIRM_SUFFIX, TerminalCaller
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.setting_texts import parse_webhook_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.settings import Settings


class ShopAddresses(Struct, frozen=True):
    """Where one shop reports its events to now, and which of them are to be reported to `url`."""

    target: Target
    address_by_event: dict[str, str]
    url: str
    wanted_events: tuple[str, ...]

    @property
    def label(self) -> str:
        return self.target.shop.label if self.target.shop else ""

    @property
    def missing_events(self) -> list[str]:
        return [event for event in self.wanted_events if self.address_by_event.get(event) != self.url]

    def to_json(self) -> dict[str, Any]:
        return {"shop": self.label, "webhooks": self.address_by_event, "to_set": self.missing_events}

    def format_lines(self) -> Iterator[str]:
        yield f"{self.label}: {len(self.address_by_event) or 'no'} events are reported"
        for event, address in sorted(self.address_by_event.items()):
            yield f"  {event:36}{address}"
        for event in self.missing_events:
            yield f"  {event:36}to be set to {self.url}"


@click.command("register-webhooks")
@click.option("--url", help="Address to report to; else the one in the settings.")
@click.option("--shop", "shop_name", help="One shop, by name, id or unique region; else every one.")
@click.option("--yes", "assume_yes", is_flag=True, help="Do not ask before it is set.")
@json_option
@click.pass_obj
def register_webhooks(
    settings: Settings, url: str | None, shop_name: str | None, *, assume_yes: bool, as_json: bool
) -> None:
    """Tell where shops report their events to, and have those that this server follows reported to an address.

    Without an address it only tells. Exit code 1 if an address could not be set, or waits for a yes.
    """
    address = _parse_url(url) if url is not None else settings.http_webhook_url

    async def register(server_app: App, output: Output) -> int:
        shops = server_app.platform.shops
        targets = [await shops.choose(shop_name, "required")] if shop_name else await shops.list_targets()
        plans = [await _read_addresses(server_app, target, address) for target in targets]
        lines = [line for plan in plans for line in plan.format_lines()]
        output.print_report({"shops": [plan.to_json() for plan in plans]}, lines, as_json=as_json)
        count = sum(len(plan.missing_events) for plan in plans)
        if not count:
            return 0
        if not assume_yes and not sys.stdin.isatty():
            output.print_line("Nothing was set: say --yes to set it.", err=True)
            return FAILURE_EXIT_CODE
        question = f"{count} events are going to be reported to {address}.{CONFIRM_SUFFIX}"
        if not assume_yes and not output.ask(question):
            return FAILURE_EXIT_CODE
        failure_count = sum([await _set_addresses(server_app, output, plan) for plan in plans])
        output.print_line(f"{count - failure_count} of {count} events are set.", err=True)
        return FAILURE_EXIT_CODE if failure_count else 0

    run_with_app(settings, register)


def _parse_url(text: str) -> str:
    try:
        return parse_webhook_url(text)
    except ValueError as error:
        raise click.UsageError(f"--url {error}") from None


async def _read_addresses(server_app: App, target: Target, url: str) -> ShopAddresses:
    """What a shop reports, and of what is of use here what the platform lets be set. Raises ShopError."""
    settable = server_app.operations.get("update_shop_webhook").arguments["event_type"]["enum"]
    events = tuple(event.name for event in load_webhook_events().values() if event.is_of_use and event.name in settable)
    result = await server_app.dispatcher.call("get_shop_webhooks", {"shop": _get_shop_id(target)})
    rows = result["data"].get("webhooks", ())
    addresses = {str(row.get("event_type", "")): str(row.get("address", "")) for row in rows}
    return ShopAddresses(target, addresses, url, events if url else ())


async def _set_addresses(server_app: App, output: Output, plan: ShopAddresses) -> int:
    """Set what is missing at a shop, each by the way of all writes. Answers how many could not be set."""
    caller = TerminalCaller(output, assume_yes=True)  # the person said yes to all of them
    failure_count = 0
    for event in plan.missing_events:
        arguments = {"shop": _get_shop_id(plan.target), "address": plan.url, "event_type": event}
        try:
            await server_app.dispatcher.call("update_shop_webhook", arguments, caller)
        except ShopError as error:
            failure_count += 1
            output.print_line(f"{plan.label}: {event}: {error.message} {error.hint}".rstrip(), err=True)
    return failure_count


def _get_shop_id(target: Target) -> str:
    return target.shop.id if target.shop else ""
