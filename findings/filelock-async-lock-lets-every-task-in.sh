#!/usr/bin/env bash
# An AsyncFileLock shared by the tasks of one event loop keeps none of them out.
#
# Library: filelock 4.3.1
# Guess:   `async with lock:` is exclusive among tasks, as it is with asyncio.Lock, and among processes besides.
# Really:  the lock counts its holders and does not tell tasks apart: who asks for the object while it is held by
#          another task enters at once. Five tasks are inside together. With an object for each task on the same file
#          they take turns; with is_singleton=True they share one object again, and are all inside.
# Matters: servers that guard a token file, a ledger or a pace by a lock made once at start, as a lock usually is: two
#          calls renew the same token, of which the second renewal ends the first. Other processes are kept out, so a
#          test with two processes passes.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check filelock==4.3.1

"$dir/venv/bin/python" - "$dir/token.lock" <<'PY'
import asyncio
import sys

from filelock import AsyncFileLock


async def most_inside(locks):
    inside = most = 0

    async def enter(lock):
        nonlocal inside, most
        async with lock:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.05)
            inside -= 1

    await asyncio.gather(*map(enter, locks))
    return most


path = sys.argv[1]
seen = {
    "one object": asyncio.run(most_inside([AsyncFileLock(path, timeout=20)] * 5)),
    "singleton": asyncio.run(most_inside([AsyncFileLock(path, timeout=20, is_singleton=True) for _ in range(5)])),
    "five objects": asyncio.run(most_inside([AsyncFileLock(path, timeout=20) for _ in range(5)])),
}
print("most tasks inside at once:", seen)
assert seen == {"one object": 5, "singleton": 5, "five objects": 1}
PY
