"""A label is shown when it is asked for, to the person, and never among what is meant for the model."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from mcp_server_tiktok_shop.sandbox import Sandbox

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

MAX_LABEL_BYTES = 60_000


async def call(client: Client, tool: str, /, **arguments: Any) -> tuple[Any, list[Any]]:
    """The data of an answer, and the pictures behind it."""
    result: Any = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    text, *pictures = result.content
    return json.loads(text.text)["data"], pictures


async def find_package(client: Client) -> str:
    """A parcel whose label can be had."""
    sql = "SELECT package_id FROM order_lines WHERE order_status = 'AWAITING_COLLECTION' AND package_id <> '' LIMIT 1"
    data, _ = await call(client, "query_shop", sql=sql)
    return str(data["result"]["rows"][0][0])


async def test_the_first_page_is_seen_by_the_person_alone(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        package_id = await find_package(client)
        told, (picture,) = await call(client, "resize_pdf", package_ids=[package_id], show_page=True)
        unasked, pictures = await call(client, "resize_pdf", package_ids=[package_id])
    assert picture.annotations.audience == ["user"]
    assert picture.mime_type == "image/png"
    content = base64.b64decode(picture.data)
    assert len(content) <= MAX_LABEL_BYTES
    image = Image.open(io.BytesIO(content)).convert("L")
    assert image.width == 600
    assert image.height / image.width == pytest.approx(148 / 105, abs=0.01)  # A6, as it will be printed
    dark = sum(count for count, grey in image.getcolors(256) or () if isinstance(grey, int) and grey < 128)
    assert 0.01 < dark / (image.width * image.height) < 0.9
    assert "page 1" in told["picture"]
    assert pictures == []
    assert "picture" not in unasked


async def test_parcels_that_are_shipped_show_their_first_label(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=40)) as client:
        sql = "SELECT id FROM orders WHERE status = 'AWAITING_SHIPMENT' ORDER BY paid_time LIMIT 3"
        data, _ = await call(client, "query_shop", sql=sql)
        ids = [row[0] for row in data["result"]["rows"]]
        told, (picture,) = await call(client, "ship_orders", ids=ids, show_page=True)
    assert picture.annotations.audience == ["user"]
    assert "page 1" in told["labels"]["picture"]


async def test_who_keeps_buyers_data_back_shows_no_label(connect: Connect) -> None:
    async with connect(sandbox="1", buyer_data="none") as client:
        told, pictures = await call(client, "resize_pdf", package_ids=[await find_package(client)], show_page=True)
    assert pictures == []
    assert "keep those back" in told["picture"]
    assert told["path"]


async def test_without_the_library_the_file_comes_with_the_way_to_get_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_server_tiktok_shop.tools.pdf.page_pictures.LIBRARY", "library_that_is_not_there")
    async with connect(sandbox="1") as client:
        told, pictures = await call(client, "resize_pdf", package_ids=[await find_package(client)], show_page=True)
    assert pictures == []
    assert "mcp-server-tiktok-shop[label-pictures]" in told["picture"]
    assert told["path"]
