"""The sandbox's own reckoning of a signature agrees with every published vector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox.gateway.signature import compute_signature, is_same_signature

if TYPE_CHECKING:
    from tests.sandbox.client import Caller

VECTORS = json.loads((Path(__file__).parents[1] / "signature_vectors.json").read_text(encoding="utf-8"))
SHOPS = "/authorization/202309/shops"


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["name"])
def test_every_vector_is_reckoned_alike(vector: dict[str, Any]) -> None:
    body = (vector["body"] or "").encode()
    media_type = vector["content_type"].partition(";")[0]
    query = {name: str(value) for name, value in vector["query"].items()}
    assert compute_signature(vector["app_secret"], vector["path"], query, body, media_type) == vector["sign"]


def test_upper_case_digits_are_a_wrong_signature() -> None:
    assert is_same_signature("ab12", "ab12")
    assert not is_same_signature("AB12", "ab12")


async def test_a_signature_in_upper_case_is_refused_over_the_wire(caller: Caller) -> None:
    response = await caller.send("GET", SHOPS, cipher=None)
    sign = str(response.request.url).partition("sign=")[2]
    refused = await caller.refused("GET", SHOPS, {"sign": sign.upper()}, cipher=None)
    assert refused[:2] == (401, 106001)


async def test_of_a_repeated_key_only_the_first_value_counts(caller: Caller) -> None:
    path = "/order/202309/orders/search"
    data = await caller.call("POST", path, {"page_size": "2"}, {}, more_query="&page_size=7")
    assert len(data["orders"]) == 2


async def test_the_body_is_signed_as_sent_to_the_byte(caller: Caller) -> None:
    path = "/order/202309/orders/search"
    spaced = b'{ "order_status" :  "COMPLETED" }'
    assert (await caller.call("POST", path, {"page_size": "1"}, spaced))["orders"]
    good = await caller.send("POST", path, {"page_size": "1"}, spaced)
    sign = good.request.url.params["sign"]
    respaced = await caller.refused("POST", path, {"page_size": "1", "sign": sign}, b'{"order_status":"COMPLETED"}')
    assert respaced[1] == 106001
