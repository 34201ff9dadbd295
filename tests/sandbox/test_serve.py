"""The sandbox runs by itself in a process of its own, or inside the server."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import httpx2

from tests.keys import reply
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from tests.conftest import Connect

PROGRAM = """
import sys
from mcp_server_tiktok_shop.sandbox.serve import run

def ready(base_url, sandbox):
    sys.stdout.write(f"{base_url} {sandbox.app_key} {len(sandbox.state.shops)}\\n")
    sys.stdout.flush()

run(0, on_ready=ready, redirect_url="https://shops.example/back", shops=3, orders=20)
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
        page = httpx2.get(f"{base_url}/open/authorize?service_id=7", trust_env=False).text
        assert 'href="https://shops.example/back?code=' in page
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (out, err) == ("", "")


async def test_the_one_inside_the_server_holds_as_many_orders_as_asked_for(connect: Connect) -> None:
    async with connect(sandbox="true", sandbox_orders=7) as client:
        told = reply(await client.call_tool("get_order_list", {"page_size": 1}))
    assert told["data"]["total_count"] == 7
