"""The board in the reference implementation of a host, with the SDK's own client asking our server over HTTP.

`make reference-host` installs both; without them, or without a browser, these tests are skipped.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.board.reference_host import NEGOTIATIONS, PACKAGES, bundle_script, open_reference_host
from tests.protocol.test_http import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from typing import Protocol

    from playwright.async_api import Browser

    from tests.board.browser_host import Json
    from tests.board.reference_host import ReferenceHost

    class ShowReferenceHost(Protocol):
        def __call__(self) -> AbstractAsyncContextManager[ReferenceHost]: ...


pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not (PACKAGES / ".bin" / "esbuild").exists(),
        reason="the reference host is not installed: `make reference-host` does it",
    ),
]
versions = pytest.mark.parametrize("version", NEGOTIATIONS)
PRICE = "1.00"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def script() -> str:
    return await bundle_script()


@pytest.fixture
def show_reference_host(browser: Browser, home: Path, script: str) -> ShowReferenceHost:
    @asynccontextmanager
    async def show() -> AsyncIterator[ReferenceHost]:
        async with serve(home) as served, open_reference_host(browser, served, script) as host:
            yield host
            # The stream that a client may open and a server may refuse: the browser calls that an error.
            faults = [fault for fault in host.faults if "405 (Method Not Allowed)" not in fault]
            assert faults == [], "neither the host nor the board finds a fault in what the other says"

    return show


def read(result: Json) -> Json:
    answer: Json = json.loads(result["content"][0]["text"])
    return answer


async def preview_price(host: ReferenceHost, version: str) -> Json:
    await host.open("run_write_operation", version=version)
    found = read(await host.ask("callQuietly", "search_products", {"page_size": 1}))
    product = found["data"]["products"][0]
    sku = {"id": product["skus"][0]["id"], "price": {"amount": PRICE, "currency": "GBP"}}
    arguments = {"product_id": product["id"], "skus": [sku]}
    return read(await host.call("run_write_operation", name="update_price", arguments=arguments))


@pytest.mark.parametrize("is_written", [True, False])
@versions
async def test_the_host_and_the_board_introduce_themselves_in_each_era_and_sandbox(
    show_reference_host: ShowReferenceHost, version: str, *, is_written: bool
) -> None:
    async with show_reference_host() as host:
        told = await host.open("get_worklist", version=version, is_written=is_written)
        answer = read(await host.call("get_worklist"))
        text = await host.read_text()
    assert told["version"] == version
    assert told["app"]["name"] == "tiktok-shop-board"
    assert told["capabilities"] == {"availableDisplayModes": ["inline", "fullscreen"]}
    assert "What needs me now" in text
    assert f"{answer['data']['late']} late" in text


async def test_input_and_result_are_shown_and_each_new_size_is_told(show_reference_host: ShowReferenceHost) -> None:
    sql = "select id, status, total_amount from orders order by id limit 30"
    async with show_reference_host() as host:
        await host.open("query_shop")
        await host.ask("sendInput", {"sql": sql})
        await host.view.wait_for_selector("text=Waiting for the answer")
        answer = read(await host.call("query_shop", sql=sql))
        await host.view.click("text=What was asked")
        await host.wait_until("innerHeight >= document.body.getBoundingClientRect().height")
        before = await host.view.evaluate("innerHeight")
        await host.view.click("button.more")
        await host.wait_until(f"innerHeight > {before} && innerHeight >= document.body.getBoundingClientRect().height")
        text = await host.read_text()
        sizes = await host.list_events("size")
    assert sql in text
    assert answer["data"]["result"]["rows"][-1][0] in text
    assert {size["width"] for size in sizes} == {720}


async def test_the_host_s_theme_variables_and_insets_are_worn_and_changed(
    show_reference_host: ShowReferenceHost,
) -> None:
    variables = {"--color-background-primary": "light-dark(rgb(1, 2, 3), rgb(4, 5, 6))", "--border-radius-md": "3px"}
    insets = {"top": 4, "right": 3, "bottom": 2, "left": 1}
    async with show_reference_host() as host:
        await host.open("get_worklist", theme="dark", styles={"variables": variables}, safeAreaInsets=insets)
        assert await host.view.evaluate(BACKGROUND) == "rgb(4, 5, 6)"
        assert await host.view.evaluate("document.body.style.padding") == "4px 3px 2px 1px"
        await host.ask("changeContext", {"theme": "light", "styles": {"variables": variables}})
        await host.wait_until(f"{BACKGROUND} === 'rgb(1, 2, 3)'")
        await host.ask("changeContext", {"theme": "light", "styles": {"variables": {}}})
        await host.wait_until(f"{BACKGROUND} === 'rgb(255, 255, 255)'")


@versions
async def test_a_write_is_sent_once_by_agree_and_the_assistant_is_told(
    show_reference_host: ShowReferenceHost, version: str
) -> None:
    async with show_reference_host() as host:
        answer = await preview_price(host, version)
        assert answer["preview"]["warnings"][0] in await host.read_text()
        await (await host.find_button("Agree")).click()
        await host.view.wait_for_selector("text=You agreed. What came of it:")
        assert host.calls[-1] == {"name": "confirm_write", "arguments": {"token": answer["confirm"]}}
        (told,) = await host.list_events("context")
        found = read(await host.ask("callQuietly", "search_products", {"page_size": 50}))["data"]["products"]
    sku = answer["preview"]["body"]["skus"][0]["id"]
    assert [each["price"]["sale_price"] for product in found for each in product["skus"] if each["id"] == sku] == [
        PRICE
    ]
    assert "agreed to update_price" in told["text"]


async def test_a_write_that_is_declined_is_never_sent(show_reference_host: ShowReferenceHost) -> None:
    async with show_reference_host() as host:
        await preview_price(host, "2025-11-25")
        await (await host.find_button("Decline")).click()
        await host.view.wait_for_selector("text=You declined: nothing was sent.")
        (told,) = await host.list_events("context")
        assert "confirm_write" not in {call["name"] for call in host.calls}
    assert "declined update_price" in told["text"]


async def test_a_link_is_opened_by_the_host(show_reference_host: ShowReferenceHost) -> None:
    link = "https://example.com/guide"
    async with show_reference_host() as host:
        await host.open("query_shop")
        await host.ask(
            "sendResult", {"content": [{"type": "text", "text": json.dumps({"data": {"guides": [{"url": link}]}})}]}
        )
        await host.view.click("button.link")
        await host.page.wait_for_function("referenceHost.events.some((event) => event.link)")
        assert await host.list_events("link") == [link]


async def test_the_board_ends_in_order_where_the_host_takes_it_down(show_reference_host: ShowReferenceHost) -> None:
    async with show_reference_host() as host:
        await host.open("get_worklist")
        await host.ask("cancel", "stopped by the person")
        await host.view.wait_for_selector("text=The call was cancelled: stopped by the person")
        assert await host.ask("close") == {}
        assert await host.page.query_selector("iframe") is None
