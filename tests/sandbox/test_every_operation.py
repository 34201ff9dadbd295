"""Every operation of the catalog is answered: by its state where it has one, by the shape of its answer elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.sandbox.gateway import operation_records
from mcp_server_tiktok_shop.sandbox.gateway.handlers import HANDLERS
from tests.sandbox.client import Caller, Clock, move_to_market

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.client import Json

CATALOG = operation_records.load_operations().operations
OPERATIONS = {name: operation for name, operation in CATALOG.items() if operation.host == "api"}
STATELESS = sorted(name for name in OPERATIONS if name not in HANDLERS)
SHAPE_TYPES: dict[str, Any] = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


def example(schema: Json) -> Any:
    """The plainest value that the schema allows."""
    if "enum" in schema:
        return schema["enum"][0]
    return EXAMPLES[schema["type"]](schema)


def an_object(schema: Json) -> Json:
    properties = schema.get("properties", {})
    return {name: example(properties[name]) for name in schema.get("required", ()) if name in properties}


def a_text(schema: Json) -> str:
    least: int = schema.get("minLength", 0)
    if "minimum" in schema or schema.get("x-unit", "").startswith(("decimal", "integer", "unix")):
        return str(schema.get("minimum", 1))
    return "7" * max(4, least)


EXAMPLES: dict[str, Callable[[Json], Any]] = {
    "object": an_object,
    "array": lambda schema: [example(schema["items"]) for _ in range(max(1, schema.get("minItems", 1)))],
    "boolean": lambda _: True,
    "integer": lambda schema: int(schema.get("minimum", 1)),
    "string": a_text,
}


def in_query(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


async def ask(caller: Caller, name: str, *, in_market: bool = True, **more: str) -> httpx2.Response:
    operation = OPERATIONS[name]
    if in_market:
        move_to_market(caller.sandbox, operation.regions)
    given = {
        place: {n: example(schema) for n, schema in arguments.items() if n in operation.required}
        for place, arguments in (("query", operation.in_query), ("body", operation.in_body))
    }
    ids = {n: example(schema) for n, schema in operation.in_path.items()}
    path = re.sub(r"{(\w+)}", lambda found: str(ids[found[1]]), operation.path)
    given["body"] |= {n: value for n, value in ids.items() if n in operation.in_body}
    query = {n: in_query(value) for n, value in given["query"].items()} | more
    if operation.other_cipher:
        query["category_asset_cipher"] = next(iter(caller.sandbox.accounts[0].category_assets))
    cipher = "" if operation.cipher == "required" else None
    if operation.multipart:
        fields = {n: str(v) for n, v in given["body"].items() if operation.in_body[n].get("x-unit") != "binary"}
        part = "data" if "data" in operation.in_body else "return_qr_code"
        files = {part: ("a.pdf", b"%PDF-1.4", "application/pdf")}
        return await caller.send(operation.method, path, query, cipher=cipher, files=files, fields=fields)
    return await caller.send(operation.method, path, query, given["body"] or None, cipher=cipher)


def fits(schema: Json, value: Any, path: str) -> None:
    assert isinstance(value, SHAPE_TYPES[schema["type"]]), path
    if schema["type"] == "object":
        assert set(value) - {"placeholder"} <= set(schema.get("properties", {})), path
        for name, member in value.items():
            if name == "placeholder":  # the simulated shop's own word: what stands here is made up
                assert member is True
                continue
            fits(schema["properties"][name], member, f"{path}.{name}")
    if schema["type"] == "array" and value:
        for item in value:
            fits(schema["items"], item, path)


@pytest.fixture(scope="module")
def world() -> Sandbox:
    return Sandbox(orders=30, clock=Clock())


def caller_of(world: Sandbox, http: httpx2.AsyncClient) -> Caller:
    return Caller(world, http, world.base_url)


@pytest.mark.parametrize("name", STATELESS)
async def test_a_stateless_operation_answers_in_its_shape_alike_and_says_that_it_is_made_up(
    world: Sandbox, name: str
) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app)) as http:
        caller = caller_of(world, http)
        first, second = (await ask(caller, name)).json(), (await ask(caller, name)).json()
    assert first["code"] == 0, first
    assert first["data"] == second["data"]
    assert first["data"].pop("placeholder") is True
    fits(OPERATIONS[name].answer, first["data"], name)


@pytest.mark.parametrize("name", sorted(set(HANDLERS) & set(OPERATIONS)))
async def test_an_operation_with_state_passes_the_gateway(world: Sandbox, name: str) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app)) as http:
        answer = (await ask(caller_of(world, http), name)).json()
    assert not 36009000 <= answer["code"] < 36010000, answer
    assert not 101000 <= answer["code"] < 107000, answer
    if answer["code"] == 0:
        fits(OPERATIONS[name].answer, answer["data"], name)


def the_list(data: Json) -> list[Any]:
    """The first list of objects, which may stand one level down."""
    inner = [data, *(value for value in data.values() if isinstance(value, dict))]
    lists = [value for held in inner for value in held.values() if isinstance(value, list)]
    return next(held for held in lists if not held or isinstance(held[0], dict))


@pytest.mark.parametrize("name", [n for n in STATELESS if OPERATIONS[n].paging == "query"])
async def test_paged_answers_are_paged(world: Sandbox, name: str) -> None:
    operation = OPERATIONS[name]
    if "page_token" not in operation.in_query or "next_page_token" not in operation.answer["properties"]:
        pytest.skip("pages by number")
    most = operation.in_query.get("page_size", {}).get("maximum", 20)
    query = {"page_size": str(min(20, most))} if "page_size" in operation.in_query else {}
    seen: list[Any] = []
    token = ""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app)) as http:
        for _ in range(60):
            more = query | ({"page_token": token} if token else {})
            data = (await ask(caller_of(world, http), name, in_market=True, **more)).json()["data"]
            seen += the_list(data)
            token = data["next_page_token"]
            if not token:
                break
    assert len(seen) == 45


def ranges(value: Any) -> list[tuple[Any, Any]]:
    """Every lower bound with the upper one beside it, wherever they stand."""
    if isinstance(value, list):
        return [pair for item in value for pair in ranges(item)]
    if not isinstance(value, dict):
        return []
    found = [pair for member in value.values() for pair in ranges(member)]
    for name, low in value.items():
        for lower, upper in (("min", "max"), ("minimum", "maximum"), ("lowest", "highest"), ("earliest", "latest")):
            other = "_".join(upper if part == lower else part for part in name.split("_"))
            if other != name and other in value and not isinstance(low, dict | list):
                found.append((low, value[other]))
    return found


async def test_made_up_ranges_begin_before_they_end(world: Sandbox) -> None:
    found = []
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app)) as http:
        for name in STATELESS:
            found += ranges((await ask(caller_of(world, http), name)).json()["data"])
    assert len(found) > 50
    assert all(float(low) <= float(high) for low, high in found)


async def test_ids_in_made_up_answers_are_the_shops_own(world: Sandbox) -> None:
    shop, found = world.state.main, set()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app)) as http:
        for name in STATELESS:
            if OPERATIONS[name].is_read and OPERATIONS[name].area in ("returns", "fulfillment", "customer_service"):
                text = (await ask(caller_of(world, http), name)).text
                found |= set(re.findall(r'"order_id":"(\d{18})"', text))
    assert found
    assert found <= set(shop.orders)


async def test_goods_and_sales_of_others_bear_no_ids_of_the_shop(world: Sandbox) -> None:
    shop, found = world.state.main, set()
    own = {*shop.orders, *shop.products, *(sku.id for product in shop.products.values() for sku in product.skus)}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app)) as http:
        for name in STATELESS:
            operation = OPERATIONS[name]
            if "global" in name or operation.area in ("affiliate_creator", "global_service_inventory"):
                found |= set(re.findall(r'"(\d{18,19})"', (await ask(caller_of(world, http), name)).text))
    assert len(found) > 100
    assert not found & own


async def test_an_operation_that_is_for_some_markets_is_refused_in_others(world: Sandbox) -> None:
    names = [name for name, one in OPERATIONS.items() if one.regions and one.cipher == "required"]
    assert len(names) > 15
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app)) as http:
        for name in names:
            caller = caller_of(world, http)
            assert "not available in the region" not in (await ask(caller, name)).json()["message"], name
            world.accounts[0].shops[0].region = "ZA"
            message = (await ask(caller, name, in_market=False)).json()["message"]
            assert "not available in the region" in message, name
