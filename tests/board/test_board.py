"""The board in a real browser, in a host by the specification of MCP Apps: it shows what it is sent, and no more."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.board.answers import CHART, PRICE, call_quietly, make_chart, preview_price, read
from tests.board.browser_host import SIZE_CHANGED, TOOL_RESULT
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.board.browser_host import BrowserHost, Json
    from tests.board.conftest import ShowHost

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDERS_SQL = "select id, status, total_amount, create_time, currency from orders order by id"
# Of the browser's own clock: from a call until what it changed is painted, which is before the next task after a frame.
TIME_PAINTING = """async (change) => {
  const frame = () => new Promise(requestAnimationFrame);
  const task = () => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
  await frame();
  const start = performance.now();
  change();
  await frame();
  await task();
  return performance.now() - start;
}"""
CLICK_MORE = "() => document.querySelector('button.more').click()"
# What any page has to do for as many rows: the same texts, in a table without a class, a kind or a button.
BUILD_BARE_TABLE = """() => {
  const bare = document.createElement("table");
  for (const row of document.querySelector("table").tBodies[0].rows) {
    const line = bare.insertRow();
    for (const cell of row.cells) line.insertCell().textContent = cell.textContent;
  }
  document.body.append(bare);
}"""
PAINT_ROUNDS = 5
MAX_PAINT_MS = 100
MAX_TIMES_BARE = 4


async def read_table(host: BrowserHost, place: int = 0) -> list[list[str]]:
    """The cells of a table's body, as they are read."""
    cells: list[list[str]] = await host.view.evaluate(
        "(place) => [...document.querySelectorAll('table')[place].tBodies[0].rows]"
        ".map((row) => [...row.cells].map((cell) => cell.textContent))",
        place,
    )
    return cells


async def test_the_view_introduces_itself_before_anything_else(show_host: ShowHost) -> None:
    async with show_host() as host:
        await host.open("get_worklist")
        messages: list[Json] = await host.page.evaluate("messages")
    assert [message["method"] for message in messages[:2]] == ["ui/initialize", "ui/notifications/initialized"]
    params = messages[0]["params"]
    assert params["protocolVersion"] == "2026-01-26"
    assert params["appInfo"]["name"]
    assert params["appInfo"]["version"]
    assert params["appCapabilities"]["availableDisplayModes"] == ["inline", "fullscreen"]


async def test_the_worklist_is_shown_with_all_its_rows_and_how_far_each_deadline_is(show_host: ShowHost) -> None:
    async with show_host() as host:
        answer = read(await host.show("get_worklist"))
        data = answer["data"]
        text = await host.read_text()
        more = await host.view.query_selector("button.more:not([hidden])")
        if more is not None:
            await more.click()
        rows = await read_table(host)
        badges = await host.view.inner_text("ul.counts")
    assert f"{data['late']} late" in badges
    assert f"{data['due_today']} due today" in badges
    columns, expected = data["worklist"]["columns"], data["worklist"]["rows"]
    what_by_kind = {row[0]: row[1] for row in data["kinds"]["rows"]}
    assert len(rows) == len(expected)
    for cells, row in zip(rows, expected, strict=True):
        entry = dict(zip(columns, row, strict=True))
        whole = " ".join(cells)
        assert what_by_kind[entry["kind"]] in cells
        for name in ("id", "order_id", "detail", "product_name"):
            assert (entry[name] or "") in whole
        if entry["deadline"]:
            assert cells[0].startswith(entry["deadline"][:16].replace("T", " "))
            assert (" late" in cells[0]) == (entry["due"] == "late")
            assert ("today" in cells[0]) == (entry["due"] == "today")
    assert "What needs me now" in text
    assert data["note"] in text


async def test_arguments_stand_beside_the_answer(show_host: ShowHost) -> None:
    async with show_host() as host:
        await host.show("query_shop", sql=ORDERS_SQL)
        await host.view.click("text=What was asked")
        assert ORDERS_SQL in await host.read_text()


async def test_a_table_is_sorted_by_number_time_or_text_and_says_so(show_host: ShowHost) -> None:
    async with show_host() as host:
        await host.show("query_shop", sql=f"{ORDERS_SQL} limit 60")
        await host.view.click("button.more")
        for column, place in (("Total amount", 2), ("Create time", 3), ("Status", 1)):
            await (await host.find_button(column)).click()
            rising = [row[place] for row in await read_table(host)]
            assert await host.view.get_attribute("th[aria-sort=ascending]", "class") == (
                "number" if place == 2 else None
            )
            await (await host.find_button(column)).click()
            falling = [row[place] for row in await read_table(host)]
            assert await host.view.inner_text("th[aria-sort=descending]") == column
            key: Callable[[str], Any] = float if place == 2 else str
            assert all(key(a) <= key(b) for a, b in pairwise(rising)), column
            assert all(key(a) >= key(b) for a, b in pairwise(falling)), column
            assert len(set(rising)) > 1


