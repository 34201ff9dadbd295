"""Runs the benchmark and prints the table: ours, bare, their ratio, what is promised, and whether it holds.

It informs and gates nothing: the exit code is 0 unless something did not run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import runs
from bench.client import BenchmarkError, ServerCommand
from bench.stand_in import SHOP

if TYPE_CHECKING:
    from bench.runs import PairedSamples

BENCH_FOLDER = Path(__file__).parent
OUR_COMMAND = (sys.executable, "-m", "mcp_server_tiktok_shop")
MAX_TOOL_LIST_BYTES = 40_000
# A server is started as chat clients start it: these would have its modules, but not the SDK's, compiled at each start.
SLOWING_VARIABLES = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONOPTIMIZE")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: `promise` is a bound on the ratio, or on ours where there is no ratio."""

    what: str
    ours: float | None = None
    bare: float | None = None
    ratio: float | None = None
    promise: str = ""
    holds: bool | None = None


def make_row(
    what: str, samples: PairedSamples, *, max_ratio: float | None = None, min_ratio: float | None = None
) -> Row:
    """The row of the samples' medians; without numbers where this system gives none."""
    if not samples.ours:
        return Row(f"{what} (not told here)")
    ours, bare, ratio = statistics.median(samples.ours), statistics.median(samples.bare), samples.ratio
    if max_ratio is not None:
        return Row(what, ours, bare, ratio, f"≤ {max_ratio:.2f}", ratio <= max_ratio)
    if min_ratio is not None:
        return Row(what, ours, bare, ratio, f"≥ {min_ratio:.2f}", ratio >= min_ratio)
    return Row(what, ours, bare, ratio)


def measure(url: str, home: Path, *, quick: bool) -> list[Row]:
    """Measure all rows against the platform at `url`; `home` is where our server has its state.

    Raises:
        BenchmarkError: A server did not start or did not answer as it should.

    """
    excluded_prefixes = ("TIKTOK_SHOP_", *SLOWING_VARIABLES)
    base_environment = {
        name: text for name, text in os.environ.items() if not name.upper().startswith(excluded_prefixes)
    }
    keys = {f"TIKTOK_SHOP_{name}": secrets.token_hex(16) for name in ("APP_KEY", "APP_SECRET", "ACCESS_TOKEN")}
    hosts = {"TIKTOK_SHOP_API_URL": url, "TIKTOK_SHOP_AUTH_URL": url}
    state = {"TIKTOK_SHOP_HOME": str(home)}
    bare_environment = {**base_environment, **keys, **hosts, "BENCH_SHOP_CIPHER": SHOP["cipher"]}
    ours = ServerCommand("our server", OUR_COMMAND, bare_environment | state, home)
    bare = ServerCommand("the bare server", (sys.executable, str(BENCH_FOLDER / "bare.py")), bare_environment, home)
    sandbox = ServerCommand("our sandbox", (*OUR_COMMAND, "--sandbox"), base_environment | state, home)

    # No shop is known yet: the longer list, and the first start, which compiles.
    tool_count, tool_list_bytes = runs.measure_tool_list(ours)
    runs.measure_cold_start(bare)
    load = runs.measure_load(ours, bare, 1 if quick else 3)  # from the first call on the shop is in the store
    starts = runs.measure_cold_starts(ours, bare, 5 if quick else 15)
    runs.measure_cold_start(sandbox, with_call=False)  # whose orders are others
    sandbox_starts = runs.measure_cold_starts(sandbox, bare, 2 if quick else 5, with_call=False)
    listing = starts.listing
    return [
        make_row("cold start to tools/list, ms", listing, max_ratio=0.45),
        Row("  the fastest of them, ms", min(listing.ours), min(listing.bare), min(listing.ours) / min(listing.bare)),
        make_row("  with --sandbox, ms", sandbox_starts.listing),
        make_row("cold start to the first answer, ms", starts.first_call, max_ratio=1.05),
        make_row("call in a row, p50 ms", load.median, max_ratio=1.35),
        make_row("  p95 ms", load.p95),
        make_row(f"calls a second, {runs.MAX_IN_FLIGHT} in flight", load.rate, min_ratio=0.8),
        make_row("memory after the load, MB", load.memory, max_ratio=1.20),
        Row(
            f"tools array ({tool_count} tools), bytes",
            tool_list_bytes,
            promise=f"≤ {MAX_TOOL_LIST_BYTES}",
            holds=tool_list_bytes <= MAX_TOOL_LIST_BYTES,
        ),
    ]


def print_table(rows: list[Row]) -> None:
    layout = "{:34} {:>9} {:>9} {:>7} {:>9}  {}"
    print(layout.format("", "ours", "bare", "ratio", "promise", "holds"))
    for row in rows:
        numbers = ["" if number is None else f"{number:.5g}" for number in (row.ours, row.bare)]
        numbers.append("" if row.ratio is None else f"{row.ratio:.2f}")
        print(layout.format(row.what, *numbers, row.promise, {True: "yes", False: "NO", None: ""}[row.holds]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, more noise")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there as well")
    options = parser.parse_args()
    start_time = time.perf_counter()
    command = [sys.executable, str(BENCH_FOLDER / "stand_in.py")]
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as home,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stand_in,
    ):
        try:
            url = stand_in.stdout.readline().strip() if stand_in.stdout is not None else ""
            rows = measure(url, Path(home), quick=options.quick)
        except BenchmarkError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            stand_in.kill()
    print_table(rows)
    print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {time.perf_counter() - start_time:.0f} s;",
        end=" ",
    )
    print("ratio is the median over neighbouring rounds")
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
