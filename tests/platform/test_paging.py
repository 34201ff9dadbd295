"""A list is walked to its end: each row once, and never in circles, whatever the platform does with its tokens."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.platform.paging import MAX_EMPTY_PAGES, Paginator, find_list_paths, get_row_key
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from tests.calls.arguments import accepted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.platform.paging import Page

CATALOG = Catalog()
PAGED = [o for o in CATALOG.operations.values() if o.effect == "read" and "page_token" in o.arguments]
ORDERS = "get_order_list"
NOW = float(int(time.time()))
DAY = 24 * 3600
EXPIRED: dict[str, Any] = {
    "status": 400,
    "code": 36009004,
    "message": "Invalid param 'query.page_token': it has expired.",
}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=60, clock=lambda: NOW)


@pytest.fixture
async def walk(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Any]:
    settings = read_settings({"TIKTOK_SHOP_SANDBOX": "1", "TIKTOK_SHOP_HOME": str(tmp_path)})
    parts = build_app(settings, sandbox=sandbox, catalog=CATALOG, runtime=Runtime(lambda: NOW, time.monotonic))
    platform = parts.platform

    async def pages(name: str, values: Json, seen: tuple[str, ...] = (), *, asset: str | None = None) -> Any:
        operation = CATALOG.operations[name]
        checked, _ = coerce_arguments(operation, values)
        chosen = await (
            platform.shops.choose(None, operation.cipher_rule) if asset is None else platform.assets.choose(asset, None)
        )
        async for page in Paginator(CATALOG, platform, None).iter_pages(name, checked, chosen, previous_keys=seen):
            yield page

    yield pages
    await parts.close()


def scripted(sandbox: Sandbox, name: str, *answers: Json) -> None:
    """What the platform answers next, in its envelope."""
    for data in answers:
        body = json.dumps({"code": 0, "message": "Success", "request_id": "1", "data": data}).encode()
        sandbox.faults.add(name, status=200, body=body)


def ids(pages: list[Page]) -> list[str]:
    return [row["id"] for page in pages for row in page.rows]


async def walked(pages: Any) -> tuple[list[Page], ShopError | None]:
    """The pages that came, and what ended them before their time."""
    found = []
    try:
        async for page in pages:
            found.append(page)  # noqa: PERF401 - what came before an error counts
    except ShopError as error:
        return found, error
    return found, None


def sent(sandbox: Sandbox, name: str) -> int:
    return len(sandbox.log.list_entries(name))


async def test_every_paged_read_is_walked_to_an_end(walk: Any) -> None:
    for operation in PAGED:
        asset = "GB/3" if operation.record.get("other_cipher") else None
        found, refused = await walked(walk(operation.name, accepted(operation, {}), asset=asset))
        if refused is not None:  # some ask for an id that was made up here, or are not there in this market
            assert refused.kind in ("platform", "not_found", "not_permitted"), (operation.name, refused)
            assert not found, operation.name
            continue
        assert all(page.list_path in find_list_paths(CATALOG.get_response_shape(operation)) for page in found), (
            operation.name
        )
        assert [page for page in found if page.next_token is None] == found[-1:], operation.name


async def test_each_order_comes_once_and_in_order(walk: Any, sandbox: Sandbox) -> None:
    pages = [page async for page in walk(ORDERS, {"page_size": 7, "sort_order": "ASC"})]
    orders = sorted(sandbox.state.main.orders.values(), key=lambda order: (order.create_time, order.id))
    assert ids(pages) == [order.id for order in orders]
    assert {page.list_path for page in pages} == {"orders"}
    assert len(pages) == 9 == sent(sandbox, ORDERS)


async def test_a_list_whose_paging_stands_in_the_body_is_walked_too(walk: Any, sandbox: Sandbox) -> None:
    pages = [page async for page in walk("search_promotion_activities", {"page_size": 1})]
    assert len(ids(pages)) == len(set(ids(pages))) == len(sandbox.state.main.promotions.activities) > 1


async def test_rows_seen_before_do_not_come_again(walk: Any, sandbox: Sandbox) -> None:
    known = tuple(list(sandbox.state.main.orders)[:30])
    pages = [page async for page in walk(ORDERS, {"page_size": 20}, known)]
    assert set(ids(pages)) == set(sandbox.state.main.orders) - set(known)


@pytest.mark.parametrize("sort_order", ["ASC", "DESC"])
@pytest.mark.parametrize("message", [EXPIRED["message"], "page token is invalid", "the pageToken expired"])
async def test_a_token_refused_midway_is_survived(walk: Any, sandbox: Sandbox, sort_order: str, message: str) -> None:
    for order in sandbox.state.main.orders.values():
        order.create_time -= order.create_time % (10 * DAY)  # a page ends within a second that has more
    pages = []
    async for page in walk(ORDERS, {"page_size": 10, "sort_order": sort_order}):
        pages.append(page)
        if len(pages) in (2, 5):
            sandbox.faults.add(ORDERS, **EXPIRED | {"message": message})
    assert len(ids(pages)) == len(set(ids(pages)))
    assert set(ids(pages)) == set(sandbox.state.main.orders)
    assert sent(sandbox, ORDERS) <= 13


async def test_the_callers_own_filters_hold_when_a_walk_is_resumed(walk: Any, sandbox: Sandbox) -> None:
    times = sorted(order.create_time for order in sandbox.state.main.orders.values())
    wanted = {"create_time_ge": times[5], "create_time_lt": times[-5], "sort_order": "ASC", "page_size": 10}
    pages = []
    async for page in walk(ORDERS, wanted):
        pages.append(page)
        if len(pages) == 2:
            sandbox.faults.add(ORDERS, **EXPIRED)
    assert [row["create_time"] for page in pages for row in page.rows] == times[5:-5]


async def test_statements_are_resumed_by_their_own_time(walk: Any, sandbox: Sandbox) -> None:
    whole = ids([page async for page in walk("get_statements", {"page_size": 100})])
    pages = []
    async for page in walk("get_statements", {"page_size": 5}):
        pages.append(page)
        if len(pages) == 1:
            sandbox.faults.add("get_statements", **EXPIRED)
    assert ids(pages) == whole


async def test_a_list_without_a_time_filter_tells_that_its_token_was_refused(walk: Any, sandbox: Sandbox) -> None:
    pages = walk("search_products", {"page_size": 10})
    await anext(pages)
    sandbox.faults.add("search_products", **EXPIRED)
    with pytest.raises(ShopError, match="page_token"):
        await anext(pages)


async def test_another_refusal_is_not_taken_for_a_dead_token(walk: Any, sandbox: Sandbox) -> None:
    pages = walk(ORDERS, {"page_size": 10})
    await anext(pages)
    message = "Invalid param 'body.create_time_ge': not a time."
    sandbox.faults.add(ORDERS, status=400, code=36009004, message=message)
    with pytest.raises(ShopError, match="create_time_ge"):
        await anext(pages)
    assert sent(sandbox, ORDERS) == 2


async def test_tokens_that_die_each_time_end_the_walk(walk: Any, sandbox: Sandbox) -> None:
    """A page that holds nothing but the last second can't be got past without its token."""
    row = {"id": "1", "create_time": 1_790_000_000}
    scripted(sandbox, ORDERS, {"orders": [row], "next_page_token": "a"})
    sandbox.faults.add(ORDERS, **EXPIRED)
    scripted(sandbox, ORDERS, {"orders": [row], "next_page_token": "a"})
    sandbox.faults.add(ORDERS, times=None, **EXPIRED)
    with pytest.raises(ShopError, match="page_token"):
        assert [page async for page in walk(ORDERS, {})] == []
    assert sent(sandbox, ORDERS) == 4