async def test_a_table_is_sorted_by_keyboard_alone(show_host: ShowHost) -> None:
    async with show_host() as host:
        await host.show("query_shop", sql=f"{ORDERS_SQL} limit 5")
        await (await host.find_button("Total amount")).focus()
        await host.page.keyboard.press("Enter")
        amounts = [float(row[2]) for row in await read_table(host)]
    assert amounts == sorted(amounts)


async def test_nothing_is_wider_than_360_pixels_or_scrolls_inside(show_host: ShowHost) -> None:
    async with show_host(width=360) as host:
        await host.open("get_profit")
        for tool, arguments in (("get_profit", {}), ("get_worklist", {}), ("query_shop", {"sql": ORDERS_SQL})):
            await host.call(tool, **arguments)
            wide = await host.view.evaluate(
                "[...document.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1"
                " || (e.scrollHeight > e.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(e).overflowY)))"
                ".map((e) => e.outerHTML.slice(0, 80))"
            )
            assert wide == [], tool


async def test_the_host_is_told_of_each_new_size_so_that_all_of_the_page_is_seen(show_host: ShowHost) -> None:
    async with show_host() as host:
        await host.open("query_shop")
        await host.wait_for(SIZE_CHANGED)
        await host.call("query_shop", sql=f"{ORDERS_SQL} limit 60")
        heights = []
        for action in ("button.more", "summary"):
            await host.view.click(action)
            await host.page.wait_for_function(
                "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
            )
            deadline = time.monotonic() + PATIENCE_S
            while True:  # the page tells its size when it has been drawn, which a busy machine does late
                told = (await host.list_messages(SIZE_CHANGED))[-1]["params"]
                measured = await host.view.evaluate("Math.ceil(document.body.getBoundingClientRect().height)")
                if abs(told["height"] - measured) <= 1 or time.monotonic() > deadline:
                    break
                await asyncio.sleep(0.05)
            assert abs(told["height"] - measured) <= 1
            heights.append(told["height"])
        assert heights[1] > heights[0] > 1_000
        assert told["width"] == 720


async def test_the_theme_of_the_host_is_worn_and_changed_while_the_page_is_open(show_host: ShowHost) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    async with show_host() as host:
        await host.open("get_worklist", context={"theme": "dark"})
        dark = await host.view.evaluate(background)
        await host.notify("ui/notifications/host-context-changed", {"theme": "light"})
        await host.view.wait_for_selector("[data-theme=light]")
        light = await host.view.evaluate(background)
        variables = {"--color-background-primary": "rgb(1, 2, 3)", "color": "rgb(9, 9, 9)"}
        await host.notify("ui/notifications/host-context-changed", {"styles": {"variables": variables}})
        await host.wait_until(f"{background} === 'rgb(1, 2, 3)'")
        text_colour = await host.view.evaluate("document.documentElement.style.color")
    assert (dark, light) == ("rgb(29, 29, 27)", "rgb(255, 255, 255)")
    assert text_colour == "", "what is no variable is not taken"


async def test_the_page_ends_when_the_host_asks_it_to(show_host: ShowHost) -> None:
    async with show_host() as host:
        await host.show("get_worklist")
        assert (await host.request("ui/no-such-method", {}))["error"]["code"] == -32601
        assert (await host.request("ping", {}))["result"] == {}
        assert (await host.request("ui/resource-teardown", {"reason": "closed"}))["result"] == {}
        sizes = len(await host.list_messages(SIZE_CHANGED))
        before = await host.read_text()
        await host.notify(TOOL_RESULT, {"content": [{"type": "text", "text": "{}"}]})
        await host.view.evaluate("document.body.style.padding = '200px'")
        await asyncio.sleep(0.2)
        assert await host.read_text() == before
        assert len(await host.list_messages(SIZE_CHANGED)) == sizes


async def test_a_call_that_was_cancelled_is_told(show_host: ShowHost) -> None:
    async with show_host() as host:
        await host.open("get_worklist")
        await host.notify("ui/notifications/tool-cancelled", {"reason": "stopped by the person"})
        await host.view.wait_for_selector("text=The call was cancelled: stopped by the person")


