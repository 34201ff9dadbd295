"""Each tool's request is exactly the platform's, as the table typed by hand has it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import CATALOG
from tests.keys import ACCESS_TOKEN, APP_KEY, APP_SECRET, REFRESH_TOKEN, call_agreed, reply

from .checks import assert_is, assert_signed, data, own_query, path_of, query_of
from .pictures import png
from .recorder import COFFEE, NEW_ACCESS_TOKEN, NEW_REFRESH_TOKEN, SHOPS_PATH, TEA, Recorder
from .requests_table import (
    EARL_GREY,
    FINANCE_ROWS,
    FULFILLMENT_ROWS,
    LOGISTICS_ROWS,
    ORDER_ROWS,
    PRODUCT_ROWS,
    ROWS,
    SELLER_ROWS,
    TOKEN_ROWS,
    UPLOAD_PATH,
    UPLOADS,
    Row,
    TokenRow,
    Upload,
)

if TYPE_CHECKING:
    from .checks import Connect
    from .recorder import Request

PICTURE = png(300, 300)


async def test_the_table_has_every_operation_of_the_seven_groups() -> None:
    tools = {row.tool for row in ROWS} | {row.tool for row in TOKEN_ROWS} | {"upload_product_image"}
    assert len(tools) == 26 + len({"get_authorized_shops"}) + len(TOKEN_ROWS)


async def assert_becomes(connect: Connect, row: Row) -> None:
    """The call becomes the row's request, beside the one for the shop's cipher and what is looked up around a write."""
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        data(await client.call_tool(row.tool, row.arguments))
    if row.endpoint.cipher:
        [request] = recorder.get_calls(row.tool)
        shops, *calls = recorder.requests
        assert calls == [request] or CATALOG.operations[row.tool].effect != "read"
        assert path_of(shops) == SHOPS_PATH
        assert own_query(shops) == {}
        assert_signed(shops)
    else:
        [request] = recorder.requests
    assert_is(request, row)


@pytest.mark.parametrize("row", SELLER_ROWS, ids=str)
async def test_a_seller_call_becomes_the_platforms_request(connect: Connect, row: Row) -> None:
    await assert_becomes(connect, row)


@pytest.mark.parametrize("row", PRODUCT_ROWS, ids=str)
async def test_a_product_call_becomes_the_platforms_request(connect: Connect, row: Row) -> None:
    await assert_becomes(connect, row)


@pytest.mark.parametrize("row", ORDER_ROWS, ids=str)
async def test_an_order_call_becomes_the_platforms_request(connect: Connect, row: Row) -> None:
    await assert_becomes(connect, row)


@pytest.mark.parametrize("row", FINANCE_ROWS, ids=str)
async def test_a_finance_call_becomes_the_platforms_request(connect: Connect, row: Row) -> None:
    await assert_becomes(connect, row)


@pytest.mark.parametrize("row", LOGISTICS_ROWS, ids=str)
async def test_a_logistics_call_becomes_the_platforms_request(connect: Connect, row: Row) -> None:
    await assert_becomes(connect, row)


@pytest.mark.parametrize("row", FULFILLMENT_ROWS, ids=str)
async def test_a_fulfillment_call_becomes_the_platforms_request(connect: Connect, row: Row) -> None:
    await assert_becomes(connect, row)


@pytest.mark.parametrize("row", TOKEN_ROWS, ids=str)
async def test_a_token_call_goes_to_the_auth_host_unsigned(connect: Connect, row: TokenRow) -> None:
    async with (
        Recorder() as api,
        Recorder() as auth,
        connect(api_url=api.url, auth_url=auth.url) as client,
    ):
        result = await call_agreed(client, row.tool, row.arguments)
    assert result.is_error is not True, reply(result)
    assert_token_call(auth, row)
    assert api.calls == []


def assert_token_call(auth: Recorder, row: TokenRow) -> None:
    [request] = auth.requests
    own = {"refresh_token": REFRESH_TOKEN} if row.tool == "refresh_access_token" else {}
    assert (request.method, path_of(request), request.body) == ("GET", row.path, b"")
    assert query_of(request) == {"app_key": APP_KEY, "app_secret": APP_SECRET, **own, **row.query}
    assert request.header("x-tts-access-token") is None


@pytest.mark.parametrize("row", TOKEN_ROWS, ids=str)
async def test_a_token_call_shows_no_token_and_is_followed_by_the_new_one(connect: Connect, row: TokenRow) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        result = await call_agreed(client, row.tool, row.arguments)
        data(await client.call_tool("get_warehouse_list", {}))
    for secret in (NEW_ACCESS_TOKEN, NEW_REFRESH_TOKEN, ACCESS_TOKEN, REFRESH_TOKEN, APP_SECRET):
        assert secret not in str(reply(result))
    assert_signed(recorder.requests[-1], token=NEW_ACCESS_TOKEN)


@pytest.mark.parametrize("upload", UPLOADS, ids=str)
async def test_an_upload_is_multipart_without_cipher_and_its_body_is_not_signed(
    connect: Connect, upload: Upload
) -> None:
    arguments = {**upload.arguments, "image_base64": base64.b64encode(PICTURE).decode()}
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        data(await client.call_tool("upload_product_image", arguments))
    [request] = recorder.requests
    assert_signed(request)
    assert (request.method, path_of(request), own_query(request)) == ("POST", UPLOAD_PATH, {})
    assert request.media_type == "multipart/form-data"
    parts = multipart(request)
    disposition, content = parts.pop("data")
    assert disposition["filename"]
    assert content == PICTURE
    assert {name: value.decode() for name, (_, value) in parts.items()} == upload.fields
    assert all("filename" not in disposition for disposition, _ in parts.values())


def multipart(request: Request) -> dict[str, tuple[dict[str, str], bytes]]:
    """Take a multipart body apart: each part's name to its disposition and its bytes."""
    _, _, boundary = (request.header("content-type") or "").partition("boundary=")
    delimiter = b"\r\n--" + boundary.strip('"').encode()
    first, *pieces, last = (b"\r\n" + request.body).split(delimiter)
    assert (first, last) == (b"", b"--\r\n")
    parts = {}
    for piece in pieces:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        fields = {name.lower(): value for name, value in fields.items()}
        kind, *words = fields["content-disposition"].split("; ")
        assert kind == "form-data"
        disposition = {name: value.strip('"') for name, value in (word.split("=", 1) for word in words)}
        assert disposition["name"] not in parts, "a part was sent twice"
        parts[disposition["name"]] = (disposition, content)
    return parts


