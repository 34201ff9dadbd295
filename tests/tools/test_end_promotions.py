"""Several promotions are ended by one preview and one yes, and none that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.calls.test_previews import run
from tests.calls.test_undo import list_changes
from tests.calls.test_writes import told, writes
from tests.tools.job_items import to_items

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox import Sandbox
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop
    from tests.conftest import Connect


@pytest.fixture
def era() -> str:
    return "auto"


def list_statuses(sandbox: Sandbox) -> dict[str, str]:
    activities = sandbox.accounts[0].shops[0].promotions.activities.values()
    return {activity.title: activity.get_status(int(sandbox.now())) for activity in activities}


async def test_every_promotion_that_runs_is_ended_by_one_yes(connect: Connect, sandbox: Sandbox) -> None:
    before = list_statuses(sandbox)
    running = {title for title, status in before.items() if status == "ONGOING"}
    assert len(running) > 1
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await run(client, "end_promotions", {"promotions": "all"})
        preview = asked["preview"]
        assert writes(sandbox) == []
        done = await told(client, "confirm_write", token=asked["confirm"])
        nothing = await run(client, "end_promotions", {"promotions": "all"})
    assert {item["title"] for item in to_items(preview)} == running
    assert preview["to_do"] == done["data"]["done"] == len(running)
    assert writes(sandbox) == ["deactivate_activity"] * len(running)
    assert list_statuses(sandbox) == before | dict.fromkeys(running, "DEACTIVATED")
    assert "No promotion runs at this shop now." in str(nothing)


async def test_named_promotions_are_ended_and_what_is_over_is_skipped_with_its_reason(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    ids = {activity.title: activity.id for activity in shop.promotions.activities.values()}
    names = ["winter FLASH sale", ids["Summer prices"], ids["Welcome discount"], "7100000000000000001"]
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client:
        answer = (await run(client, "end_promotions", {"promotions": names}))["data"]
        unknown = await run(client, "end_promotions", {"promotions": ["No such sale"]})
    assert (answer["done"], answer["skipped"]) == (1, 3)
    told_items = str(answer)
    for reason in ("it is over", "it is ended already", "has no promotion"):
        assert reason in told_items
    assert list_statuses(sandbox)["Winter flash sale"] == "DEACTIVATED"
    assert unknown["error"] == "invalid_arguments"
    assert "No such sale" in unknown["message"]


async def test_promotions_that_were_ended_together_run_again_together(connect: Connect, sandbox: Sandbox) -> None:
    before = list_statuses(sandbox)
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client:
        await run(client, "end_promotions", {"promotions": ["Autumn tea week", "Winter flash sale"]})
        job = (await list_changes(client))[0]
        undone = await run(client, "undo_job", {"id": job["id"]})
    assert undone["data"]["done"] == 2
    assert list_statuses(sandbox)["Winter flash sale"] == before["Winter flash sale"]