async def test_an_error_is_told_with_what_to_do(show_host: ShowHost) -> None:
    async with show_host() as host:
        answer = read(await host.show("get_report", report="sales"))
        text = await host.read_text()
    assert answer["message"] in text
    assert answer["hint"] in text


async def test_a_write_is_sent_once_by_the_agree_button_after_its_warnings_were_shown(show_host: ShowHost) -> None:
    async with show_host() as host:
        answer = await preview_price(host)
        text = await host.read_text()
        assert answer["preview"]["warnings"][0] in text
        assert PRICE in text
        assert host.calls == []
        agree, decline = await host.find_button("Agree"), await host.find_button("Decline")
        await agree.evaluate("(button) => { button.click(); button.click(); }")
        await host.view.wait_for_selector("text=You agreed. What came of it:")
        assert host.calls == [{"name": "confirm_write", "arguments": {"token": answer["confirm"]}}]
        assert await agree.is_disabled()
        assert await decline.is_disabled()
        told = (await host.wait_for("ui/update-model-context"))["params"]["content"][0]["text"]
        sku = answer["preview"]["body"]["skus"][0]["id"]
        products = read(await call_quietly(host, "search_products", page_size=50))["data"]["products"]
        after = await host.read_text()
    prices = {each["id"]: each["price"]["sale_price"] for product in products for each in product["skus"]}
    assert prices[sku] == PRICE, "the shop has the new price"
    assert "Outcome" in after
    assert "agreed to update_price" in told
    assert '"note":"Done."' in told


async def test_a_write_that_is_declined_is_never_sent(show_host: ShowHost) -> None:
    async with show_host() as host:
        await preview_price(host)
        await (await host.find_button("Decline")).click()
        await host.view.wait_for_selector("text=You declined: nothing was sent.")
        assert await (await host.find_button("Agree")).is_disabled()
        told = (await host.wait_for("ui/update-model-context"))["params"]["content"][0]["text"]
        assert host.calls == []
    assert "declined update_price" in told


async def test_a_token_that_no_longer_holds_is_told_and_nothing_is_sent(show_host: ShowHost) -> None:
    async with show_host() as host:
        answer = await preview_price(host)
        await call_quietly(host, "confirm_write", token=answer["confirm"])
        await (await host.find_button("Agree")).click()
        await host.view.wait_for_selector("text=That token is used up")
        assert "It was not done" in await host.read_text()


async def test_what_has_changed_since_a_preview_is_shown_and_asked_anew(show_host: ShowHost) -> None:
    async with show_host() as host:
        first = await preview_price(host)
        product = first["preview"]["now"][0]["product"]
        other = await call_quietly(host, "pause_products", products=[product])
        await call_quietly(host, "confirm_write", token=read(other)["confirm"])
        await (await host.find_button("Agree")).click()
        await host.view.wait_for_selector("text=What has changed since")
        open_buttons = await host.view.query_selector_all("button.agree:not([disabled])")
        assert len(open_buttons) == 1
        await open_buttons[0].click()
        await host.wait_until("document.body.innerText.split('What came of it').length === 3")
    assert [call["name"] for call in host.calls] == ["confirm_write", "confirm_write"]
    assert host.calls[0]["arguments"]["token"] == first["confirm"]
    assert host.calls[1]["arguments"]["token"] != first["confirm"]


async def test_a_host_that_calls_no_tools_for_a_page_leaves_the_answer_to_the_chat(show_host: ShowHost) -> None:
    async with show_host() as host:
        await preview_price(host, capabilities={})
        assert await host.view.query_selector("button.agree") is None
        assert "Tell the assistant whether you agree." in await host.read_text()


async def test_a_person_is_told_where_the_host_keeps_their_decision_from_the_assistant(show_host: ShowHost) -> None:
    async with show_host() as host:
        await preview_price(host, capabilities={"serverTools": {}})
        await (await host.find_button("Decline")).click()
        await host.view.wait_for_selector("text=Tell the assistant what you decided")


async def test_an_answer_that_never_came_is_not_called_a_failure(show_host: ShowHost) -> None:
    async with show_host() as host:
        await preview_price(host, refusals=["tools/call"])
        await host.page.evaluate("() => { window.callTool = () => Promise.reject(new Error('the line broke')); }")
        await (await host.find_button("Agree")).click()
        await host.view.wait_for_selector("text=Whether it was done is not known (the line broke)")