async def test_a_whole_number_never_goes_out_with_a_point(connect: Connect) -> None:
    """JSON knows no difference between 50 and 50.0, but the platform's integers do."""
    sku = {"inventory": [{"warehouse_id": "7", "quantity": 3.0}], "price": {"currency": "GBP", "amount": "1"}}
    product = {**EARL_GREY, "skus": [sku]}
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        await client.call_tool("get_statements", {"page_size": 50.0})
        await client.call_tool("get_order_list", {"create_time_ge": 1782905400.0})
        await client.call_tool("create_product", product)
    for request in recorder.calls:
        assert_signed(request)
        assert ".0" not in request.target
        assert b".0" not in request.body


async def test_the_shops_are_asked_for_once(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        for _ in range(3):
            data(await client.call_tool("get_warehouse_list", {}))
    assert len(recorder.shop_calls) == 1
    assert len(recorder.calls) == 3


@pytest.mark.parametrize("name", ["Bean and Grinder", "7496000000000000042", "DE"])
async def test_a_shop_is_chosen_by_name_by_id_or_by_its_region(connect: Connect, name: str) -> None:
    async with (
        Recorder(shops=[TEA, COFFEE]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        data(await client.call_tool("get_warehouse_list", {"shop": name}))
    [request] = recorder.calls
    assert_signed(request)
    assert own_query(request) == {"shop_cipher": COFFEE["cipher"]}


async def test_a_call_that_takes_no_cipher_needs_no_shop(connect: Connect) -> None:
    async with (
        Recorder(shops=[TEA, COFFEE]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        data(await client.call_tool("get_global_seller_warehouses", {}))
    [request] = recorder.calls
    assert own_query(request) == {}


@pytest.mark.parametrize("tool", ["get_global_seller_warehouses", "get_active_shops", "get_seller_permissions"])
async def test_naming_a_shop_adds_no_cipher_where_none_is_wanted(connect: Connect, tool: str) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        data(await client.call_tool("get_warehouse_list", {}))
        data(await client.call_tool(tool, {"shop": TEA["name"]}))
    assert_signed(recorder.calls[-1])
    assert own_query(recorder.calls[-1]) == {}


async def test_a_cipher_is_never_shown(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        result = await client.call_tool("get_authorized_shops", {})
    shops = data(result)["shops"]
    assert [(shop["id"], shop["name"], shop["region"]) for shop in shops] == [(TEA["id"], TEA["name"], TEA["region"])]
    assert TEA["cipher"] not in str(reply(result))


async def test_a_time_without_zone_is_told_with_the_zone_it_was_read_in(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        result = await client.call_tool("get_order_list", {"create_time_ge": "2026-07-01"})
    assert "Europe/London" in str(reply(result))


CREATE_PATH = "/product/202309/products"


async def test_a_token_that_ran_out_is_renewed_once_and_the_call_repeated(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        data(await client.call_tool("get_warehouse_list", {}))
        recorder.requests.clear()
        recorder.answer(
            CREATE_PATH,
            code=105002,
            message="Expired credentials. access_token is expired",
            status=401,
            times=1,
        )
        data(await client.call_tool("create_product", EARL_GREY))
    # What its preview looks up is read before.
    paths = [path_of(request) for request in recorder.requests]
    before, renewal, after = recorder.requests[paths.index(CREATE_PATH) :]
    assert_signed(before, token=ACCESS_TOKEN)
    assert path_of(renewal) == "/api/v2/token/refresh"
    assert query_of(renewal)["refresh_token"] == REFRESH_TOKEN
    assert_signed(after, token=NEW_ACCESS_TOKEN)
    assert (after.method, path_of(after), own_query(after), after.body) == (
        before.method,
        path_of(before),
        own_query(before),
        before.body,
    )


async def test_a_token_that_stays_refused_is_not_renewed_again(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        data(await client.call_tool("get_warehouse_list", {}))
        recorder.requests.clear()
        recorder.answer("/logistics", code=105002, message="Expired credentials", status=401)
        result = await client.call_tool("get_warehouse_list", {})
    told: dict[str, Any] = reply(result)
    assert result.is_error is True
    assert told["error"] == "signed_out"
    assert [path_of(request) for request in recorder.requests] == [
        "/logistics/202309/warehouses",
        "/api/v2/token/refresh",
        "/logistics/202309/warehouses",
    ]