@pytest.mark.parametrize("tokens", [["a", "a"], ["a", "b", "a"], ["a", "b", "c", "b"]])
async def test_a_token_that_comes_again_ends_the_walk(walk: Any, sandbox: Sandbox, tokens: list[str]) -> None:
    answers = [{"orders": [{"id": str(n)}], "next_page_token": token} for n, token in enumerate(tokens)]
    scripted(sandbox, ORDERS, *answers)
    pages = [page async for page in walk(ORDERS, {})]
    assert ids(pages) == [str(n) for n in range(len(tokens))]
    assert pages[-1].next_token is None
    assert sent(sandbox, ORDERS) == len(tokens)


MORE = {"next_page_token": "a", "has_more": False}


@pytest.mark.parametrize("last", [{}, {"next_page_token": ""}, {"next_page_token": None}, MORE])
async def test_an_empty_or_missing_token_ends_the_walk(walk: Any, sandbox: Sandbox, last: Json) -> None:
    scripted(sandbox, ORDERS, {"orders": [{"id": "1"}]} | last)
    assert ids([page async for page in walk(ORDERS, {})]) == ["1"]


async def test_fresh_tokens_without_fresh_rows_end_in_an_error(walk: Any, sandbox: Sandbox) -> None:
    scripted(sandbox, ORDERS, *({"orders": [{"id": "1"}], "next_page_token": str(n)} for n in range(50)))
    pages, refused = await walked(walk(ORDERS, {}))
    assert ids(pages) == ["1"]
    assert refused is not None
    assert "nothing new" in refused.message
    assert sent(sandbox, ORDERS) == MAX_EMPTY_PAGES + 1


