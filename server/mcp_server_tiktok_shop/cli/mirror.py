"""The command `mirror`: reads the local copy of the shops, shows how far it reaches, and deletes it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from mcp_server_tiktok_shop.cli.app_runner import FAILURE_EXIT_CODE, run_with_app
from mcp_server_tiktok_shop.cli.output import Output, json_option
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.mirror.progress import ProgressReporter
    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.settings import Settings

MEGABYTE = 10**6
MIN_WATCH_S = 10
shop_option = click.option("--shop", "shop_name", help="One shop, by name, id or unique region; else every one.")


@click.group("mirror")
def manage_mirror() -> None:
    """Keep a local copy of the shops, which an assistant asks instead of the platform."""


@manage_mirror.command("sync")
@shop_option
@click.option("--watch", "interval_s", type=click.IntRange(MIN_WATCH_S), help="Go on, this many seconds apart.")
@click.pass_obj
def sync_mirror(settings: Settings, shop_name: str | None, interval_s: int | None) -> None:
    """Bring the copy up to date; what was cut goes on where it was. Exit code 1 if a table could not be read."""

    async def sync(server_app: App, output: Output) -> int:
        targets = await _list_targets(server_app, shop_name)
        while True:
            failure_count = await _sync_shops(server_app, output, targets)
            if interval_s is None:
                return FAILURE_EXIT_CODE if failure_count else 0
            await asyncio.sleep(interval_s)

    run_with_app(settings, sync)


@manage_mirror.command("status")
@shop_option
@json_option
@click.pass_obj
def print_status(settings: Settings, shop_name: str | None, *, as_json: bool) -> None:
    """Tell what is in the copy: rows, of when, how far back, and how much room it takes."""

    async def report(server_app: App, output: Output) -> int:
        shops = [await _describe(server_app, target) for target in await _list_targets(server_app, shop_name)]
        lines = [line for shop in shops for line in _format_status(shop)]
        output.print_report({"shops": shops}, lines, as_json=as_json)
        return 0

    run_with_app(settings, report)


@manage_mirror.command("forget")
@shop_option
@click.pass_obj
def forget_mirror(settings: Settings, shop_name: str | None) -> None:
    """Delete the copy, buyers' data in it included; a server that is asked makes it anew."""

    async def forget(server_app: App, output: Output) -> int:
        if shop_name is None and settings.shop is None:
            await server_app.mirror.forget(None)
            output.print_line("The copies of all shops are deleted.")
            return 0
        for target in await _list_targets(server_app, shop_name):
            if target.shop is not None:
                await server_app.mirror.forget(target.shop.id)
                output.print_line(f"The copy of {target.shop.label} is deleted.")
        return 0

    run_with_app(settings, forget)


async def _list_targets(server_app: App, shop_name: str | None) -> list[Target]:
    if shop_name is None:
        return await server_app.platform.shops.list_targets()
    return [await server_app.platform.shops.choose(shop_name, "required")]


async def _sync_shops(server_app: App, output: Output, targets: list[Target]) -> int:
    """Bring all shops up to date side by side. Answers how many tables could not be read."""
    with _show_progress(output) as make_reporter:
        reports = await asyncio.gather(*(_sync_shop(server_app, target, make_reporter(target)) for target in targets))
    for report in reports:
        for problem in report.problems:
            output.print_line(problem, err=True)
        if report.summary:
            output.print_line(report.summary)
    return sum(len(report.problems) for report in reports)


class _SyncReport(Struct, frozen=True):
    """What came of bringing a shop up to date, in lines for a person."""

    summary: str
    problems: tuple[str, ...]


async def _sync_shop(server_app: App, target: Target, report: ProgressReporter | None) -> _SyncReport:
    mirror = server_app.mirror
    tables = mirror.table_catalog.list_eager_tables()
    label = target.shop.label if target.shop else ""
    try:
        snapshot = await mirror.refresh(target, tables, max_age_s=0, deadline=float("inf"), report_progress=report)
    except ShopError as error:
        return _SyncReport("", (f"{label}: {error.message} {error.hint}".rstrip(),))
    problems = {state.problem: name for name in tables if (state := snapshot.tables[name]).problem}
    counts = await mirror.count_rows(target)
    summary = f"{label}: {sum(counts.values())} rows in {_format_size(_measure(snapshot))}"
    return _SyncReport(summary, tuple(f"{label}: {name}: {problem}" for problem, name in problems.items()))


@contextmanager
def _show_progress(output: Output) -> Iterator[Any]:
    """Makes a bar for each shop, with rate and time left; nothing where standard error is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - for this command alone
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _target: None
        return
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console, transient=True) as bars:

        def make_reporter(target: Target) -> ProgressReporter:
            label = output.to_label(target.shop.label if target.shop else "")
            bar = bars.add_task(label, total=None, rate="")

            async def report(done: float, total: float | None, _message: str) -> None:
                speed = bars.tasks[bar].speed
                bars.update(bar, completed=done, total=total, rate=f"{speed:.0f} rows/s" if speed else "")

            return report

        yield make_reporter


async def _describe(server_app: App, target: Target) -> dict[str, Any]:
    """What is in a shop's copy, as JSON."""
    shop: dict[str, Any] = {"shop": target.shop.label if target.shop else "", "size_bytes": 0, "tables": []}
    snapshot = await server_app.mirror.look(target)
    if snapshot is None:
        return shop
    counts = await server_app.mirror.count_rows(target)

    def format_time(seconds: int | None) -> str | None:
        return datetime.fromtimestamp(seconds, snapshot.zone).isoformat() if seconds else None

    shop["size_bytes"] = _measure(snapshot)
    for name, state in snapshot.tables.items():
        table = {"table": name, "rows": counts[name], "as_of": format_time(state.as_of)}
        table |= {"reaches_back_to": format_time(state.history_from), "complete": state.is_complete}
        table |= {"unreadable": state.unreadable_count} if state.unreadable_count else {}
        shop["tables"].append(table | ({"problem": state.problem} if state.problem else {}))
    return shop


def _format_status(shop: dict[str, Any]) -> Iterator[str]:
    if not shop["tables"]:
        yield f"{shop['shop']}: no copy yet"
        return
    yield f"{shop['shop']}: {_format_size(shop['size_bytes'])}"
    for table in shop["tables"]:
        if not table["as_of"]:
            continue
        reach = f"back to {table['reaches_back_to'][:10]}" if table["reaches_back_to"] else ""
        notes = ["" if table["complete"] else "not whole yet", table.get("problem", "")]
        parts = [f"  {table['table']:24}{table['rows']:>9}", f"as of {table['as_of'][:16]}", reach, *notes]
        yield "  ".join(filter(None, parts))


def _measure(snapshot: ShopSnapshot) -> int:
    return snapshot.path.stat().st_size


def _format_size(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"
