"""Measures the local copy beside a loop that only reads the same pages: a first sync, late answers, some changes.

Everything is a process of its own and goes over real HTTP. `python -m bench.copies [ORDERS]`
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.process_tree import TreeWatch

if TYPE_CHECKING:
    from collections.abc import Iterator

BENCH_FOLDER = Path(__file__).parent
DEFAULT_ORDERS = 40_000
CHANGED_ORDERS = 50
PAGE_DELAY_S = 0.15
DELAY_S = 0.15
DELAYED_ORDERS = 12_000  # a bare loop waits a while for so many pages that come late
ROUNDS = 3


class Helper:
    """A process that answers each line with a line of JSON, or with a word."""

    def __init__(self, script: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"bench.{script}", *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=BENCH_FOLDER.parent
        )

    @property
    def process_id(self) -> int:
        return self._process.pid

    def read(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the benchmark ended early")
        return line

    def ask(self, line: str) -> Any:
        self.tell(line)
        answer = self.read()
        return json.loads(answer) if answer.startswith("{") else answer.strip()

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def run_helper(script: str, *arguments: str) -> Iterator[Helper]:
    helper = Helper(script, *arguments)
    try:
        yield helper
    finally:
        helper.close()


def read_bare(keys: dict[str, str]) -> float:
    """Seconds that the bare loop takes."""
    with run_helper("bare_pages") as loop:
        seconds: float = loop.ask(json.dumps(keys))["seconds"]
        return seconds


def sync_first(keys: dict[str, str], tables: tuple[str, ...]) -> dict[str, Any]:
    """What a first sync into a home of its own takes."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home, run_helper("local_copy") as copy:
        copy.tell(json.dumps({**keys, "home": home}))
        return ask_copy(copy, tables, "")


def ask_copy(copy: Helper, tables: tuple[str, ...], note: str) -> dict[str, Any]:
    """What it takes to bring tables up to date, in the copy's process and those that it starts."""
    copy.tell(json.dumps([tables, note]))
    with TreeWatch(copy.process_id) as watch:
        facts: dict[str, Any] = json.loads(copy.read())
    facts["cpu_seconds"] += watch.worker_cpu_seconds
    facts["all_megabytes"] = watch.peak_megabytes or facts["peak_megabytes"]
    facts |= json.loads(copy.read())
    return facts


def describe_peak(facts: dict[str, Any]) -> str:
    return f"{facts['all_megabytes']:.0f} MB, the server alone {facts['peak_megabytes']:.0f} MB"


def sync_changes(shop: Helper, copy: Helper) -> dict[str, Any]:
    """What a sync takes after some orders were changed, all of which it has to bring."""
    note = shop.ask(f"change {CHANGED_ORDERS}")
    facts = ask_copy(copy, ("orders",), note)
    if facts["changed_orders"] != CHANGED_ORDERS:
        raise RuntimeError(f"{facts['changed_orders']} of {CHANGED_ORDERS} changed orders arrived")
    return facts


def measure(order_count: int) -> Iterator[tuple[str, str, str, bool | None]]:
    """Each figure with what it is measured by: what, value, promise, whether it holds."""
    with run_helper("many_orders", str(order_count)) as shop:
        keys = json.loads(shop.read())
        ratios: list[float] = []
        for _ in range(ROUNDS):
            bare, ours = read_bare(keys), sync_first(keys, ("orders", "order_lines"))
            ratios.append(ours["seconds"] / bare)
            text = f"{ours['seconds']:.1f} s, bare {bare:.1f} s, own CPU {ours['cpu_seconds']:.1f} s"
            yield "first sync", text, "", None
        ratio = sorted(ratios)[len(ratios) // 2]
        yield "first sync by the bare loop", f"{ratio:.2f}", "≤ 2", ratio <= 2  # noqa: PLR2004 - promised
        yield "peak memory", describe_peak(ours), "≤ 250 MB", ours["all_megabytes"] <= 250  # noqa: PLR2004
        size = ours["bytes"] / 10**6 * DEFAULT_ORDERS / order_count
        yield "snapshot, for 40,000 orders", f"{size:.1f} MB", "≤ 12 MB", size <= 12  # noqa: PLR2004
        with tempfile.TemporaryDirectory(prefix="bench-") as home, run_helper("local_copy") as copy:
            copy.tell(json.dumps({**keys, "home": home}))
            ask_copy(copy, ("orders", "packages"), "")
            syncs = [sync_changes(shop, copy) for _ in range(ROUNDS)]
            facts = max(syncs, key=lambda sync: sync["seconds"])
            text = f"{facts['seconds']:.2f} s, own CPU {facts['cpu_seconds']:.2f} s"
            yield f"sync after {CHANGED_ORDERS} changed orders", text, "≤ 1 s", facts["seconds"] <= 1
            join_ms = facts["join_seconds"] * 1000
            yield "join of three tables", f"{join_ms:.0f} ms", "≤ 150 ms", join_ms <= 150  # noqa: PLR2004
    with run_helper("many_orders", str(order_count)) as shop:
        keys = json.loads(shop.read())
        shop.ask(f"delay {PAGE_DELAY_S}")
        ours = sync_first(keys, ("orders",))
        what = f"{order_count} orders gathered, {PAGE_DELAY_S * 1000:.0f} ms a page"
        yield what, f"{ours['seconds']:.1f} s", "≤ 13 s", ours["seconds"] <= 13  # noqa: PLR2004 - promised
        yield "  peak memory", describe_peak(ours), "≤ 150 MB", ours["all_megabytes"] <= 150  # noqa: PLR2004
    with run_helper("many_orders", str(DELAYED_ORDERS)) as shop:
        keys = json.loads(shop.read())
        shop.ask(f"delay {DELAY_S}")
        bare, ours = read_bare(keys), sync_first(keys, ("orders", "order_lines"))
        gain = bare / ours["seconds"]
        text = f"{gain:.1f} times as fast ({ours['seconds']:.1f} s, bare {bare:.1f} s)"
        yield f"{DELAY_S * 1000:.0f} ms later each, {DELAYED_ORDERS} orders", text, "≥ 4", gain >= 4  # noqa: PLR2004


def print_row(what: str, value: str, promise: str, holds: bool | None) -> None:
    verdict = {True: "yes", False: "NO", None: ""}[holds]
    print(f"{what:38} {value:48} {promise:9} {verdict}", flush=True)


def main() -> None:
    order_count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_ORDERS
    for row in measure(order_count):
        print_row(*row)


if __name__ == "__main__":
    main()