async def test_an_empty_page_midway_does_not_end_the_walk(walk: Any, sandbox: Sandbox) -> None:
    scripted(
        sandbox, ORDERS, {"orders": [], "next_page_token": "a"}, {"next_page_token": "b"}, {"orders": [{"id": "1"}]}
    )
    assert ids([page async for page in walk(ORDERS, {})]) == ["1"]


@pytest.mark.parametrize("data", [{}, {"orders": None}, {"orders": []}, {"orders": {}}])
async def test_an_answer_without_its_list_is_an_empty_page(walk: Any, sandbox: Sandbox, data: Json) -> None:
    scripted(sandbox, ORDERS, data)
    (page,) = [page async for page in walk(ORDERS, {})]
    assert (page.list_path, page.rows, page.next_token) == ("orders", [], None)


async def test_rows_without_an_id_are_all_kept(walk: Any, sandbox: Sandbox) -> None:
    scripted(sandbox, "get_pharmacies", {"pharmacies": [{"name": "A"}, {"name": "A"}]})
    (page,) = [page async for page in walk("get_pharmacies", {})]
    assert page.rows == [{"name": "A"}, {"name": "A"}]


async def test_a_list_one_level_down_is_walked_with_the_token_beside_it(walk: Any, sandbox: Sandbox) -> None:
    first = {"data": {"opportunities": [{"id": "1"}], "next_page_token": "a"}}
    scripted(sandbox, "list_opportunities", first, {"data": {"opportunities": [{"id": "2"}]}})
    values = accepted(CATALOG.operations["list_opportunities"], {})
    pages = [page async for page in walk("list_opportunities", values)]
    assert [page.list_path for page in pages] == ["data.opportunities"] * 2
    assert ids(pages) == ["1", "2"]


@pytest.mark.parametrize(
    ("path", "row", "key"),
    [
        ("orders", {"id": "1", "order_id": "2"}, "1"),
        ("orders", {"id": 1}, "1"),
        ("return_orders", {"order_id": "2", "return_id": "3"}, "3"),
        ("cancellations", {"order_id": "2", "cancel_id": "3"}, "3"),
        ("products", {"product_id": "4"}, "4"),
        ("nrr_problem_order_items", {"order_id": "2"}, None),
        ("sku_orders", {"id": "1", "sku_id": "5"}, "1/5"),
        ("sku_transactions", {"sku_id": "5", "statement_id": "6"}, "5/5/6"),
        ("orders", {"id": None}, None),
        ("orders", {}, None),
    ],
)
def test_a_row_is_known_by_its_own_id_alone(path: str, row: Json, key: str | None) -> None:
    assert get_row_key(row, path) == key
