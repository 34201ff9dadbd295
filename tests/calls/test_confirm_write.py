"""A token alone sends what was shown: once, here, and only as long as things stand as they were shown."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_writes import GONE, Clock, Person, Screen, price_change, told, writes
from tests.wire.pictures import png

if TYPE_CHECKING:
    from pathlib import Path

    from mcp import Client

    from tests.conftest import Connect


MAX_NOTE_CHARS = 120  # of what a preview says beside it


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_server_tiktok_shop.protocol.client.ELICITATION_TIMEOUT_S", 1.5)  # of 50 seconds


async def ask(client: Client, amount: str = "9.99") -> dict[str, Any]:
    """What a price change is answered with, which waits for a yes."""
    change = await price_change(client, amount)
    answer = await told(client, "run_write_operation", name="update_price", arguments=change)
    assert answer["status"] == "confirmation_required"
    return answer | {"change": change}


async def read_price(client: Client, product_id: str) -> str:
    answer = await told(client, "get_product", product_id=product_id)
    return str(answer["data"]["skus"][0]["price"]["sale_price"])


async def test_a_token_alone_sends_what_was_shown(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await ask(client)
        assert asked["note"].endswith("call confirm_write {token: `confirm`} within 10 minutes.")
        assert len(asked["note"]) <= MAX_NOTE_CHARS
        assert writes(sandbox) == []
        done = await told(client, "confirm_write", token=asked["confirm"])
        assert "error" not in done
        assert json.loads(sandbox.log.list_entries("update_price")[0].body)["skus"] == asked["change"]["skus"]
        again = await told(client, "confirm_write", token=asked["confirm"])
    assert again["error"] == "declined"
    assert "used up" in again["message"]
    assert writes(sandbox) == ["update_price"]


async def test_sending_the_arguments_again_keeps_working(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await ask(client)
        done = await told(
            client, "run_write_operation", name="update_price", arguments=asked["change"], confirm=asked["confirm"]
        )
        assert "error" not in done
        assert (await told(client, "confirm_write", token=asked["confirm"]))["error"] == "declined"
    assert writes(sandbox) == ["update_price"]


async def test_two_servers_with_one_token_write_once(connect: Connect, sandbox: Sandbox) -> None:
    more: dict[str, Any] = {"sandbox": "1", "confirm": "asks", "sandbox_object": sandbox}
    async with connect(**more) as one, connect(**more) as two:
        token = (await ask(one))["confirm"]
        answers = await asyncio.gather(*(told(client, "confirm_write", token=token) for client in (one, two)))
    assert sorted("error" in answer for answer in answers) == [False, True]
    assert writes(sandbox) == ["update_price"]


async def test_what_has_changed_since_it_was_shown_is_not_sent_but_told(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await ask(client, "19.99")
        other = await ask(client, "21.50")
        assert "error" not in await told(client, "confirm_write", token=other["confirm"])
        stale = await told(client, "confirm_write", token=asked["confirm"])
        assert stale["status"] == "confirmation_required"
        assert stale["note"].startswith("Nothing was sent yet: what was shown has changed since")
        (changed,) = stale["changed"]
        assert changed["product"] == asked["change"]["product_id"]
        assert changed["before"]["skus"][0]["price.sale_price"] != "21.50"
        assert changed["now"]["skus"][0]["price.sale_price"] == "21.50"
        assert writes(sandbox) == ["update_price"]
        assert "error" not in await told(client, "confirm_write", token=stale["confirm"])  # as it is shown now
        assert await read_price(client, asked["change"]["product_id"]) == "19.99"
    assert writes(sandbox) == ["update_price"] * 2


async def test_arguments_sent_again_are_held_to_what_was_shown_too(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await ask(client, "19.99")
        await told(client, "confirm_write", token=(await ask(client, "21.50"))["confirm"])
        stale = await told(
            client, "run_write_operation", name="update_price", arguments=asked["change"], confirm=asked["confirm"]
        )
    assert stale["changed"]
    assert writes(sandbox) == ["update_price"]


async def test_a_yes_to_what_has_changed_meanwhile_sends_nothing(connect: Connect, sandbox: Sandbox) -> None:
    """The price is changed by another hand while the person reads the question."""
    person = Person("accept")
    async with (
        connect(sandbox="1", confirm="none", sandbox_object=sandbox) as other,
        connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client,
    ):
        change, rival = await price_change(client, "19.99"), await price_change(client, "21.50")

        async def answer(context: Any, params: Any) -> Any:
            await told(other, "run_write_operation", name="update_price", arguments=rival)
            return await person(context, params)

        async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=answer) as slow:
            refused = await told(slow, "run_write_operation", name="update_price", arguments=change)
    assert refused["error"] == "declined"
    assert refused["changed"][0]["now"]["skus"][0]["price.sale_price"] == "21.50"
    assert writes(sandbox) == ["update_price"]


async def test_a_token_is_for_its_shop_and_for_servers_that_show_as_much_of_buyers(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    (one, two, *_) = [shop.name for account in sandbox.accounts for shop in account.shops]
    more: dict[str, Any] = {"sandbox": "1", "sandbox_shops": "3", "confirm": "asks", "sandbox_object": sandbox}
    async with connect(**more) as client:
        token = (await told(client, "delete_products", **GONE, shop=one))["confirm"]
    async with connect(**more, shop=two) as client:
        assert "error" in await told(client, "confirm_write", token=token)
    async with connect(**more, buyer_data="full") as client:
        assert (await told(client, "confirm_write", token=token))["error"] == "declined"
    assert writes(sandbox) == []
    async with connect(**more) as client:
        assert (await told(client, "confirm_write", token=token))["error"] == "platform"  # sent: no such product
    assert writes(sandbox) == ["delete_products"]


async def test_a_token_holds_ten_minutes(connect: Connect) -> None:
    clock = Clock(1_790_000_000.0)
    sandbox = Sandbox(shops=1, clock=clock)
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, runtime=Runtime(clock, clock)) as client:
        token = (await told(client, "delete_products", **GONE))["confirm"]
        clock.now += 601
        assert (await told(client, "confirm_write", token=token))["error"] == "declined"
    assert writes(sandbox) == []


async def test_what_a_token_stands_for_lies_on_disk_for_its_owner_alone(connect: Connect, home: Path) -> None:
    async with connect(sandbox="1", confirm="asks") as client:
        asked = await ask(client)
    path = home / "sandbox" / "confirmations.json"
    text = path.read_text(encoding="utf-8")
    (stored,) = json.loads(text).values()
    assert asked["confirm"] not in text
    assert stored["call"]["tool"] == "update_price"
    assert stored["call"]["arguments"]["skus"] == asked["change"]["skus"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


async def test_a_token_that_was_never_given_out_sends_nothing(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        for token in ("guessed", "", "x" * 10_000):
            assert (await told(client, "confirm_write", token=token))["error"] in ("declined", "invalid_arguments")
    assert writes(sandbox) == []


async def test_a_token_from_where_nobody_sat_does_not_stand_for_a_person_who_can_be_asked(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        token = (await told(client, "delete_products", **GONE))["confirm"]
    person = Person("accept")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        assert (await told(client, "confirm_write", token=token))["error"] == "declined"
    assert person.questions == []
    assert writes(sandbox) == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("era", ["legacy"])
async def test_a_yes_that_came_late_is_used_by_the_token_alone(connect: Connect, sandbox: Sandbox) -> None:
    screen = Screen()
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=screen) as client:
        unanswered = await told(client, "delete_products", **GONE)
        assert "confirm_write" in unanswered["note"]
        await screen.answer_with("accept")
        done = await told(client, "confirm_write", token=unanswered["confirm"])
        assert done["error"] == "platform"  # sent: there is no such product
        again = await told(client, "confirm_write", token=unanswered["confirm"])
    assert again["error"] == "declined"
    assert len(screen.questions) == 1
    assert writes(sandbox) == ["delete_products"]


async def test_where_it_is_switched_off_the_arguments_are_sent_again(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, exclude_tools="confirm_write") as client:
        asked = await ask(client)
        assert "confirm_write" not in asked["note"]
        assert "update_price again with the same arguments" in asked["note"]
        assert (await told(client, "confirm_write", token=asked["confirm"]))["error"] == "not_permitted"
    assert writes(sandbox) == []


@pytest.mark.parametrize("policy", ["asks", "all", "none"])
async def test_it_is_listed_where_a_token_is_given_out(connect: Connect, policy: str) -> None:
    async with connect(sandbox="1", confirm=policy) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert ("confirm_write" in tools) == (policy != "none")


async def test_the_file_of_an_upload_is_the_one_that_was_shown(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png(600, 600))
    arguments = {"image_path": str(file), "use_case": "MAIN_IMAGE"}
    async with connect(sandbox="1", confirm="all", sandbox_object=sandbox, files=tmp_path) as client:
        tokens = [(await told(client, "upload_product_image", **arguments))["confirm"] for _ in range(2)]
        file.write_bytes(png(700, 700))
        assert (await told(client, "confirm_write", token=tokens[0]))["error"] == "declined"
        file.write_bytes(png(600, 600))
        assert "error" not in await told(client, "confirm_write", token=tokens[1])
    assert writes(sandbox) == ["upload_product_image"]


async def test_a_token_for_what_holds_secrets_needs_the_arguments_again(connect: Connect, home: Path) -> None:
    async with connect(sandbox="1", confirm="all") as client:
        asked = await told(client, "refresh_access_token")
        assert asked["status"] == "confirmation_required"
        assert "refresh_access_token again with the same arguments" in asked["note"]
        refused = await told(client, "confirm_write", token=asked["confirm"])
        assert refused["error"] == "declined"
        assert "with them and `confirm`" in refused["hint"]
        assert "error" not in await told(client, "refresh_access_token", confirm=asked["confirm"])
    assert '"call"' not in (home / "sandbox" / "confirmations.json").read_text(encoding="utf-8")
