"""Runs the benchmark and prints the table: ours, bare, their ratio, what is promised, and whether it holds.

It informs and gates nothing: the exit code is 0 unless something did not run.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.team.services import ServiceError

from bench import copies, runs, teams
from bench.certificates import DISTANT_NAME, write_certificate
from bench.charts import measure_charts
from bench.client import BENCH_FOLDER, OUR_COMMAND, BenchmarkError, ServerCommand, run_script
from bench.rows import VERDICTS, Row, describe_machine, format_rows, make_row, print_table
from bench.stand_in import SHOP

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TOOL_LIST_BYTES = 40_000
ROUND_TRIP_S = 0.12
MAX_FIRST_CHART_S, MAX_CHART_S = 1.5, 0.4
DOCUMENT_HEAD = """# Performance

What this server costs beside the SDK's own bare one, as `make bench` measured it and wrote it here.

The bare one is a low-level server with two tools that signs a request, sends it with one HTTP client and passes the
answer on, unread. Both run side by side in one run, in turn, against a stand-in that answers at almost no cost; a ratio
is the median over neighbouring rounds. Over TLS a round trip takes 120 ms.

Measured on: {machine}.
"""
TEAMS_HEADING = "\n## For teams\n"
TEAMS_WORDS = """
A replica with its state in PostgreSQL, beside the SDK's bare server over HTTP without sessions: both check the same
access token with the same code at each request, and ask the stand-in for 20 orders, {in_flight} calls at any time.
What a call takes of a processor is that of the server's process alone.

Measured on: {machine}.
"""
# A server is started as chat clients start it: these would have its modules, but not the SDK's, compiled at each start.
SLOWING_VARIABLES = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONOPTIMIZE")


def measure(url: str, home: Path, peer_python: Path | None, *, quick: bool) -> list[Row]:
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
    runs.measure_cold_start(sandbox)
    sandbox_starts = runs.measure_cold_starts(sandbox, bare, 2 if quick else 5)
    peer_rows = measure_peer(ours, bare_environment, peer_python, quick=quick) if peer_python is not None else []
    pause = measure_pause(base_environment | keys, home, quick=quick)
    first_calls = runs.measure_first_calls(ours, bare, 2 if quick else 9)
    first_chart_s, chart_s = measure_charts()
    return [
        make_row("spawn to tools/list, ms", starts, max_ratio=0.45),
        Row("  the fastest of them, ms", min(starts.ours), min(starts.bare), min(starts.ours) / min(starts.bare)),
        make_row("  with --sandbox, ms", sandbox_starts),
        make_row("spawn to first call answered, ms", first_calls, max_ratio=1.05),
        make_row("call, small answer, p50 ms", load.median, max_ratio=0.75),
        make_row("  p95 ms", load.p95),
        make_row("call, 20 orders, p50 ms", load.page, max_ratio=1.3),
        make_row("call, 100 full orders, p50 ms", load.full_page, max_ratio=3.0),
        make_row(f"calls a second, {runs.MAX_IN_FLIGHT} in flight", load.rate, min_ratio=1.6),
        make_row("memory after the load, MB", load.memory, max_ratio=1.18),
        Row(
            f"tools array ({tool_count} tools), bytes",
            tool_list_bytes,
            promise=f"≤ {MAX_TOOL_LIST_BYTES}",
            holds=tool_list_bytes <= MAX_TOOL_LIST_BYTES,
        ),
        pause,
        make_chart_row("first chart of 90 days, ms", first_chart_s, MAX_FIRST_CHART_S),
        make_chart_row("chart of 90 days, ms", chart_s, MAX_CHART_S),
        *peer_rows,
    ]


def make_chart_row(what: str, seconds: float, max_s: float) -> Row:
    return Row(what, seconds * 1000, promise=f"≤ {max_s * 1000:g}", holds=seconds <= max_s)


def measure_pause(environment: Mapping[str, str], home: Path, *, quick: bool) -> Row:
    """The row of a call after a pause, over TLS on a line with a round trip of `ROUND_TRIP_S`."""
    certificate, key = write_certificate(home)
    with (
        run_script("stand_in.py", str(certificate), str(key)) as url,
        run_script("slow_line.py", url.rpartition(":")[2], str(ROUND_TRIP_S)) as port,
    ):
        hosts = dict.fromkeys(("TIKTOK_SHOP_API_URL", "TIKTOK_SHOP_AUTH_URL"), f"https://{DISTANT_NAME}:{port}")
        settings = {**environment, **hosts, "SSL_CERT_FILE": str(certificate), "TIKTOK_SHOP_HOME": str(home / "slow")}
        ours = ServerCommand("our server", OUR_COMMAND, settings, home)
        pauses = runs.measure_pauses(ours, 1 if quick else 3)
    return make_row(f"call after {runs.PAUSE_S:.0f} s, over a warm one, ms", pauses, max_ratio=1.1)


def measure_peer(ours: ServerCommand, environment: Mapping[str, str], python: Path, *, quick: bool) -> list[Row]:
    """The rows beside the peer, which runs in a Python of its own."""
    peer = ServerCommand("the peer", (str(python), str(BENCH_FOLDER / "peer.py")), environment, ours.folder)
    starts, calls = runs.measure_peer(ours, peer, 2 if quick else 5)
    return [
        make_row("beside tiktok-shop-mcp: spawn to tools/list, ms", starts),
        make_row("beside tiktok-shop-mcp: call, small answer, ms", calls),
    ]


def format_document(rows: list[Row], copy_rows: list[tuple[str, str, str, bool | None]], machine: str) -> str:
    """The numbers as a page of Markdown."""
    lines = [DOCUMENT_HEAD.format(machine=machine)]
    lines += format_rows(rows)
    if copy_rows:
        lines += ["", "## The local copy", "", "| what | value | promise | holds |", "|---|---|---|---|"]
        lines += [f"| {what} | {value} | {promise} | {VERDICTS[holds]} |" for what, value, promise, holds in copy_rows]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, more noise, and no local copy")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there as well")
    parser.add_argument("--document", type=Path, metavar="FILE", help="write them there as Markdown")
    parser.add_argument("--teams", action="store_true", help="a replica with PostgreSQL instead of all else")
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="a Python that has tiktok-shop-mcp")
    options = parser.parse_args()
    # From another folder, and not where a link leads: there no package of it is found.
    peer_python = options.peer.absolute() if options.peer is not None and options.peer.exists() else None
    start_time = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-") as home, run_script("stand_in.py") as url:
        try:
            if options.teams:
                rows = teams.measure(url, Path(home), is_quick=options.quick)
            else:
                rows = measure(url, Path(home), peer_python, quick=options.quick)
        except (BenchmarkError, ServiceError) as error:
            print(error, file=sys.stderr)
            return 1
    print_table(rows)
    machine = describe_machine()
    print(f"\n{machine}; {time.perf_counter() - start_time:.0f} s; ratio is the median over neighbouring rounds")
    copy_rows = []
    if not (options.quick or options.teams):
        for copy_row in copies.measure(copies.DEFAULT_ORDERS):
            copies.print_row(*copy_row)
            copy_rows.append(copy_row)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    if options.document is not None:
        if options.teams:
            before = options.document.read_text(encoding="utf-8").partition(TEAMS_HEADING)[0]
            words = TEAMS_WORDS.format(in_flight=teams.MAX_IN_FLIGHT, machine=machine)
            text = "\n".join([before.rstrip("\n"), TEAMS_HEADING + words, *format_rows(rows)]) + "\n"
        else:
            text = format_document(rows, copy_rows, machine)
        options.document.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
