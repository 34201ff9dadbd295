#!/usr/bin/env bash
# A chart that is drawn in a thread stops every other task of the server until it is done.
#
# Library: vl-convert-python 1.9.0.post1, asyncio
# Guess:   the drawing is compiled Rust with its own JavaScript engine, touches no Python object between its argument
#          and its bytes, and so lets go of Python's lock: `asyncio.to_thread` keeps the event loop free, as it does for
#          zlib, hashlib, sqlite3 or Pillow.
# Really:  the lock is held from beginning to end. A task that wakes every 5 ms is not woken once while the first chart
#          is drawn: its longest sleep is nearly as long as the drawing.
# Matters: one person's chart makes everybody else's call wait on a server, health checks included. Only a process of
#          its own helps.
# Seen:    2026-11-29
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check vl-convert-python==1.9.0.post1

"$dir/venv/bin/python" - <<'PY'
import asyncio
import time
import zlib

import vl_convert

SALES = {
    "data": {"values": [{"day": f"2026-{1 + n // 28:02}-{1 + n % 28:02}", "total": n % 7} for n in range(300)]},
    "mark": "line",
    "encoding": {"x": {"field": "day", "type": "temporal"}, "y": {"field": "total", "type": "quantitative"}},
}


async def measure(work):
    """How long the work takes in a thread, and the longest time in which the loop did nothing else meanwhile."""
    longest, is_done = 0.0, False

    async def beat():
        nonlocal longest
        while not is_done:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - began)

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0.05)
    longest, began = 0.0, time.monotonic()
    await asyncio.to_thread(work)
    took, is_done = time.monotonic() - began, True
    await beating
    return took, longest


text = bytes(range(256)) * 400_000
for name, work, is_blocking in (
    ("zlib.compress", lambda: zlib.compress(text, 9), False),
    ("vegalite_to_png", lambda: vl_convert.vegalite_to_png(SALES), True),
):
    took, longest = asyncio.run(measure(work))
    print(f"{name}: {took:.2f} s in a thread, the loop stood still for {longest / took:.0%} of it")
    assert (longest > 0.7 * took) is is_blocking, (name, took, longest)
PY
