"""Skills: each is a true guide to the tools, and prompt, resource and entry of the extension say the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from mcp import MCPError
from mcp.types import METHOD_NOT_FOUND, Request
from PIL import Image
from pydantic import BaseModel
from ruamel.yaml import YAML

from mcp_server_tiktok_shop.catalog.server_arguments import SERVER_ARGUMENTS
from mcp_server_tiktok_shop.protocol.skills import SKILL_FILE, SKILLS_FOLDER, load_skills
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.conftest import CATALOG
from tests.test_documents import PAGES
from tests.tools.job_items import to_items

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mcp import Client

    from tests.conftest import Connect

SKILLS = load_skills()
CALL = re.compile(r"`(\w+) (\{.*?\})`(?=[\s;.,(]|$)", re.DOTALL)
NAME_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # of the Agent Skills format, at most 64 characters
MAX_NAME_CHARS, MAX_DESCRIPTION_CHARS = 64, 1024
SLOW_SELLERS = 10  # that the routine shows of a shop
MAX_BODY_CHARS = 5_000  # a routine is read whole before its first call
# Words of a skill that name no part of an answer: arguments, and what an answer has only where something failed.
ARGUMENT_WORDS = {*SERVER_ARGUMENTS, "arguments"} | {
    argument for each in CATALOG.operations.values() for argument in each.arguments
}
FAULT_WORDS = {"not_answered", "not_up_to_date"}
ADDRESSES = {name: f"skill://{name}/SKILL.md" for name in SKILLS}


def read_calls(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls that a skill gives, in their order."""
    return [(tool, json.loads(arguments)) for tool, arguments in CALL.findall(SKILLS[name].instructions)]


