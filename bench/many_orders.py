"""Serves a simulated shop with many orders, which changes some of them or answers late when a line on stdin says so.

A change is answered with the seller's note that the orders bear from then on.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import count

from mcp_server_tiktok_shop.sandbox import Sandbox

OPERATION = "get_order_list"


async def main() -> None:
    sandbox = Sandbox(orders=int(sys.argv[1]))
    account, numbers = sandbox.accounts[0], count(1)
    async with sandbox.serve() as url:
        keys = {"api_url": url, "auth_url": url, "app_key": sandbox.app_key, "app_secret": sandbox.app_secret}
        keys |= {"access_token": account.access_token, "refresh_token": account.refresh_token}
        print(json.dumps(keys | {"cipher": account.shops[0].cipher}), flush=True)
        while line := (await asyncio.to_thread(sys.stdin.readline)).split():
            command, value = line
            answer = "done"
            if command == "change":
                answer = f"change {next(numbers)}"  # short: a long number would be masked as a phone's
                for order in list(sandbox.state.main.orders.values())[-int(value) :]:
                    order.seller_note, order.touched_time = answer, int(time.time())
            elif command == "delay":
                sandbox.faults.clear()
                sandbox.faults.add(OPERATION, times=None, delay=float(value))
            print(answer, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
