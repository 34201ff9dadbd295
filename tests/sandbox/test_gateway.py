"""The gateway refuses in the platform's order, with its codes and statuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.client import Caller

SHOPS = "/authorization/202309/shops"
SEARCH = "/order/202309/orders/search"
DETAIL = "/order/202507/orders"
UPLOAD = "/product/202309/images/upload"
PAGE = {"page_size": "1"}


async def test_each_check_comes_before_the_next_one(caller: Caller) -> None:
    """Everything is wrong at first; each refusal is mended, and the next one shows."""
    now = int(caller.sandbox.now())
    wrong: dict[str, Any] = {
        "query": {"app_key": "nobody", "timestamp": str(now - 3600), "sign": "0" * 64, "page_size": "500"},
        "body": {"colour": "red"},
        "cipher": None,
        "headers": {"content-type": "text/plain", "x-tts-access-token": "garbage"},
    }

    async def next_refusal(method: str = "POST", path: str = SEARCH) -> tuple[int, int, str]:
        return await caller.refused(
            method, path, wrong["query"], wrong["body"], cipher=wrong["cipher"], headers=wrong["headers"]
        )

    assert (await next_refusal(path="/order/202309/nothing"))[:2] == (404, 36009009)
    assert (await next_refusal("GET"))[1] == 36009010
    status, code, message = await next_refusal()
    assert (status, code, "'app_key'" in message) == (400, 36009004, True)
    wrong["query"]["app_key"] = caller.sandbox.app_key
    assert "'timestamp'" in (await next_refusal())[2]
    wrong["query"]["timestamp"] = str(now)
    assert (await next_refusal())[:2] == (401, 106001)
    del wrong["query"]["sign"]
    assert (await next_refusal())[1] == 36009022
    wrong["headers"]["content-type"] = "application/json"
    assert "'x-tts-access-token'" in (await next_refusal())[2]
    del wrong["headers"]["x-tts-access-token"]
    assert (await next_refusal())[1] == 106013
    wrong["cipher"] = "GCP_someone_elses"
    assert (await next_refusal())[1] == 101000
    wrong["cipher"] = ""
    assert "query.page_size" in (await next_refusal())[2]
    wrong["query"]["page_size"] = "1"
    assert "body.colour" in (await next_refusal())[2]


async def test_a_refusal_looks_like_the_platforms(caller: Caller) -> None:
    answer = (await caller.send("GET", SHOPS, {"app_key": "nobody"}, cipher=None)).json()
    assert list(answer) == ["code", "message", "request_id", "data"]
    assert answer["data"] is None
    assert re.fullmatch(r"\d{14}[0-9A-F]{20}", answer["request_id"])
    assert f"For more details: {caller.base_url}/help/36009004" in answer["message"]
    assert (await caller.http.get(f"{caller.base_url}/help/36009004")).status_code == 200


@pytest.mark.parametrize(
    ("off", "accepted"), [(-301, False), (-299, True), (0, True), (30, True), (31, False), (40, False)]
)
async def test_the_timestamp_may_be_five_minutes_late_and_half_a_minute_early(
    caller: Caller, off: int, accepted: bool
) -> None:
    query = {"timestamp": str(int(caller.sandbox.now()) + off)}
    response = await caller.send("GET", SHOPS, query, cipher=None)
    assert (response.json()["code"] == 0) is accepted
    if not accepted:
        assert response.json()["code"] == 36009004


@pytest.mark.parametrize("timestamp", ["179534947", "1795349472000", "17953494.2", "soon", "٤٧٩٥٣٤٩٤٧٢"])
async def test_a_timestamp_has_ten_digits(caller: Caller, timestamp: str) -> None:
    refused = await caller.refused("GET", SHOPS, {"timestamp": timestamp}, cipher=None)
    assert refused[:2] == (400, 36009004)
    assert "'timestamp'" in refused[2]


async def test_a_clock_that_is_off_explains_itself(caller: Caller) -> None:
    wrong = {"timestamp": str(int(caller.sandbox.now()))}
    caller.sandbox.clock_skew = 3600
    refused = await caller.refused("GET", SHOPS, wrong, cipher=None)
    assert "earlier than 5 minutes" in refused[2]
    response = await caller.send("GET", SHOPS, wrong, cipher=None)
    assert response.headers["date"].startswith("Sun, 22 Nov 2026 13:11:12")


@pytest.mark.parametrize("missing", ["app_key", "timestamp"])
async def test_what_is_missing_is_named(caller: Caller, missing: str) -> None:
    refused = await caller.refused("GET", SHOPS, {missing: None}, cipher=None)
    assert refused[:2] == (400, 36009004)
    assert f"'{missing}'" in refused[2]


async def test_a_missing_signature_is_not_a_wrong_one(caller: Caller) -> None:
    refused = await caller.refused("GET", SHOPS, {"sign": None}, cipher=None)
    assert refused[:2] == (400, 36009004)
    assert "signature" in refused[2]


async def test_a_retired_version_says_so(caller: Caller) -> None:
    assert await caller.code("POST", "/product/202312/products/search", PAGE, {}) == 36009014
    assert await caller.code("GET", "/finance/202309/payments", {"sort_field": "create_time"}) == 36009014


async def test_json_is_expected_even_where_there_is_no_body(caller: Caller) -> None:
    code = await caller.code("GET", SHOPS, cipher=None, headers={"content-type": None})
    assert code == 36009022
    response = await caller.send("GET", SHOPS, cipher=None, headers={"content-type": "application/json; charset=utf-8"})
    assert response.json()["code"] == 0


async def test_an_upload_must_be_multipart(caller: Caller) -> None:
    assert await caller.code("POST", UPLOAD, None, {"data": "aGVsbG8="}, cipher=None) == 36009023


@pytest.mark.parametrize("garbled", [b"--other\r\nno end", b"", b"--b\r\nContent-Disposition: nonsense\r\n\r\n"])
async def test_a_garbled_multipart_body_is_refused(caller: Caller, garbled: bytes) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    query = {"sign": None}
    response = await caller.send("POST", UPLOAD, query, garbled, cipher=None, headers=headers)
    assert response.json()["code"] != 0
    assert response.status_code == 400


async def test_a_missing_token_is_refused_by_its_header(caller: Caller) -> None:
    refused = await caller.refused("GET", SHOPS, cipher=None, headers={"x-tts-access-token": None})
    assert refused[:2] == (400, 36009004)
    assert "'x-tts-access-token'" in refused[2]


async def test_a_scope_that_was_not_granted_is_named(caller: Caller) -> None:
    caller.sandbox.accounts[0].granted_scopes.remove("seller.order.info")
    refused = await caller.refused("POST", SEARCH, PAGE, {})
    assert refused[1] == 105005
    assert "seller.order.info" in refused[2]


async def test_a_cipher_is_refused_where_none_belongs(caller: Caller) -> None:
    refused = await caller.refused("GET", SHOPS)
    assert refused[:2] == (400, 36009004)
    assert "'shop_cipher' is not required" in refused[2]
    unwanted = await caller.refused("POST", SEARCH, PAGE | {"category_asset_cipher": "x"}, {})
    assert "'category_asset_cipher' is not required" in unwanted[2]


async def test_a_category_asset_cipher_is_wanted_where_it_belongs(caller: Caller) -> None:
    path, page = "/affiliate_partner/202405/campaigns/search", PAGE
    operation = next(
        o for o in caller.sandbox._gateway.records.operations.values() if o.other_cipher and o.cipher == "never"
    )
    path, method = re.sub(r"{\w+}", "7000000000000000001", operation.path), operation.method
    assert await caller.code(method, path, page, cipher=None) == 106013
    assert await caller.code(method, path, page | {"category_asset_cipher": "x"}, cipher=None) == 101000
    own = next(iter(caller.sandbox.accounts[0].category_assets))
    response = await caller.send(method, path, page | {"category_asset_cipher": own}, cipher=None)
    assert response.json()["code"] not in (106013, 101000)


async def test_a_cipher_opens_only_its_own_accounts_shop(three: Caller) -> None:
    foreign = three.sandbox.accounts[1].shops[0].cipher
    assert await three.code("POST", SEARCH, PAGE, {}, cipher=foreign) == 101000
    three.account = 1
    assert (await three.call("POST", SEARCH, PAGE, {}, cipher=foreign))["orders"]


@pytest.mark.parametrize(
    ("query", "body", "named"),
    [
        ({}, {}, "query.page_size is missing"),
        ({"page_size": "101"}, {}, "query.page_size"),
        ({"page_size": "0"}, {}, "query.page_size"),
        ({"page_size": "1.5"}, {}, "query.page_size"),
        ({"page_size": "ten"}, {}, "query.page_size"),
        (PAGE | {"sort_order": "asc"}, {}, "query.sort_order"),
        (PAGE | {"color": "red"}, {}, "query.color"),
        (PAGE, {"page_size": 5}, "body.page_size"),
        (PAGE, {"order_status": "SOLD"}, "body.order_status"),
        (PAGE, {"order_status": None}, "body.order_status"),
        (PAGE, {"create_time_ge": "1600000000"}, "body.create_time_ge"),
        (PAGE, {"create_time_ge": True}, "body.create_time_ge"),
        (PAGE, {"is_buyer_request_cancel": "true"}, "body.is_buyer_request_cancel"),
        (PAGE, {"warehouse_ids": "1"}, "body.warehouse_ids"),
        (PAGE, {"warehouse_ids": [1]}, "body.warehouse_ids"),
        (PAGE, {"warehouse_ids": [str(n) for n in range(101)]}, "body.warehouse_ids"),
        (PAGE, [], "'body'"),
        (PAGE, b'{"order_status":', "'body'"),
        (PAGE, b"\xff", "'body'"),
        (PAGE, b"[" * 100_000, "'body'"),
    ],
)
async def test_arguments_are_held_to_the_record(caller: Caller, query: Any, body: Any, named: str) -> None:
    refused = await caller.refused("POST", SEARCH, query, body)
    assert refused[:2] == (400, 36009004)
    assert named in refused[2]


async def test_an_open_enum_lets_other_values_through(caller: Caller) -> None:
    assert (await caller.call("POST", SEARCH, PAGE, {"shipping_type": "BY_PIGEON"}))["orders"] == []


async def test_booleans_in_the_query_are_lower_case(caller: Caller) -> None:
    path = f"/product/202309/products/{next(iter(caller.shop.products))}"
    assert await caller.code("GET", path, {"return_draft_version": "True"}) == 36009004
    assert await caller.call("GET", path, {"return_draft_version": "true"})


async def test_lists_in_the_query_are_joined_with_commas_and_bounded(caller: Caller) -> None:
    ids = list(caller.shop.orders)[:51]
    assert len((await caller.call("GET", DETAIL, {"ids": ",".join(ids[:50])}))["orders"]) == 50
    assert await caller.code("GET", DETAIL, {"ids": ",".join(ids)}) == 36009004
    assert await caller.code("GET", DETAIL, {"ids": ""}) == 36009004
    assert await caller.code("GET", DETAIL) == 36009004


async def test_ids_as_numbers_and_empty_lists_are_refused(caller: Caller) -> None:
    path = "/product/202309/products"
    assert "body.product_ids" in (await caller.refused("DELETE", path, None, {"product_ids": [1729]}))[2]
    assert "missing" in (await caller.refused("DELETE", path, None, {"product_ids": []}))[2]


async def test_a_batch_over_its_limit_has_the_operations_own_code(caller: Caller) -> None:
    many = {"product_ids": [str(n) for n in range(21)]}
    assert (await caller.refused("DELETE", "/product/202309/products", None, many))[:2] == (200, 12019120)


async def test_nested_fields_are_checked_too(caller: Caller) -> None:
    path = "/order/202406/orders/external_orders"
    order: dict[str, Any] = {"id": "1", "external_order": {"id": "A", "platform": "SHOPIFY", "line_items": []}}
    assert "external_order.line_items is missing" in (await caller.refused("POST", path, None, {"orders": [order]}))[2]
    order["external_order"]["line_items"] = [{"id": "a", "origin_id": "b", "sku": "c"}]
    assert "line_items.sku" in (await caller.refused("POST", path, None, {"orders": [order]}))[2]
    order["external_order"] |= {"platform": "EBAY", "line_items": [{"id": "a", "origin_id": "b"}]}
    assert "EBAY" in (await caller.refused("POST", path, None, {"orders": [order]}))[2]
