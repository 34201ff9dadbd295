"""Reads every page of a shop's orders, one after the other, with nothing but an HTTP client and a JSON parser."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time

import httpx2
import orjson

ORDERS_PATH = "/order/202309/orders/search"
PAGE_SIZE = 100


def sign(secret: str, query: dict[str, str], body: str) -> str:
    message = secret + ORDERS_PATH + "".join(name + query[name] for name in sorted(query)) + body + secret
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


async def main() -> None:
    keys = json.loads(sys.stdin.readline())
    body, token, count = "{}", "", 0
    began = time.perf_counter()
    async with httpx2.AsyncClient(base_url=keys["api_url"]) as client:
        while True:
            query = {"page_size": str(PAGE_SIZE), "app_key": keys["app_key"], "timestamp": str(int(time.time()))}
            query |= {"shop_cipher": keys["cipher"]} | ({"page_token": token} if token else {})
            query["sign"] = sign(keys["app_secret"], query, body)
            headers = {"content-type": "application/json", "x-tts-access-token": keys["access_token"]}
            response = await client.post(ORDERS_PATH, params=query, content=body, headers=headers)
            data = orjson.loads(response.content)["data"]
            count += len(data["orders"])
            if not (token := data.get("next_page_token", "")):
                break
    print(json.dumps({"seconds": time.perf_counter() - began, "rows": count}))


if __name__ == "__main__":
    asyncio.run(main())
