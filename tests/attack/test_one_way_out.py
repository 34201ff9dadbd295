"""Whatever the platform plants in its words, no door lets a secret, a buyer's address or an unseen character out."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mcp import MCPError
from mcp.types import ElicitResult, PromptReference

import mcp_server_tiktok_shop
from mcp_server_tiktok_shop.calls.caller import MIN_READING_S
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.attack.hostile import (
    CHARS,
    EMAIL,
    INVISIBLE,
    OTHERS,
    HostilePlatform,
    assert_harmless,
    assert_json_harmless,
    assert_others_named,
)
from tests.calls.arguments import accepted
from tests.cli.test_login import run as in_terminal
from tests.conftest import CATALOG
from tests.keys import call_agreed
from tests.platform.worker import environment, keys
from tests.protocol.test_server import process
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp import Client

    from tests.conftest import Connect

PACKAGE = Path(mcp_server_tiktok_shop.__file__).parent
PLATFORM = [op for op in CATALOG.operations.values() if op.uses_platform and not op.upload_schemas]
OURS: list[tuple[str, dict[str, Any]]] = [
    ("list_shops", {}),
    ("check_connection", {}),
    ("summarize_orders", {"period": "last 30 days", "group_by": "product"}),
    ("summarize_orders", {"period": "last 30 days", "group_by": "sku"}),
    ("summarize_inventory", {"below": 1000}),
    ("summarize_inventory", {"group_by": "sku"}),
    ("summarize_finance", {"period": "last 30 days", "group_by": "fee_type"}),
    ("reconcile_payouts", {}),
    ("list_changes", {}),
    ("refresh_access_token", {}),
]


@pytest.fixture
def platform() -> HostilePlatform:
    return HostilePlatform(Sandbox(orders=30))


def settings_of(platform: HostilePlatform, url: str, **more: Any) -> dict[str, Any]:
    return keys(platform.sandbox, url) | {"service_id": "7"} | more


async def call(platform: HostilePlatform, client: Client, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a tool, harmless in all its parts, with the words of others named."""
    result: Any = await client.call_tool(name, arguments)
    told: dict[str, Any] = assert_json_harmless(platform, result.content[0].text, name)
    assert told.get("error") != "internal", (name, told)
    assert_others_named(told.get("data"), told.get("untrusted", []), name)
    preview = told.get("preview", {})
    assert_others_named(preview, preview.get("untrusted", []), f"the preview of {name}")
    # The instructions say of `shop` that it is its seller's words.
    beside = {key: value for key, value in told.items() if key not in ("data", "preview", "shop")}
    assert_others_named(beside, told.get("untrusted", []), f"{name}, beside the data")
    return told


def refuse_later_pages(platform: HostilePlatform) -> None:
    """Answer the first page of orders, and refuse what comes after it."""
    rewrite, pages = platform.rewrite, 0

    def refuse_second_page(path: str, body: bytes) -> bytes:
        nonlocal pages
        pages += path.endswith("/orders/search")
        platform.refusal = 98001004 if pages > 1 else 0
        return rewrite(path, body)

    platform.rewrite = refuse_second_page  # type: ignore[method-assign]


async def test_no_tool_of_the_platforms_lets_a_canary_out(connect: Connect, platform: HostilePlatform) -> None:
    answered = 0
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        orders = (await call(platform, client, "get_order_list", {"page_size": 20}))["data"]["orders"]
        products = (await call(platform, client, "search_products", {"page_size": 20}))["data"]["products"]
        for name, arguments in [
            ("get_order_list", {"page_size": 10, "fields": ["*"]}),
            ("get_order_list", {"pages": 2, "fields": ["orders.id", "orders.buyer_message", "orders.status"]}),
            ("get_order_detail", {"ids": [order["id"] for order in orders]}),
            ("get_order_detail", {"ids": [order["id"] for order in orders], "fields": ["*"]}),
            ("get_product", {"product_id": products[0]["id"], "fields": ["*"]}),
            *(("get_order_tracking", {"order_id": order["id"]}) for order in orders),
        ]:
            told = await call(platform, client, "run_read_operation", {"name": name, "arguments": arguments})
            answered += "data" in told
        for operation in PLATFORM:
            runner = "run_read_operation" if operation.effect == "read" else "run_write_operation"
            told = await call(platform, client, runner, {"name": operation.name, "arguments": accepted(operation, {})})
            answered += "data" in told
    assert answered > 150
    assert len(platform.planted) > 100


