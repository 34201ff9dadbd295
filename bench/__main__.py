"""Measures and prints the table: ours, bare, their ratio, what is promised, and whether it holds.

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
from bench.client import Failed, Start
from bench.stand_in import SHOP

if TYPE_CHECKING:
    from bench.runs import Pairs

HERE = Path(__file__).parent
OURS = (sys.executable, "-m", "mcp_server_tiktok_shop")
MOST_BYTES = 40_000
# A server is started as chat clients start it: these would have its modules, but not the SDK's, compiled at each start.
SLOWING = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONOPTIMIZE")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; a promise is an upper bound on the ratio unless it starts with ≥."""

    what: str
    ours: float | None = None
    bare: float | None = None
    ratio: float | None = None
    promise: str = ""
    holds: bool | None = None


def row(what: str, pairs: Pairs, *, most: float | None = None, least: float | None = None) -> Row:
    if not pairs.ours:
        return Row(f"{what} (not told here)")
    ours, bare, ratio = statistics.median(pairs.ours), statistics.median(pairs.bare), pairs.ratio
    if most is not None:
        return Row(what, ours, bare, ratio, f"≤ {most:.2f}", ratio <= most)
    if least is not None:
        return Row(what, ours, bare, ratio, f"≥ {least:.2f}", ratio >= least)
    return Row(what, ours, bare, ratio)


def measure(url: str, home: Path, *, quick: bool) -> list[Row]:
    left_out = ("TIKTOK_SHOP_", *SLOWING)
    clean = {name: text for name, text in os.environ.items() if not name.upper().startswith(left_out)}
    keys = {f"TIKTOK_SHOP_{name}": secrets.token_hex(16) for name in ("APP_KEY", "APP_SECRET", "ACCESS_TOKEN")}
    hosts = {"TIKTOK_SHOP_API_URL": url, "TIKTOK_SHOP_AUTH_URL": url}
    state = {"TIKTOK_SHOP_HOME": str(home)}
    shared = {**clean, **keys, **hosts, "BENCH_SHOP_CIPHER": SHOP["cipher"]}
    ours = Start("our server", OURS, shared | state, home)
    bare = Start("the bare server", (sys.executable, str(HERE / "bare.py")), shared, home)
    sandbox = Start("our sandbox", (*OURS, "--sandbox"), clean | state, home)

    tools, size = runs.list_bytes(ours)  # no shop is known yet: the longer list, and the first start, which compiles
    runs.cold_start(bare)
    load = runs.loads(ours, bare, 1 if quick else 3)  # from the first call on the shop is in the store
    cold = runs.cold_starts(ours, bare, 5 if quick else 15)
    runs.cold_start(sandbox)
    simulated = runs.cold_starts(sandbox, bare, 2 if quick else 5)
    return [
        row("cold start to tools/list, ms", cold, most=1.05),
        Row("  the fastest of them, ms", min(cold.ours), min(cold.bare), min(cold.ours) / min(cold.bare)),
        row("  with --sandbox, ms", simulated),
        row("call in a row, p50 ms", load.median, most=1.35),
        row("  p95 ms", load.p95),
        row(f"calls a second, {runs.IN_FLIGHT} in flight", load.rate, least=0.8),
        row("memory after the load, MB", load.memory, most=1.20),
        Row(f"tools array ({tools} tools), bytes", size, promise=f"≤ {MOST_BYTES}", holds=size <= MOST_BYTES),
    ]


def show(rows: list[Row]) -> None:
    form = "{:34} {:>9} {:>9} {:>7} {:>9}  {}"
    print(form.format("", "ours", "bare", "ratio", "promise", "holds"))
    for line in rows:
        numbers = ["" if n is None else f"{n:.5g}" for n in (line.ours, line.bare)]
        numbers.append("" if line.ratio is None else f"{line.ratio:.2f}")
        print(form.format(line.what, *numbers, line.promise, {True: "yes", False: "NO", None: ""}[line.holds]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, more noise")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there as well")
    options = parser.parse_args()
    began = time.perf_counter()
    command = [sys.executable, str(HERE / "stand_in.py")]
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as home,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stand_in,
    ):
        try:
            url = stand_in.stdout.readline().strip() if stand_in.stdout is not None else ""
            rows = measure(url, Path(home), quick=options.quick)
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            stand_in.kill()
    show(rows)
    print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {time.perf_counter() - began:.0f} s;", end=" "
    )
    print("ratio is the median over neighbouring rounds")
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(line) for line in rows], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
