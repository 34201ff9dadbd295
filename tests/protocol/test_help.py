"""What helps beside the tools: instructions, prompts for a seller's routines, resources, completions, progress."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from mcp import MCPError
from mcp.types import PromptReference, ResourceTemplateReference

from mcp_server_tiktok_shop.protocol.skills import load_skills
from mcp_server_tiktok_shop.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.conftest import Connect


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


async def told(client: Any, name: str, /, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await client.call_tool(name, arguments)).content[0].text)
    return answer


# ---- prompts


async def test_a_routine_takes_the_shop_it_is_for(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        prompt = await client.get_prompt("weekly-sales", {"shop": "Tea House", "period": "2026-10"})
        text = prompt.messages[0].content.text  # type: ignore[union-attr]
        assert 'shop "Tea House"' in text
        assert "period: 2026-10" in text
        assert "Asked for" not in (await client.get_prompt("weekly-sales", {})).messages[0].content.text  # type: ignore[union-attr]
        for name, given in (("weekly-sale", {}), ("weekly-sales", {"colour": "red"}), ("list-a-product", {})):
            with pytest.raises(MCPError) as caught:
                await client.get_prompt(name, given)
            assert caught.value.error.message
            assert "Traceback" not in caught.value.error.message


async def test_a_routine_takes_what_a_person_types_first_first(connect: Connect, sandbox: Sandbox) -> None:
    """Some clients hand over what is typed after the name word by word, in the order of the list."""
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        listed = {p.name: [a.name for a in p.arguments or ()] for p in (await client.list_prompts()).prompts}
        required = {
            p.name: [a.name for a in p.arguments or () if a.required] for p in (await client.list_prompts()).prompts
        }
    assert listed == {
        "last-payout": ["period", "shop"],
        "list-a-product": ["product", "shop"],
        "low-stock": ["period", "shop"],
        "month-end": ["period", "shop"],
        "morning": ["shop"],
        "returns-and-messages": ["shop"],
        "slow-sellers": ["days", "shop"],
        "todays-parcels": ["shop"],
        "weekly-sales": ["period", "shop"],
    }
    for name, arguments in listed.items():
        assert arguments[-1] == "shop"
        assert arguments[: len(required[name])] == required[name]


async def test_a_read_only_server_has_no_routine_that_writes(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox, read_only="1") as client:
        names = {prompt.name for prompt in (await client.list_prompts()).prompts}
    assert names == load_skills().keys() - {"list-a-product", "returns-and-messages", "todays-parcels"}


@pytest.mark.parametrize("name", ["weekly_sales", "last_payout", "low_stock", "todays_parcels"])
async def test_a_routine_is_found_by_the_name_it_had_before(connect: Connect, sandbox: Sandbox, name: str) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        assert await client.get_prompt(name) == await client.get_prompt(name.replace("_", "-"))


async def test_arguments_of_prompts_are_completed(connect: Connect, sandbox: Sandbox) -> None:
    shop = sandbox.accounts[0].shops[0].name
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        reference = PromptReference(name="weekly-sales")

        async def completed(argument: str, begun: str) -> list[str]:
            return (await client.complete(reference, {"name": argument, "value": begun})).completion.values

        assert await completed("shop", shop[:3].lower()) == [shop]
        assert await completed("shop", "nowhere") == []
        assert "last 7 days" in await completed("period", "last")
        template = ResourceTemplateReference(uri="tiktok-shop://results/{id}")
        assert (await client.complete(template, {"name": "id", "value": ""})).completion.values == []


# ---- resources


async def test_shops_and_toolsets_can_be_read_as_resources(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        uris = [resource.uri for resource in (await client.list_resources()).resources]
        uris = [uri for uri in uris if not uri.startswith("skill://")]
        assert uris == ["tiktok-shop://shops", "tiktok-shop://toolsets"]
        shops, toolsets = [
            json.loads((await client.read_resource(uri)).contents[0].text)  # type: ignore[union-attr]
            for uri in uris
        ]
    assert shops["shops"][0]["name"] == sandbox.accounts[0].shops[0].name
    assert "get_order_list" in toolsets["orders"]
    assert "get_order_list" in toolsets["default"]
    assert sandbox.accounts[0].shops[0].cipher not in json.dumps(shops)


async def test_a_kept_result_is_a_resource(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        (template,) = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "tiktok-shop://results/{id}"
        large = await told(client, "get_order_list", page_size=100, fields=["*"])
        assert large["left_out"]
        read = await client.read_resource(f"tiktok-shop://results/{large['result_id']}")
        whole = json.loads(read.contents[0].text)  # type: ignore[union-attr]
        assert len(whole["data"]["orders"]) == 100
        for uri in (
            "tiktok-shop://results/0123456789abcdef",
            "tiktok-shop://results/../accounts",
            "file:///etc/passwd",
        ):
            with pytest.raises(MCPError):
                await client.read_resource(uri)


# ---- instructions and progress


@pytest.mark.parametrize(
    ("settings", "there", "not_there"),
    [
        ({}, ["dry_run", "masked", "untrusted", "left_out", "confirmation_required"], ["read-only"]),
        ({"read_only": "1"}, ["read-only"], ["dry_run", "confirmation_required"]),
        ({"confirm": "none"}, ["dry_run"], ["confirmation_required"]),
        ({"confirm": "person"}, ["put to the person"], ["confirmation_required"]),
        ({"buyer_data": "full"}, ["personal data"], ["***"]),
        ({"exclude_tools": "find_operations"}, ["dry_run"], ["find_operations"]),
    ],
)
async def test_instructions_say_what_holds_here(
    connect: Connect, sandbox: Sandbox, settings: dict[str, str], there: list[str], not_there: list[str]
) -> None:
    chosen = {"confirm": "asks"} | settings
    async with connect(sandbox="1", sandbox_object=sandbox, **chosen) as client:
        text = str(client.instructions)
    assert len(text) < 2600
    for part in there:
        assert part in text, part
    for part in not_there:
        assert part not in text, part


async def test_long_calls_tell_how_far_they_are(connect: Connect, sandbox: Sandbox) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("get_order_list", {"pages": "all", "page_size": 50}),
        ("get_report", {"report": "sales", "period": "last 80 days"}),
        ("get_report", {"report": "fees", "period": "last 30 days"}),
        ("get_report", {"report": "stock", "period": "last 30 days"}),
    ]
    sandbox.app.answer_delay_s = 0.6  # a report tells nothing where it is there at once
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        for name, arguments in calls:
            heard: list[tuple[float, float | None, str | None]] = []

            async def hear(progress: float, total: float | None, message: str | None) -> None:
                heard.append((progress, total, message))  # noqa: B023

            result = await client.call_tool(name, arguments, progress_callback=hear)
            assert not result.is_error
            assert heard, name
            assert [done for done, _, _ in heard] == sorted(done for done, _, _ in heard)
            assert all(message for _, _, message in heard)