async def test_no_text_of_any_kind_and_no_name_of_a_field_lets_a_canary_out(
    connect: Connect, platform: HostilePlatform
) -> None:
    """Ids, links, moments and names that nobody knows, too: not all can be used then, and none is told as it came."""
    reads = [op for op in PLATFORM if op.effect == "read"]
    answered = 0
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        await call(platform, client, "list_shops", {})
        platform.is_reckless = True
        for operation in reads:
            asked = {"name": operation.name, "arguments": accepted(operation, {})}
            result: Any = await client.call_tool("run_read_operation", asked)
            told = assert_json_harmless(platform, result.content[0].text, operation.name)
            assert told.get("error") != "internal", (operation.name, told)
            answered += "data" in told
        for name, arguments in OURS:
            result = await client.call_tool(name, arguments)
            told = assert_json_harmless(platform, result.content[0].text, name)
            assert told.get("error") != "internal", (name, told)
    assert answered > len(reads) / 2


@pytest.mark.parametrize("buyer_data", ["masked", "none"])
async def test_no_tool_of_our_own_lets_a_canary_out(
    connect: Connect, platform: HostilePlatform, buyer_data: str
) -> None:
    named = 0
    async with platform.serve() as url, connect(**settings_of(platform, url, buyer_data=buyer_data)) as client:
        for name, arguments in OURS:
            told = await call(platform, client, name, arguments)
            assert "error" not in told, told
            named += assert_others_named(told["data"], told.get("untrusted", []), name)
    assert named > 20


@pytest.mark.parametrize(("code", "status"), [(98001004, 200), (36009003, 500), (105001, 401), (36009004, 400)])
async def test_no_error_lets_a_canary_out_through_any_tool(
    connect: Connect, platform: HostilePlatform, code: int, status: int
) -> None:
    platform.refusal, platform.status = code, status
    async with platform.serve() as url, connect(call_timeout_s=2, **settings_of(platform, url)) as client:
        for name, arguments in [
            *OURS[:8],
            ("get_order_list", {}),
            ("get_order_list", {"pages": "all"}),
            ("update_price", {"product_id": "1", "skus": [{"id": "1", "price": {"amount": "1", "currency": "GBP"}}]}),
            ("delete_products", {"product_ids": ["1"]}),
        ]:
            told = await call(platform, client, name, arguments)
            if name not in ("list_shops", "check_connection"):
                assert told["error"] in ("platform", "unknown_outcome", "signed_out", "rate_limited", "network")


@pytest.mark.parametrize("count", [1, 2])
async def test_shops_that_are_passed_over_are_told_by_names_that_are_named(
    connect: Connect, platform: HostilePlatform, count: int
) -> None:
    platform.sandbox, platform.hides_ciphers = Sandbox(shops=3, orders=20), count
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        told = await call(platform, client, "check_connection", {})
        assert OTHERS in json.dumps(told)
        told = await call(platform, client, "list_shops", {})
        assert OTHERS in told["data"]["note"]
        if count == len(platform.sandbox.accounts[0].shops):
            told = await call(platform, client, "get_order_list", {})
            assert told["error"] == "shop_required"
            assert OTHERS in told["hint"]


async def test_what_failed_of_a_batch_is_told_in_words_that_are_named(
    connect: Connect, platform: HostilePlatform
) -> None:
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        products = (await call(platform, client, "search_products", {"page_size": 20}))["data"]["products"]
        told = await call(platform, client, "delete_products", {"product_ids": [products[0]["id"], "123456"]})
        assert OTHERS in told["failed"][0]["message"]
        assert told["untrusted"] == ["failed.message", "warnings", "before", "now"]
        told = await call(platform, client, "delete_products", {"product_ids": ["123456", "123457"]})
        assert told["error"] == "platform"
        assert {"message", "failed.message"} <= set(told["untrusted"])


