"""Serves a simulated shop with many orders, which changes some of them or answers late when a line on stdin says so."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from mcp_server_tiktok_shop.sandbox import Sandbox

OPERATION = "get_order_list"


async def main() -> None:
    sandbox = Sandbox(orders=int(sys.argv[1]))
    account = sandbox.accounts[0]
    async with sandbox.serve() as url:
        keys = {"api_url": url, "auth_url": url, "app_key": sandbox.app_key, "app_secret": sandbox.app_secret}
        keys |= {"access_token": account.access_token, "refresh_token": account.refresh_token}
        print(json.dumps(keys | {"cipher": account.shops[0].cipher}), flush=True)
        while line := (await asyncio.to_thread(sys.stdin.readline)).split():
            command, value = line
            if command == "change":
                for order in list(sandbox.state.main.orders.values())[-int(value) :]:
                    order.seller_note, order.touched_time = f"changed {time.time()}", int(time.time())
            elif command == "delay":
                sandbox.faults.clear()
                sandbox.faults.add(OPERATION, times=None, delay=float(value))
            print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
