"""Products go off sale and back by one yes: the whole plan is shown, and every product has its outcome."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tests.calls.test_writes import Person, told, writes
from tests.tools.job_items import to_items

if TYPE_CHECKING:
    from mcp import Client

    from mcp_server_tiktok_shop.sandbox import Sandbox
    from tests.conftest import Connect


async def list_products(client: Client, status: str = "ALL") -> list[dict[str, Any]]:
    arguments = {"page_size": 100, "status": status, "fields": ["*"]}
    answer = await told(client, "search_products", **arguments)
    return list(answer["data"]["products"])


async def run(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return await told(client, "run_write_operation", name=tool, arguments=arguments)


async def test_all_is_shown_before_one_yes_and_told_after_it(connect: Connect, sandbox: Sandbox) -> None:
    """By id, by title and by seller SKU: three products, one preview, one token, one write."""
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        first, second, third = (await list_products(client, "ACTIVATE"))[:3]
        names = [first["id"], second["title"].upper(), third["skus"][0]["seller_sku"]]
        asked = await run(client, "pause_products", products=names)
        assert asked["status"] == "confirmation_required"
        assert writes(sandbox) == []
        assert asked["preview"]["to_do"] == 3
        assert asked["preview"]["explanation"].startswith("At once, until resume_products: no dates can be set.")
        assert asked["preview"]["items"] == [
            {"product": product["id"], "title": product["title"], "now": "ACTIVATE", "will_be": "SELLER_DEACTIVATED"}
            for product in (first, second, third)
        ]
        done = await told(client, "confirm_write", token=asked["confirm"])
        assert done["data"]["done"] == 3
        assert [item["now"] for item in done["data"]["items"]] == ["SELLER_DEACTIVATED"] * 3
        again = await told(client, "confirm_write", token=asked["confirm"])
        assert again["error"] == "declined"
        off_sale = {product["id"] for product in await list_products(client, "SELLER_DEACTIVATED")}
    assert {first["id"], second["id"], third["id"]} <= off_sale
    assert writes(sandbox) == ["deactivate_products"]


async def test_who_names_one_sku_is_told_that_its_product_goes_off_sale_with_all(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        products = await list_products(client, "ACTIVATE")
        wide = next(product for product in products if len(product["skus"]) > 1)
        first, *others = [sku["seller_sku"] for sku in wide["skus"]]
        by_sku, by_all, by_title = [
            (await run(client, "pause_products", products=names, dry_run=True))["data"]
            for names in ([first], [first, *others], [wide["title"], first])
        ]
    (warning,) = [each for each in by_sku["warnings"] if first in each]
    assert f'of "{wide["title"]}" takes its other SKUs off sale, too: {", ".join(others)}' in warning
    assert "change_stock" in warning
    for whole in (by_all, by_title):
        assert "other SKUs" not in json.dumps(whole)


async def test_what_is_to_be_left_alone_is_skipped_with_its_reason(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        await run(client, "delete_products", product_ids=[(await list_products(client, "ACTIVATE"))[0]["id"]])
        products = await list_products(client)
        statuses = {product["id"]: product["status"] for product in products}
        done = await run(client, "pause_products", products=list(statuses))
    items = {item["product"]: item for item in to_items(done["data"])}
    assert items.keys() == statuses.keys()
    for product_id, status in statuses.items():
        item = items[product_id]
        assert item["outcome"] == ("done" if status == "ACTIVATE" else "skipped"), status
        assert ("reason" in item) == (status != "ACTIVATE")
    assert {item["reason"] for item in items.values() if "reason" in item} >= {
        "it is off sale already",
        "it is deleted",
        "TikTok froze it",
    }


async def test_no_write_takes_more_products_than_the_platform(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        ids = [product["id"] for product in await list_products(client, "ACTIVATE")]
        assert len(ids) > 20
        done = await run(client, "pause_products", products=ids)
    assert done["data"]["done"] == len(ids)
    batches = [json.loads(entry.body)["product_ids"] for entry in sandbox.log.list_entries("deactivate_products")]
    assert all(len(batch) <= 20 for batch in batches)
    assert sorted(product_id for batch in batches for product_id in batch) == sorted(ids)


async def test_a_dry_run_shows_the_same_and_sends_nothing(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        ids = [product["id"] for product in (await list_products(client))[:9]]
        shown = await run(client, "pause_products", products=ids, dry_run=True)
        asked = await run(client, "pause_products", products=ids)
    assert shown["data"]["items"] == asked["preview"]["items"]
    assert "confirm" not in shown
    assert writes(sandbox) == []


async def test_a_person_sees_each_product_on_a_line_and_is_asked_once(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("accept")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        ids = [product["id"] for product in (await list_products(client, "ACTIVATE"))[:25]]
        done = await run(client, "pause_products", products=ids)
    assert done["data"]["done"] == 25
    (question,) = person.questions
    assert all(sum(product_id in line and "->" in line for line in question.splitlines()) == 1 for product_id in ids)
    assert question.splitlines()[1].startswith("To: 25 products")
    assert writes(sandbox) == ["deactivate_products"] * 2


async def test_who_says_no_keeps_everything_on_sale(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        ids = [product["id"] for product in (await list_products(client, "ACTIVATE"))[:2]]
        assert (await run(client, "pause_products", products=ids))["error"] == "declined"
    assert writes(sandbox) == []


async def test_a_plan_that_has_changed_is_not_done_but_told(connect: Connect, sandbox: Sandbox) -> None:
    """One of two products is taken off sale elsewhere, between the preview and the yes."""
    async with (
        connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client,
        connect(sandbox="1", confirm="none", sandbox_object=sandbox) as other,
    ):
        ids = [product["id"] for product in (await list_products(client, "ACTIVATE"))[:2]]
        asked = await run(client, "pause_products", products=ids)
        await run(other, "deactivate_products", product_ids=ids[:1])
        stale = await told(client, "confirm_write", token=asked["confirm"])
        assert stale["status"] == "confirmation_required"
        changed = {change.get("product"): change for change in stale["changed"]}
        assert changed[ids[0]]["before"]["now"] == "ACTIVATE"
        assert changed[ids[0]]["now"]["now"] == "SELLER_DEACTIVATED"
        assert len(writes(sandbox)) == 1
        done = await told(client, "confirm_write", token=stale["confirm"])
    assert {item["product"]: item["outcome"] for item in done["data"]["items"]} == {ids[0]: "skipped", ids[1]: "done"}


async def test_a_title_that_fits_several_products_is_refused_with_them(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        refused = await run(client, "pause_products", products=["tea"])
        unknown = await run(client, "pause_products", products=["no such thing at all"])
    assert refused["error"] == "invalid_arguments"
    (candidate,) = refused["candidates"]
    assert candidate["name"] == "tea"
    assert len(candidate["fits"]) > 1
    assert unknown["error"] == "not_found"
    assert writes(sandbox) == []


async def test_a_seller_sku_of_two_products_is_refused_with_both(connect: Connect, sandbox: Sandbox) -> None:
    first, second = list(sandbox.accounts[0].shops[0].products.values())[:2]
    second.skus[0].seller_sku = first.skus[0].seller_sku
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        refused = await run(client, "pause_products", products=[first.skus[0].seller_sku])
    assert refused["error"] == "invalid_arguments"
    assert {fit["product_id"] for fit in refused["candidates"][0]["fits"]} == {first.id, second.id}
    assert writes(sandbox) == []


async def test_one_that_the_platform_refuses_fails_alone(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        ids = [product["id"] for product in (await list_products(client, "ACTIVATE"))[:3]]
        refusal = {"code": 12052901, "message": "It is locked.", "detail": {"product_id": ids[1]}}
        sandbox.faults.add("deactivate_products", edit=lambda _data: {"errors": [refusal]})
        part = await run(client, "pause_products", products=ids)
    outcomes = {item["product"]: item for item in part["data"]["items"]}
    assert [outcomes[product_id]["outcome"] for product_id in ids] == ["done", "failed", "done"]
    assert "locked" in outcomes[ids[1]]["reason"]
    assert part["status"] == "unfinished"


async def test_a_batch_whose_outcome_is_unknown_is_not_sent_again_in_another_form(
    connect: Connect, sandbox: Sandbox
) -> None:
    """One of the three was refused for sure in between: the other two would make another batch."""
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        ids = [product["id"] for product in (await list_products(client, "ACTIVATE"))[:3]]
        sandbox.faults.add("deactivate_products", cut="before")
        lost = await run(client, "pause_products", products=ids)
        assert lost["data"]["unknown"] == 3
        await run(client, "delete_products", product_ids=ids[:1])
        again = await run(client, "pause_products", products=ids)
    outcomes = {item["product"]: item["outcome"] for item in again["data"]["items"]}
    assert outcomes == {ids[0]: "skipped", ids[1]: "unknown", ids[2]: "unknown"}
    assert len(sandbox.log.list_entries("deactivate_products")) == 1


async def test_two_servers_with_one_token_do_a_job_once(connect: Connect, sandbox: Sandbox) -> None:
    more: dict[str, Any] = {"sandbox": "1", "confirm": "asks", "sandbox_object": sandbox}
    async with connect(**more) as one, connect(**more) as two:
        ids = [product["id"] for product in (await list_products(one, "ACTIVATE"))[:2]]
        token = (await run(one, "pause_products", products=ids))["confirm"]
        answers = await asyncio.gather(*(told(client, "confirm_write", token=token) for client in (one, two)))
    assert sorted("error" in answer for answer in answers) == [False, True]
    assert writes(sandbox) == ["deactivate_products"]


async def test_back_on_sale_takes_what_the_seller_switched_off(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        ids = [product["id"] for product in (await list_products(client, "ACTIVATE"))[:2]]
        await run(client, "pause_products", products=ids)
        done = await run(client, "resume_products", products=ids)
        assert done["data"]["done"] == 2
        assert [item["before"] for item in done["data"]["items"]] == ["SELLER_DEACTIVATED"] * 2
        assert "review" in done["note"]


async def test_a_server_that_only_reads_knows_no_job(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox, read_only="1", toolsets="all") as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        refused = await told(client, "pause_products", products=["x"])
    assert not names & {"pause_products", "resume_products"}
    assert refused["error"] == "read_only"


async def test_a_write_that_is_switched_off_takes_its_job_along(connect: Connect, sandbox: Sandbox) -> None:
    more = {"exclude_tools": "deactivate_products", "toolsets": "all"}
    async with connect(sandbox="1", sandbox_object=sandbox, **more) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        refused = await told(client, "pause_products", products=["x"])
    assert "pause_products" not in names
    assert refused["error"] == "not_permitted"
    assert "deactivate_products" in refused["message"]


async def test_what_off_sale_and_in_review_mean_is_said_before_the_yes(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        product = (await list_products(client, "ACTIVATE"))[0]
        paused = await run(client, "pause_products", products=[product["id"]])
        assert "no dates can be set. Nobody can order them any more." in paused["preview"]["explanation"]
        await told(client, "confirm_write", token=paused["confirm"])
        resumed = await run(client, "resume_products", products=[product["id"]])
        assert resumed["preview"]["items"][0]["will_be"] == "PENDING"
        assert resumed["preview"]["explanation"].startswith("At once: no dates can be set. PENDING: TikTok reviews")
        idle = await run(client, "pause_products", products=[product["id"]])
    assert idle["data"]["skipped"] == 1
    assert "Nobody can order" not in idle["note"]