async def test_a_list_that_an_error_stops_tells_it_without_canaries(
    connect: Connect, platform: HostilePlatform
) -> None:
    platform.sandbox = Sandbox(orders=250)
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        refuse_later_pages(platform)
        told = await call(platform, client, "get_order_list", {"pages": "all", "fields": ["orders.id"]})
    assert OTHERS in told["note"]
    assert "note" in told["untrusted"]


async def test_a_write_whose_outcome_is_unknown_is_told_in_words_that_are_named(
    connect: Connect, platform: HostilePlatform
) -> None:
    platform.refusal, platform.status = 36009003, 500
    arguments = {"product_ids": ["1"]}
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        for _ in range(2):  # the second is not sent, and says the same of the first
            told = await call(platform, client, "delete_products", arguments)
            assert told["error"] == "unknown_outcome"
            platform.refusal = 0
    assert OTHERS not in told["message"]


async def test_what_the_server_says_of_itself_holds_nothing_of_its_settings(
    connect: Connect, platform: HostilePlatform, tmp_path: Path
) -> None:
    """Instructions and lists, where the settings hold a secret and characters that nobody sees."""
    folder = tmp_path / f"{platform.secrets[0]}\u202e\u200b files"
    folder.mkdir()
    async with platform.serve() as url, connect(**settings_of(platform, url, files=folder)) as client:
        assert "[hidden]" in (client.instructions or "")
        told = [
            client.instructions,
            *((await client.list_tools()).model_dump_json(), (await client.list_prompts()).model_dump_json()),
            (await client.list_resources()).model_dump_json(),
            (await client.list_resource_templates()).model_dump_json(),
        ]
    for text in told:
        assert_harmless(platform, str(text), "what the server says of itself")


async def test_a_sum_that_an_error_stops_tells_it_without_canaries(connect: Connect, platform: HostilePlatform) -> None:
    platform.sandbox = Sandbox(orders=250)
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        refuse_later_pages(platform)
        told = await call(platform, client, "get_report", {"report": "sales", "period": "last 90 days"})
        refused = await call(platform, client, "query_shop", {"sql": "SELECT count(*) FROM orders"})
        worklist = await call(platform, client, "get_worklist", {})
    for words in (json.dumps(told), json.dumps(refused), json.dumps(worklist)):
        assert re.search(r"TikTok refused \w+ with code 98001004\.", words)


async def test_resources_completions_and_prompts_let_no_canary_out(connect: Connect, platform: HostilePlatform) -> None:
    ref = PromptReference(name="weekly-sales")
    async with platform.serve() as url, connect(result_bytes=4000, **settings_of(platform, url)) as client:
        (shops,) = (await client.read_resource("tiktok-shop://shops")).contents
        told = assert_json_harmless(platform, shops.text, "the resource shops")  # type: ignore[union-attr]
        assert assert_others_named(
            {n: v for n, v in told.items() if n != "untrusted"}, told["untrusted"], "the resource shops"
        )
        large = await call(platform, client, "get_order_list", {"page_size": 20, "fields": ["*"]})
        (stored,) = (await client.read_resource(f"tiktok-shop://results/{large['result_id']}")).contents
        assert_json_harmless(platform, stored.text, "a stored result")  # type: ignore[union-attr]
        completed = await client.complete(ref, {"name": "shop", "value": ""})
        assert completed.completion.values
        for value in completed.completion.values:
            assert_harmless(platform, value, "a completion")
        hostile = {"shop": f"x {platform.poison}"}
        prompt = await client.get_prompt("weekly-sales", hostile)
        assert_harmless(platform, prompt.messages[0].content.text, "a prompt")  # type: ignore[union-attr]
        with pytest.raises(MCPError) as refused:
            await client.get_prompt("weekly-sales", {platform.poison: "x"})
        assert_harmless(platform, str(refused.value), "the error of a prompt")


