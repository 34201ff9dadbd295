"""The sandbox runs by itself in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import httpx2

PROGRAM = """
import sys
from mcp_server_tiktok_shop.sandbox.serve import run

def ready(base_url, sandbox):
    sys.stdout.write(f"{base_url} {sandbox.app_key} {len(sandbox.state.shops)}\\n")
    sys.stdout.flush()

run(0, on_ready=ready, shops=3, orders=20)
"""


def test_it_serves_until_it_is_stopped_and_says_nothing_of_its_own() -> None:
    with subprocess.Popen(  # noqa: S603  (our own program, in our own interpreter)
        [sys.executable, "-W", "error", "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        base_url, _, shops = process.stdout.readline().split()
        assert shops == "3"
        answer = httpx2.get(f"{base_url}/authorization/202309/shops", trust_env=False).json()
        assert answer["code"] == 36009004
        process.terminate()
        out, err = process.communicate(timeout=10)
    assert (out, err) == ("", "")