async def test_texts_are_shown_as_texts_whoever_wrote_them(show_host: ShowHost) -> None:
    markup = '<b id="marker">bold</b><script>document.title = "marker"</script><img src="https://marker.test/">'
    async with show_host() as host:
        chat = read(await call_quietly(host, "get_worklist", kinds=["chats"]))["data"]["chats"]
        conversation = chat["rows"][0][chat["columns"].index("id")]
        await host.open("reply_to_buyer")
        await host.call("reply_to_buyer", conversation_id=conversation, text=markup)
        assert markup in await host.read_text()
        name = '<i id="marker">name</i>'
        column = name.replace('"', '""')
        await host.call("query_shop", sql=f"select '{markup}' as \"{column}\"")
        text = await host.read_text()
        assert markup in text
        chart: Json = {"kind": "bar", "x": markup, "y": markup, "series": "", "title": markup, "unit": "number"}
        chart |= {"currency": "", "x_type": "category", "rows": [[markup, 1]]}
        await host.notify(TOOL_RESULT, {"content": [], "_meta": {"tiktok-shop/chart": chart}})
        await host.view.wait_for_selector("svg")
        assert await host.view.query_selector("#marker") is None
        assert await host.view.query_selector("b, i, img") is None
        assert await host.view.title() == "TikTok Shop board"
        assert not [url for url in host.requested_urls if "marker" in url]


async def test_a_link_is_opened_by_the_host_and_never_one_that_others_wrote(show_host: ShowHost) -> None:
    link = "https://example.com/guide"
    async with show_host() as host:
        await host.open("query_shop")
        text = json.dumps({"data": {"ours": [{"url": link}], "theirs": [{"url": link}]}, "untrusted": ["theirs.url"]})
        await host.notify(TOOL_RESULT, {"content": [{"type": "text", "text": text}]})
        await host.view.wait_for_selector("button.link")
        assert len(await host.view.query_selector_all("button.link")) == 1
        await host.view.click("button.link")
        assert (await host.wait_for("ui/open-link"))["params"] == {"url": link}
        assert await host.view.query_selector("a") is None


async def test_the_page_asks_the_network_for_nothing_and_could_not(show_host: ShowHost) -> None:
    async with show_host() as host:
        await host.show("get_worklist")
        assert host.requested_urls == ["https://host.test/", "https://sandbox.test/proxy.html"]
        policy = await host.view.get_attribute("meta[http-equiv]", "content")
        assert policy is not None
        assert "unsafe-eval" not in policy
        assert "connect-src 'none'" in policy
        refused = await host.view.evaluate("fetch('https://marker.test/').then(() => 'fetched', () => 'refused')")
        assert refused == "refused"
        assert host.requested_urls == ["https://host.test/", "https://sandbox.test/proxy.html"]
        host.faults = [fault for fault in host.faults if "marker.test" not in fault]


async def test_a_picture_of_a_label_is_shown_with_words_for_who_sees_none(show_host: ShowHost) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    async with show_host() as host:
        await host.open("resize_pdf")
        text = json.dumps({"data": {"path": "labels.pdf", "pages": 2}})
        picture = {"type": "image", "mimeType": "image/png", "data": pixel, "annotations": {"audience": ["user"]}}
        foreign = {"type": "image", "mimeType": "image/svg+xml", "data": pixel}
        await host.notify(TOOL_RESULT, {"content": [{"type": "text", "text": text}, picture, foreign]})
        await host.view.wait_for_selector("img")
        assert await host.view.get_attribute("img", "alt") == "The first page of the labels"
        assert len(await host.view.query_selector_all("img")) == 1
        assert await host.view.evaluate("document.querySelector('img').naturalWidth") == 1


async def test_two_hundred_rows_are_painted_quickly(
    show_host: ShowHost, record_property: Callable[[str, object], None]
) -> None:
    """Within 100 ms; on a busy machine, in no more than a few times what a bare table of the same texts takes."""
    async with show_host() as host:
        await host.open("query_shop")
        result = await call_quietly(
            host,
            "query_shop",
            sql="select order_id, product_name, seller_sku, sale_price, "
            "display_status, order_create_time from order_lines limit 200",
        )
        assert len(read(result)["data"]["result"]["rows"]) == 200
        board_ms, bare_ms = [], []
        for _ in range(PAINT_ROUNDS):
            await host.notify(TOOL_RESULT, result)
            await host.view.wait_for_selector("button.more:not([hidden])")
            board_ms.append(await host.view.evaluate(f"() => ({TIME_PAINTING})({CLICK_MORE})"))
            assert len(await read_table(host)) == 200
            bare_ms.append(await host.view.evaluate(f"() => ({TIME_PAINTING})({BUILD_BARE_TABLE})"))
            await host.view.evaluate("document.body.lastElementChild.remove()")
    record_property("board_ms", board_ms)
    record_property("bare_ms", bare_ms)
    assert min(board_ms) <= max(MAX_PAINT_MS, MAX_TIMES_BARE * min(bare_ms)), (board_ms, bare_ms)