@pytest.mark.parametrize("uri", ["tiktok-shop://shops", "tiktok-shop://results/none"])
async def test_the_error_of_a_resource_lets_no_canary_out(
    connect: Connect, platform: HostilePlatform, uri: str
) -> None:
    platform.refusal, platform.is_silent_on_shops = 98001004, True
    async with platform.serve() as url, connect(call_timeout_s=2, **settings_of(platform, url)) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(f"{uri}?{platform.secrets[1]}" if uri.endswith("none") else uri)
    assert_harmless(platform, f"{refused.value} {refused.value.error.data}", uri)
    assert "shops" not in uri or "No:" in str(refused.value)


async def test_a_fault_of_the_server_behind_a_resource_is_told_without_its_words(
    connect: Connect, platform: HostilePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcp_server_tiktok_shop.tools.list_shops import ListShopsTool

    async def fail(*_: Any) -> Any:
        raise ValueError(platform.poison)

    monkeypatch.setattr(ListShopsTool, "__call__", fail)
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource("tiktok-shop://shops")
    assert "its log says how" in str(refused.value)


async def test_a_question_to_the_person_holds_no_canary(connect: Connect, platform: HostilePlatform) -> None:
    questions: list[str] = []

    async def ask(_context: Any, params: Any) -> ElicitResult:
        questions.append(params.message)
        await asyncio.sleep(MIN_READING_S + 0.1)
        return ElicitResult(action="decline")

    product = platform.sandbox.state.shops[0].products
    ids = [str(p) for p in list(product)[:2]] if isinstance(product, dict) else [str(product[0].id)]
    async with platform.serve() as url, connect(asked=ask, **settings_of(platform, url, confirm="all")) as client:
        await call(platform, client, "delete_products", {"product_ids": ids})
        code = platform.sandbox.authorization_code()
        told = await call(platform, client, "exchange_authorization_code", {"auth_code": code})
        assert told["error"] == "declined"
    assert len(questions) == 2
    for question in questions:
        assert_harmless(platform, question, "a question")
        assert code not in question


async def test_the_tokens_answer_of_a_hostile_auth_host_is_shown_without_canaries(
    connect: Connect, platform: HostilePlatform
) -> None:
    async with platform.serve() as url, connect(**settings_of(platform, url)) as client:
        asked = await call(
            platform, client, "exchange_authorization_code", {"auth_code": platform.sandbox.authorization_code()}
        )
        assert OTHERS in asked["preview"]["account"]["seller"]
        assert "account" in asked["preview"]["untrusted"]
        signed_in = await call_agreed(
            client, "exchange_authorization_code", {"auth_code": platform.sandbox.authorization_code()}
        )
    told = assert_json_harmless(platform, signed_in.content[0].text, "a sign-in")
    assert assert_others_named(told["data"], told["untrusted"], "a sign-in") >= 2


# ---- over real processes


async def run(home: Path, *arguments: str, **settings: str) -> tuple[str, str]:
    """What a command prints, from its start to its end in a process of its own."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mcp_server_tiktok_shop",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(home, settings),
    )
    out, err = await asyncio.wait_for(started.communicate(), PATIENCE_S)
    return out.decode(), err.decode()


COMMANDS = [
    ("call", "delete_products", "--yes", "--arguments", '{"product_ids": ["123456"]}'),
    ("shops",),
    ("shops", "--json"),
    ("check",),
    ("check", "--json"),
    ("call", "summarize_orders", "--arguments", '{"period": "last 30 days", "group_by": "product"}'),
    ("call", "get_order_list"),
    ("call", "list_shops", "--indent"),
    ("call", "list_changes"),
    ("journal",),
    ("journal", "--json"),
    ("tools",),
    ("config", "--client", "claude-desktop"),
    ("logout", "nobody"),
    ("logout", "--all"),
]


@pytest.mark.parametrize("is_refusing", [False, True])
async def test_no_command_prints_a_canary(platform: HostilePlatform, home: Path, *, is_refusing: bool) -> None:
    if is_refusing:
        platform.refusal, platform.is_silent_on_shops = 98001004, True
    async with platform.serve() as url:
        for command in COMMANDS:
            out, err = await run(home, *command, **settings_of(platform, url))
            assert out + err, command
            assert "Traceback" not in err, err
            if command[0] == "call" or "--json" in command:
                for text in filter(None, (out,)):
                    assert_json_harmless(platform, text, " ".join(command))
            for line in (out + err).splitlines():
                assert_harmless(platform, line.replace("\x1b[32m", "").replace("\x1b[31m", ""), " ".join(command))


async def test_signing_in_at_a_terminal_prints_no_canary(platform: HostilePlatform, home: Path) -> None:
    async with platform.serve() as url:
        settings = settings_of(platform, url, access_token="", refresh_token="", region="row")
        code = platform.sandbox.authorization_code()
        signed_in = await in_terminal(home, "login", typed=f"{code}\n", **settings)
        assert signed_in.code == 0, signed_in.shown
        assert OTHERS in signed_in.shown
        again = await in_terminal(home, "login", typed=f"{code}\n", **settings)
        assert again.code == 1
        stored = [await in_terminal(home, *command, **settings) for command in (("shops",), ("logout", "nobody"))]
    for ran in (signed_in, again, *stored):
        for line in ran.shown.replace(code, "").splitlines():  # what was typed is echoed
            assert_harmless(platform, line, "a terminal")


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ((), {"toolsets": CHARS}),
        (("shops",), {"confirm": CHARS}),
        (("shops",), {"shop": CHARS}),
        (("tools",), {"exclude_tools": f"list_shops,{CHARS}"}),
        (("call", CHARS, "--yes"), {}),
        (("call", "get_order_list", "--arguments", json.dumps({CHARS: CHARS})), {}),
        (("logout", CHARS), {}),
    ],
)
async def test_a_wrong_use_is_told_without_what_a_terminal_would_obey(
    home: Path, command: tuple[str, ...], settings: dict[str, str]
) -> None:
    ran = await in_terminal(home, *command, sandbox="1", **settings)
    assert ran.code in (1, 2), ran.shown
    assert ran.shown
    assert not INVISIBLE.search(ran.shown.replace("\n", "")), repr(ran.shown)


async def test_no_line_of_a_servers_log_holds_a_canary(platform: HostilePlatform, home: Path) -> None:
    async with platform.serve() as url:
        settings = settings_of(platform, url) | {"confirm": "none"}
        async with process(home, log_level="debug", **settings) as server:
            await server.initialize()
            await server.call("list_shops")
            await server.call("refresh_access_token")
            platform.refusal = 98001004
            await server.call("get_order_list", {"order_status": platform.poison})
            await server.call(platform.poison)
            await server.end()
            log = await server.errors()
    assert "outcome=" in log
    for line in log.splitlines():
        assert_harmless(platform, line, "the log")
    for line in server.lines:
        assert_json_harmless(platform, line, "the wire")


CRASH = """
from pathlib import Path
from mcp_server_tiktok_shop.cli.app_runner import build_server_app
from mcp_server_tiktok_shop.settings import read_settings
build_server_app(read_settings({"TIKTOK_SHOP_HOME": "%s", "TIKTOK_SHOP_APP_SECRET": "%s"}))
raise ValueError(%r)
"""


async def test_a_process_that_crashes_prints_no_canary(platform: HostilePlatform, home: Path) -> None:
    code = CRASH % (home, platform.sandbox.app_secret, f"{platform.sandbox.app_secret} {CHARS} {EMAIL}")
    crashed = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE)
    _, err = await asyncio.wait_for(crashed.communicate(), PATIENCE_S)
    assert b"ValueError" in err
    assert_harmless(platform, err.decode(), "a traceback")


# ---- by construction

EDGES = {
    "TextContent": "protocol.edge",
    "TextResourceContents": "protocol.edge",
    "BlobResourceContents": "protocol.edge",
    "ImageContent": "protocol.edge",
    "EmbeddedResource": "protocol.edge",
    "PromptMessage": "protocol.edge",
    "GetPromptResult": "protocol.edge",
    "ReadResourceResult": "protocol.edge",
    "CallToolResult": "protocol.edge",
    "Completion": "protocol.edge",
    "CompleteResult": "protocol.edge",
    "MCPError": "protocol.edge",
    "ElicitRequest": "protocol.edge",
    "ElicitRequestFormParams": "protocol.edge",
    "elicit_form": "protocol.edge",
    "elicit_url": "protocol.edge",
    "report_progress": "protocol.edge",
    "send_log_message": "protocol.edge",
    "SafeText": "calls.redaction.outgoing",
    "echo": "cli.output",
    "secho": "cli.output",
    "confirm": "cli.output",
}
# Of those names, what is not the SDK's or click's: progress goes by the caller, and the demo is a client.
OTHER_OBJECTS = {"caller.report_progress", "self._caller.report_progress"}
# The simulated shop's keys open nothing else, and are printed to be read.
EXEMPT = {"cli.sandbox", "cli.demo"}


def calls_of(path: Path) -> Iterator[tuple[str, str, int]]:
    """What a module calls: the last name, the whole one, and the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            whole = ast.unparse(node.func)
            yield whole.rpartition(".")[2], whole, node.lineno


def test_text_reaches_a_client_or_a_terminal_through_its_edge_alone() -> None:
    places: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        if module in EXEMPT or module.startswith("sandbox."):
            continue
        for name, whole, line in calls_of(path):
            if name in EDGES and whole not in OTHER_OBJECTS:
                places.add(EDGES[name])
                assert module == EDGES[name], f"{module}:{line} calls {whole}"
    assert places == set(EDGES.values())


def makers_of(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def annotated_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, str]:
    parameters = (*function.args.args, *function.args.kwonlyargs)
    return {each.arg: ast.unparse(each.annotation) for each in parameters if each.annotation}


def test_the_edge_takes_guarded_text_alone() -> None:
    """Each function at the edge that makes something a client reads: no parameter of it is plain text."""
    functions = makers_of(PACKAGE / "protocol" / "edge.py")
    assert len(functions) >= 7
    for function in functions:
        annotations = annotated_parameters(function).values()
        assert any("SafeText" in annotation for annotation in annotations), function.name
        assert not any("str" in annotation.replace("SafeText", "") for annotation in annotations), function.name


def test_the_type_checker_lets_no_plain_text_to_an_edge(tmp_path: Path) -> None:
    """What writes to a client or a terminal, each text of it in turn given as it came."""
    package = mcp_server_tiktok_shop.__name__
    lines = [
        "from typing import Any",
        f"from {package}.calls.redaction.outgoing import SafeText",
        f"from {package}.cli import output",
        f"from {package}.protocol import edge",
        "async def leak(plain: str, safe: SafeText, number: int, other: Any) -> None:",
        "    SafeText(plain)",
        "    safe.text = plain",
    ]
    writers = [("edge", maker) for maker in makers_of(PACKAGE / "protocol" / "edge.py")]
    writers += [
        ("output", writer)
        for writer in makers_of(PACKAGE / "cli" / "output.py")
        if any("SafeText" in annotation for annotation in annotated_parameters(writer).values())
    ]
    for module, writer in writers:
        parameters = annotated_parameters(writer)
        for wrong in [name for name, annotation in parameters.items() if "SafeText" in annotation]:
            given = [
                f"{name}={'plain' if name == wrong else 'safe' if annotation == 'SafeText' else 'other'}"
                for name, annotation in parameters.items()
            ]
            lines.append(f"    {module}.{writer.name}({', '.join(given)})")
    leaks = tmp_path / "leaks.py"
    leaks.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(leaks)]
    checked = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=False)  # noqa: S603
    found = {int(number) for number in re.findall(r"leaks\.py:(\d+): error", checked.stdout)}
    assert found == set(range(6, len(lines) + 1)), checked.stdout + checked.stderr
    assert len(found) > 12