async def ask_tool(client: Client, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(name, dict(arguments))
    answer: dict[str, Any] = json.loads(result.content[0].text)  # type: ignore[union-attr]
    return answer


async def call(client: Client, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    answer = await ask_tool(client, name, arguments)
    assert "error" not in answer, (name, arguments, answer)
    return answer


def name_shop(tool: str, arguments: dict[str, Any], shop: str) -> dict[str, Any]:
    """The arguments with a shop, inside those of another operation where a tool has them."""
    if tool in {"run_read_operation", "run_write_operation"}:
        return arguments | {"arguments": {**arguments.get("arguments", {}), "shop": shop}}
    return {"shop": shop, **arguments}


def get_column(table: Any, column: str) -> list[Any]:
    return [row[table["columns"].index(column)] for row in table["rows"]]


def fill(value: Any, blanks: Mapping[str, str]) -> Any:
    """The arguments with each `<name>` in them replaced."""
    text = json.dumps(value)
    for name in re.findall(r"<(\w{2,})>", text):
        text = text.replace(f"<{name}>", json.dumps(blanks[name])[1:-1])
    return json.loads(text)


# ---- the files


@pytest.mark.parametrize("folder", [path.parent.name for path in sorted(SKILLS_FOLDER.glob(f"*/{SKILL_FILE}"))])
def test_a_skill_is_written_in_the_agent_skills_format(folder: str) -> None:
    text = (SKILLS_FOLDER / folder / SKILL_FILE).read_text(encoding="utf-8")
    frontmatter = YAML(typ="safe").load(text.split("---\n")[1])
    assert frontmatter == SKILLS[folder].frontmatter
    assert frontmatter["name"] == folder
    assert NAME_PATTERN.fullmatch(folder)
    assert len(folder) <= MAX_NAME_CHARS
    assert "Use " in frontmatter["description"]
    assert len(frontmatter["description"]) <= MAX_DESCRIPTION_CHARS
    assert frontmatter.keys() == {"name", "description", "license", "metadata"}
    assert all(isinstance(value, str) for value in frontmatter["metadata"].values())
    assert {n for n in frontmatter["metadata"] if not n.startswith("argument-")} <= {
        "title",
        "required-tools",
        "required-arguments",
    }
    assert set(SKILLS[folder].required_tools) <= CATALOG.operations.keys()
    assert set(SKILLS[folder].required_arguments) <= SKILLS[folder].arguments.keys()
    assert len(SKILLS[folder].instructions) < MAX_BODY_CHARS


@pytest.mark.parametrize("name", SKILLS)
def test_a_skill_names_tools_and_arguments_that_exist(name: str) -> None:
    calls = read_calls(name)
    assert len(calls) == len(re.findall(r"`\w+ \{", SKILLS[name].instructions)), "a call that this test did not read"
    for tool, given in calls:
        operation, arguments = tool, given
        if tool in {"run_read_operation", "run_write_operation"}:
            assert given.keys() == {"name", "arguments"}
            operation, arguments = given["name"], given["arguments"]
        assert arguments.keys() <= {*CATALOG.operations[operation].arguments, *SERVER_ARGUMENTS}
    required = set(SKILLS[name].required_tools) - {"run_read_operation"}
    assert required <= {*(tool for tool, _ in calls), *(given.get("name", "") for _, given in calls)}
    documents = " ".join(PAGES.values())
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", SKILLS[name].instructions))
    for word in words - CATALOG.operations.keys() - ARGUMENT_WORDS - SKILLS.keys():
        assert f"`{word}`" in documents, word


def test_a_start_reads_no_skill() -> None:
    code = (
        "from mcp_server_tiktok_shop.app import build_app\n"
        "from mcp_server_tiktok_shop.settings import read_settings\n"
        "from mcp_server_tiktok_shop.protocol.skills import load_skills\n"
        "build_app(read_settings({'TIKTOK_SHOP_SANDBOX': '1'})).build_server()\n"
        "print(load_skills.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
    assert done.stdout.strip() == "0"


# ---- playing them


async def find_blanks(client: Client, files: Path) -> dict[str, str]:
    """What an assistant would put into the places that a skill leaves open, as the first shop has it."""
    shop = (await call(client, "list_shops", {}))["data"]["shops"][0]["id"]

    async def look(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return await call(client, tool, name_shop(tool, arguments, shop))

    waiting = (await look("get_worklist", {"kinds": ["returns", "chats", "parcels_to_ship"]}))["data"]
    names = waiting["returns"]["columns"]
    requests = [dict(zip(names, row, strict=True)) for row in waiting["returns"]["rows"]]
    refund = next(each for each in requests if each["detail"].startswith("refund, "))
    Image.new("RGB", (600, 600), "red").save(files / "mug.png")
    product = (await look("search_products", {"page_size": 1, "status": "ACTIVATE"}))["data"]["products"][0]
    recommended = await look(
        "run_read_operation",
        {"name": "recommend_category", "arguments": {"product_title": "Red stoneware mug"}},
    )
    category = {"category_id": recommended["data"]["leaf_category_id"]}
    properties = await look("run_read_operation", {"name": "get_category_attributes", "arguments": category})
    (attribute,) = [
        each for each in properties["data"]["attributes"] if each["type"] == "PRODUCT_PROPERTY" and each["is_requried"]
    ]
    warehouses = await look("run_read_operation", {"name": "get_warehouse_list"})
    (warehouse, *_) = [w for w in warehouses["data"]["warehouses"] if w["type"] == "SALES_WAREHOUSE"]
    picture = await look(
        "run_write_operation",
        {"name": "upload_product_image", "arguments": {"image_path": "mug.png"}, "repeat": True},
    )
    if "confirm" in picture:
        picture = await call(client, "confirm_write", {"token": picture["confirm"]})
    return {
        "shop": shop,
        "return_id": refund["id"],
        "order_id": refund["order_id"],
        "reason": await find_reason(client, refund["id"], shop),
        "conversation_id": get_column(waiting["chats"], "id")[0],
        "package_id": get_column(waiting["parcels_to_ship"], "id")[0],
        "product_id": product["id"],
        "product_title": product["title"],
        "seller_sku": product["skus"][0]["seller_sku"],
        **category,
        "attribute_id": attribute["id"],
        "value_id": attribute["values"][0]["id"],
        "warehouse_id": warehouse["id"],
        "image_path": "mug.png",
        "uri": picture["data"]["uri"],
    }


async def find_reason(client: Client, return_id: str, shop: str) -> str:
    """One of the reasons that the platform has to refuse a request: those that another reason is answered with."""
    asked = {"decision": "reject", "ids": [return_id], "reason": "The moon was full", "shop": shop}
    refused = await ask_tool(client, "decide_returns", asked)
    return str(re.findall(r"\w+ \((.+?)\)", refused["hint"])[0])


ONE_ERA = pytest.mark.parametrize("era", ["auto"], indirect=True)  # what a tool does is the same in both


@ONE_ERA
@pytest.mark.parametrize("shops", [1, 3])
@pytest.mark.parametrize("name", SKILLS)
async def test_each_call_that_a_skill_gives_is_answered(connect: Connect, home: Path, name: str, shops: int) -> None:
    """A write with its preview, which is what the skill says; what a preview's `confirm` does is played below.

    A call that wants a shop, where there are several, is one of a skill that says so.
    """
    files = home / "sandbox" / "files"
    files.mkdir(parents=True)
    answers = []
    async with connect(sandbox="1", sandbox_object=Sandbox(shops=shops), confirm="asks") as client:
        blanks = await find_blanks(client, files)
        for tool, given in read_calls(name):
            if tool == "confirm_write":
                continue
            arguments = fill(given, blanks)
            answer = await ask_tool(client, tool, arguments)
            if answer.get("error") == "shop_required":
                assert shops > 1
                assert '`"shop": "<shop>"`' in SKILLS[name].instructions, (tool, arguments)
                answer = await call(client, tool, name_shop(tool, arguments, blanks["shop"]))
            assert "error" not in answer, (tool, arguments, answer)
            assert "not_up_to_date" not in answer.get("data", {})
            answers.append(json.dumps(answer))
            effect = CATALOG.operations[tool].record["effect"]
            if "below" in arguments and not answer.get("data", True):  # what waits today may all be dearer
                assert "not below" in answer["note"], answer
            elif effect in {"write", "destructive"} and tool != "run_write_operation":
                assert answer.get("status") == "confirmation_required", (tool, arguments, answer)
                assert answer["preview"].get("to_do", 1) > 0, answer
            elif "preview" not in answer:
                assert answer["data"], answer
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", SKILLS[name].instructions))
    for word in words - CATALOG.operations.keys() - SKILLS.keys() - ARGUMENT_WORDS - FAULT_WORDS:
        assert any(f'"{word}"' in answer for answer in answers), f"no answer has {word}"


@ONE_ERA
async def test_the_days_parcels_go_out_by_their_skill_alone(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(), confirm="asks") as client:
        calls = read_calls("todays-parcels")
        (look, ship, pick, confirm) = [arguments for _, arguments in calls]
        assert [tool for tool, _ in calls] == ["get_worklist", "ship_orders", "query_shop", "confirm_write"]
        waiting = (await call(client, "get_worklist", look))["data"]["parcels_to_ship"]
        shown = await call(client, "ship_orders", ship)
        # Which parcels are due by midnight hangs on the hour: also one whose buyer asked to cancel, which stays.
        items = [item for item in to_items(shown["preview"]) if "skipped" not in item]
        packages = [item["package"] for item in items]
        assert set(packages) <= set(get_column(waiting, "id"))
        sql = pick["sql"].replace("'<package_id>'", ", ".join(f"'{package}'" for package in packages))
        listed = (await call(client, "query_shop", {"sql": sql}))["data"]["result"]
        units = re.findall(r"(\d+) x ", " ".join(item["contents"] for item in items))
        assert sum(get_column(listed, "units")) == sum(map(int, units)) > 0
        done = await call(client, "confirm_write", fill(confirm, {"confirm": shown["confirm"]}))
        text = json.dumps(done)
        assert ".pdf" in text
        assert all(package in text for package in packages)
        after = (await call(client, "get_worklist", look))["data"].get(
            "parcels_to_ship", {"columns": ["id"], "rows": []}
        )
        assert not set(packages) & set(get_column(after, "id"))


@ONE_ERA
async def test_slow_sellers_are_those_that_sold_least(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox()) as client:
        (_, arguments) = read_calls("slow-sellers")[0]
        slow = (await call(client, "query_shop", arguments))["data"]["result"]
        sold = get_column(slow, "units_sold")
        assert sold == sorted(sold)
        stock = {"report": "stock", "period": "last 60 days", "limit": 1000, "columns": ["all"]}
        skus = (await call(client, "get_report", stock))["data"]["table"]
        report = {"report": "sales", "period": "last 60 days", "group_by": "sku", "limit": 1000}
        best = (await call(client, "get_report", report))["data"]["table"]
        units = dict(zip(get_column(best, "seller_sku"), get_column(best, "units_sold"), strict=True))
    for sku, count in zip(get_column(slow, "seller_sku"), sold, strict=True):
        assert abs(units.get(sku, 0) - count) <= 1, sku  # sixty days back to this minute, not to midnight
    on_sale = [
        count
        for status, there, count in zip(
            *(get_column(skus, name) for name in ("status", "units_available", "units_sold")), strict=True
        )
        if status == "ACTIVATE" and there > 0
    ]
    least = sorted(on_sale)[: len(sold)]
    assert len(sold) == SLOW_SELLERS
    assert all(abs(count - other) <= 1 for count, other in zip(sold, least, strict=True))


@ONE_ERA
async def test_of_several_shops_slow_sellers_are_each_shops_own(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(shops=3)) as client:
        (_, arguments) = read_calls("slow-sellers")[0]
        slow = (await call(client, "query_shop", arguments))["data"]["result"]
    assert sorted(Counter(get_column(slow, "shop")).values()) == [SLOW_SELLERS] * 3
    assert len({*zip(get_column(slow, "shop"), get_column(slow, "currency"), strict=True)}) == 3
    # What never sold in the time has no row of sales, and comes first all the same.
    assert 0 in get_column(slow, "units_sold")


@ONE_ERA
async def test_what_buyers_ask_is_answered_by_its_skill_alone(connect: Connect, home: Path) -> None:
    files = home / "sandbox" / "files"
    files.mkdir(parents=True)
    async with connect(sandbox="1", sandbox_object=Sandbox(), confirm="asks") as client:
        blanks = await find_blanks(client, files)
        calls = read_calls("returns-and-messages")
        look = calls[0][1]
        approvals = [given for tool, given in calls if tool == "decide_returns" and given["decision"] == "approve"]
        by_id, by_kind = approvals[0], approvals[1]
        (reply,) = [given for tool, given in calls if tool == "reply_to_buyer"]
        for tool, given in (("decide_returns", by_id), ("decide_returns", by_kind), ("reply_to_buyer", reply)):
            shown = await call(client, tool, fill(given, blanks))
            done = await call(client, "confirm_write", {"token": shown["confirm"]})
            assert {item["outcome"] for item in done["data"]["items"]} == {"done"}, done
        waiting = (await call(client, "get_worklist", look))["data"]
    assert blanks["return_id"] not in get_column(waiting["returns"], "id")
    assert blanks["conversation_id"] not in get_column(waiting["chats"], "id")
    assert "cancellations" not in waiting


@ONE_ERA
@pytest.mark.parametrize("region", ["GB", "DE", "US"])
async def test_a_product_is_listed_by_its_skill_alone(connect: Connect, home: Path, region: str) -> None:
    files = home / "sandbox" / "files"
    files.mkdir(parents=True)
    Image.new("RGB", (600, 600), "red").save(files / "mug.png")
    blanks = {"image_path": "mug.png"}
    async with connect(sandbox="1", sandbox_object=Sandbox(shops=3), confirm="asks") as client:
        shops = (await call(client, "list_shops", {}))["data"]["shops"]
        (currency,) = [shop["currency"] for shop in shops if shop["region"] == region]
        for tool, given in read_calls("list-a-product"):
            arguments = fill(given, blanks)
            operation = arguments.get("name", tool)
            if tool != "confirm_write":
                arguments = name_shop(tool, arguments, region)
            if tool == "create_product":
                arguments["skus"][0]["price"]["currency"] = currency
            answer = await call(client, tool, arguments)
            blanks |= read_blanks(operation, answer)
    product = answer["data"]
    assert (product["title"], product["skus"][0]["price"]["currency"]) == ("Red stoneware mug, 300 ml", currency)


def read_blanks(operation: str, answer: dict[str, Any]) -> dict[str, str]:
    """What later calls of the routine for a new product take from an answer."""
    data = answer.get("data", {})
    if operation == "recommend_category":
        return {"category_id": data["leaf_category_id"]}
    if operation == "get_category_attributes":
        required = [a for a in data["attributes"] if a["type"] == "PRODUCT_PROPERTY" and a["is_requried"]]
        return {"attribute_id": required[0]["id"], "value_id": required[0]["values"][0]["id"]}
    if operation == "get_warehouse_list":
        return {"warehouse_id": next(w["id"] for w in data["warehouses"] if w["type"] == "SALES_WAREHOUSE")}
    return {name: value for name, value in (answer | data).items() if name in {"uri", "confirm", "product_id"}}


# ---- the same by every door


async def test_a_skill_is_a_resource_and_a_prompt_in_the_same_words(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=5)) as client:
        resources = {r.uri: r for r in (await client.list_resources()).resources if r.uri.startswith("skill://")}
        prompts = {p.name: p for p in (await client.list_prompts()).prompts}
        assert resources.keys() == set(ADDRESSES.values())
        assert prompts.keys() == SKILLS.keys()
        for name, skill in SKILLS.items():
            resource = resources[ADDRESSES[name]]
            assert (
                (resource.name, resource.description) == (name, skill.description) == (name, prompts[name].description)
            )
            assert resource.mime_type == "text/markdown"
            (content,) = (await client.read_resource(resource.uri)).contents
            assert content.text == (SKILLS_FOLDER / name / SKILL_FILE).read_text(encoding="utf-8")  # type: ignore[union-attr]
            prompt = await client.get_prompt(name, dict.fromkeys(skill.required_arguments, "a red mug"))
            assert skill.instructions in prompt.messages[0].content.text  # type: ignore[union-attr]
        for uri in (
            "skill://morning",
            "skill://../settings.py",
            "skill://morning/OTHER.md",
            "skill://evening/SKILL.md",
        ):
            with pytest.raises(MCPError):
                await client.read_resource(uri)


class AnyResult(BaseModel, extra="allow"):
    """Whatever a method answers that the SDK does not know."""


async def ask(client: Client, method: str, **params: str) -> dict[str, Any]:
    request = Request[dict[str, Any], str](method=method, params=params)
    return (await client.session.send_request(request, AnyResult)).model_dump()


@ONE_ERA
async def test_a_host_can_check_each_skill_by_its_entry(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=5)) as client:
        assert client.server_capabilities.extensions == {"io.modelcontextprotocol/skills": {}}
        listed = await ask(client, "skills/list")
        assert listed["resultType"] == "complete"
        assert listed.keys() >= {"ttlMs", "cacheScope"}
        assert [entry["uri"] for entry in listed["skills"]] == list(ADDRESSES.values())
        for entry in listed["skills"]:
            ((file),) = entry["resources"]
            (content,) = (await client.read_resource(file["uri"])).contents
            raw = content.text.encode()  # type: ignore[union-attr]
            assert (file["uri"], file["size"]) == (entry["uri"], len(raw))
            assert file["digest"] == f"sha256:{sha256(raw).hexdigest()}"
            assert entry["frontmatter"] == YAML(typ="safe").load(raw.decode().split("---\n")[1])
            assert (await ask(client, "skills/get", uri=entry["uri"]))["skill"] == entry
        with pytest.raises(MCPError) as refused:
            await ask(client, "skills/get", uri="skill://evening/SKILL.md")
        assert refused.value.error.code == -32602
        assert "skills/list" in refused.value.error.message


@pytest.mark.parametrize("era", ["legacy"], indirect=True)
async def test_the_earlier_era_knows_no_such_extension(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=5)) as client:
        for method, params in (("skills/list", {}), ("skills/get", {"uri": ADDRESSES["morning"]})):
            with pytest.raises(MCPError) as refused:
                await ask(client, method, **params)
            assert refused.value.error.code == METHOD_NOT_FOUND


@ONE_ERA
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("list-a-product", {"read_only": "1"}),
        ("todays-parcels", {"exclude_tools": "ship_orders"}),
        ("weekly-sales", {"exclude_tools": "get_report"}),
    ],
)
async def test_a_skill_for_what_this_server_does_not_do_is_nowhere(
    connect: Connect, name: str, settings: dict[str, str]
) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=5), **settings) as client:
        assert ADDRESSES[name] not in [resource.uri for resource in (await client.list_resources()).resources]
        assert ADDRESSES[name] not in [entry["uri"] for entry in (await ask(client, "skills/list"))["skills"]]
        for attempt in (client.read_resource(ADDRESSES[name]), ask(client, "skills/get", uri=ADDRESSES[name])):
            with pytest.raises(MCPError):
                await attempt