@pytest.mark.parametrize("kind", ["line", "bar", "stacked", "area", "scatter", "heat"])
async def test_a_chart_tells_each_of_its_values_under_pointer_and_keys(show_host: ShowHost, kind: str) -> None:
    chart = make_chart(kind)
    async with show_host() as host:
        await host.open("get_report")
        await host.notify(TOOL_RESULT, {"content": [], "_meta": {"tiktok-shop/chart": chart}})
        await host.view.wait_for_selector("svg")
        assert chart["title"] in await host.read_text()
        box = await (await host.view.wait_for_selector("svg")).bounding_box()  # type: ignore[union-attr]
        assert box is not None
        assert box["width"] > 600
        await host.page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 40)
        pointed = await host.view.inner_text("output")
        await host.view.focus(".chart")
        read_texts = set()
        for _ in chart["rows"]:
            await host.page.keyboard.press("ArrowLeft")
        for _ in chart["rows"]:
            read_texts.add(await host.view.inner_text("output"))
            await host.page.keyboard.press("ArrowRight")
        shapes = await host.view.query_selector_all("svg :is(polyline, polygon, rect, circle.fill)")
    assert pointed in read_texts
    whole = " ".join(read_texts)
    for _, amount, name in chart["rows"]:
        words = f"{amount:.2f} GBP" if isinstance(amount, float) else f"{amount} GBP"
        assert words in whole
        assert name in whole
    assert len(shapes) == (2 if kind in ("line", "area") else len(chart["rows"]))


async def test_a_line_has_gaps_and_a_point_alone_is_a_dot(show_host: ShowHost) -> None:
    rows = [["2026-10-01", 1], ["2026-10-02", 2], ["2026-10-05", 3], ["2026-10-08", 1], ["2026-10-09", 4]]
    chart = CHART | {"kind": "line", "x_type": "time", "series": "", "rows": rows, "pieces": [0, 0, 1, 2, 2]}
    async with show_host() as host:
        await host.open("get_report")
        await host.notify(TOOL_RESULT, {"content": [], "_meta": {"tiktok-shop/chart": chart}})
        await host.view.wait_for_selector("svg")
        assert len(await host.view.query_selector_all("svg polyline")) == 2
        assert len(await host.view.query_selector_all("svg circle.fill")) == 1


async def test_the_shapes_of_a_chart_are_as_long_as_its_amounts(show_host: ShowHost) -> None:
    rows: list[tuple[str, float]] = [("Oolong", 30.0), ("Sencha", 15.0), ("Refunds", -7.5)]
    chart = CHART | {"kind": "bar", "x": "product", "x_type": "category", "series": "", "title": "Sales", "rows": rows}
    async with show_host() as host:
        await host.open("get_report")
        await host.notify(TOOL_RESULT, {"content": [], "_meta": {"tiktok-shop/chart": chart}})
        await host.view.wait_for_selector("rect")
        widths = await host.view.evaluate("[...document.querySelectorAll('rect')].map((r) => r.width.baseVal.value)")
    per_unit = widths[0] / 30
    assert widths == pytest.approx([abs(amount) * per_unit for _, amount in rows])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 720])
async def test_axe_finds_nothing(show_host: ShowHost, theme: str, width: int) -> None:
    async with show_host(width=width) as host:
        await preview_price(host, context={"theme": theme})
        await host.expect_accessible("preview")
        await (await host.find_button("Agree")).click()
        await host.view.wait_for_selector("text=You agreed. What came of it:")
        await host.expect_accessible("outcome")
        for tool, arguments in (("get_worklist", {}), ("get_profit", {}), ("get_report", {"report": "sales"})):
            await host.call(tool, **arguments)
            for summary in await host.view.query_selector_all("summary"):
                await summary.click()
            await host.expect_accessible(tool)
        for kind in ("line", "heat"):
            await host.notify(TOOL_RESULT, {"content": [], "_meta": {"tiktok-shop/chart": make_chart(kind)}})
            await host.view.wait_for_selector(f"text=Sales as {kind}")
            await host.expect_accessible(kind)
