"""What is answered before the SDK is loaded is what the SDK answers, byte for byte, or is left to it."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.server.runner import serve_loop
from mcp.shared.message import SessionMessage

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.cli.stdio import introduce
from mcp_server_tiktok_shop.protocol.eras import serve_connection
from mcp_server_tiktok_shop.protocol.first_answers import HANDSHAKE_VERSIONS, FirstAnswers
from mcp_server_tiktok_shop.protocol.messages import read_message
from mcp_server_tiktok_shop.settings import read_settings
from tests.conftest import CATALOG
from tests.keys import ACCESS_TOKEN, APP_KEY, APP_SECRET
from tests.protocol.test_server import INITIALIZE, MODERN
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mcp.server import Server

INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
KEYS = {"app_key": APP_KEY, "app_secret": APP_SECRET, "access_token": ACCESS_TOKEN}
SETTINGS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "simulated": {"sandbox": 1},
    "three simulated shops": {"sandbox": 1, "sandbox_shops": 3},
    "one of them": {"sandbox": 1, "sandbox_shops": 3, "shop": "Bench Tea"},
    "pinned": {"shop": "Tea & Things", **KEYS},
    "read-only": {"read_only": 1, **KEYS},
    "every tool": {"toolsets": "all"},
    "no toolset": {"toolsets": "none", "tools": "get_order_detail,upload_product_image"},
    "two toolsets": {"toolsets": "orders,products"},
    "some taken out": {"exclude_tools": "confirm_write,find_operations,create_product"},
    "nothing asked": {"confirm": "none"},
    "all asked": {"confirm": "all", "exclude_tools": "confirm_write"},
    "a person asked": {"confirm": "person", "toolsets": "all"},
    "buyers' data": {"buyer_data": "full"},
    "no buyers' data": {"buyer_data": "none"},
    "a folder with a secret in its name": {"files": f'/srv/{APP_SECRET}/«täglich» "neu"', **KEYS},
}


def make_line(method: str, params: Any = None, request_id: Any = 1) -> bytes:
    message = {"jsonrpc": "2.0", "id": request_id, "method": method} | ({} if params is None else {"params": params})
    return json.dumps(message).encode()


async def ask_sdk(server: Server[Any], lines: Iterable[bytes], *, envelopes: bool = True) -> list[bytes]:
    """What a server with nothing but the SDK before it answers, in the order of its answers."""
    found: list[bytes] = []
    requests, incoming = anyio.create_memory_object_stream[Any](50)
    outgoing, answers = anyio.create_memory_object_stream[SessionMessage](50)
    async with requests, answers, anyio.create_task_group() as tasks:
        serve = partial(
            serve_connection if envelopes else serve_loop,
            lifespan_state=None,
            init_options=server.create_initialization_options(),
        )
        tasks.start_soon(serve, server, incoming, outgoing)
        for line in lines:
            message, faults = read_message(line)
            assert message is not None
            assert not faults
            await requests.send(SessionMessage(message))
            if b'"id"' in line:
                async with asyncio.timeout(PATIENCE_S):
                    answer = (await answers.receive()).message
                found.append(answer.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
        requests.close()
    return found


def make_servers(home: Path, chosen: dict[str, Any]) -> tuple[FirstAnswers, Server[Any]]:
    environment = {"TIKTOK_SHOP_HOME": str(home)} | {f"TIKTOK_SHOP_{n.upper()}": str(v) for n, v in chosen.items()}
    read = read_settings(environment)
    first_answers = FirstAnswers(introduce(read, CATALOG), serves_envelopes=read.era == "auto")
    return first_answers, build_app(read, catalog=CATALOG).build_server()


OPENINGS: dict[str, list[bytes]] = {
    **{
        version: [
            make_line("initialize", INITIALIZE | {"protocolVersion": version}, "a"),
            INITIALIZED,
            make_line("tools/list"),
        ]
        for version in HANDSHAKE_VERSIONS
    },
    "without waiting": [make_line("initialize", INITIALIZE, 0), make_line("tools/list", {}, 2**52)],
    "the later era": [make_line("server/discover", MODERN, 0), make_line("tools/list", MODERN, "x y")],
    "a look before a handshake": [
        make_line("server/discover", MODERN),
        make_line("initialize", INITIALIZE),
        INITIALIZED,
        make_line("tools/list"),
    ],
}


@pytest.mark.parametrize("opening", OPENINGS)
@pytest.mark.parametrize("chosen", SETTINGS)
async def test_a_client_reads_the_same_bytes(home: Path, chosen: str, opening: str) -> None:
    first_answers, server = make_servers(home, SETTINGS[chosen])
    lines = OPENINGS[opening]
    answers = [answer for line in lines if (answer := first_answers.take(line))]
    assert len(answers) == sum(b'"id"' in line for line in lines)
    assert answers == await ask_sdk(server, lines)


async def test_one_era_alone_is_served_where_it_is_set_so(home: Path) -> None:
    first_answers, server = make_servers(home, {"era": "legacy"})
    lines = OPENINGS["2025-11-25"]
    assert [first_answers.take(line) for line in lines if b'"id"' in line] == await ask_sdk(
        server, lines, envelopes=False
    )
    for line in OPENINGS["the later era"]:
        assert make_servers(home, {"era": "legacy"})[0].take(line) == b""


CLIENT = {"name": "a test", "version": "1"}
LEFT_TO_THE_SDK: dict[str, bytes] = {
    "a version nobody knows": make_line("initialize", INITIALIZE | {"protocolVersion": "2099-01-01"}),
    "no version": make_line("initialize", {"capabilities": {}, "clientInfo": CLIENT}),
    "a capability of another kind": make_line("initialize", INITIALIZE | {"capabilities": {"roots": True}}),
    "a flag that is none": make_line("initialize", INITIALIZE | {"capabilities": {"roots": {"listChanged": "maybe"}}}),
    "a client without a name": make_line("initialize", INITIALIZE | {"clientInfo": {"version": "1"}}),
    "more than is known": make_line("initialize", INITIALIZE | {"more": 1}),
    "an envelope on a handshake": make_line("initialize", INITIALIZE | MODERN),
    "a list before all": make_line("tools/list"),
    "a look without an envelope": make_line("server/discover"),
    "a later version still": make_line(
        "tools/list", {"_meta": MODERN["_meta"] | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}}
    ),
    "progress asked for": make_line("tools/list", {"_meta": MODERN["_meta"] | {"progressToken": 1}}),
    "a page": make_line("tools/list", MODERN | {"cursor": "x"}),
    "a ping": make_line("ping"),
    "a call": make_line("tools/call", {"name": "list_shops"}),
    "an id that is a fraction": make_line("initialize", INITIALIZE, 1.0),
    "an id that is true": make_line("initialize", INITIALIZE, request_id=True),
    "no id": make_line("initialize", INITIALIZE, None),
    "a long id": make_line("initialize", INITIALIZE, "x" * 500),
    "a list as id": make_line("initialize", INITIALIZE, []),
    "an id to be escaped": make_line("initialize", INITIALIZE, "\x7f"),
    "a name twice": make_line("initialize", INITIALIZE)[:-1] + b',"id":2}',
    "half a character": make_line("initialize", INITIALIZE).replace(b"a test", rb"\ud800"),
    "another JSON-RPC": make_line("initialize", INITIALIZE).replace(b'"2.0"', b'"1.0"', 1),
    "a batch": b"[" + make_line("initialize", INITIALIZE) + b"]",
    "a byte order mark": b"\xef\xbb\xbf" + make_line("initialize", INITIALIZE),
    "UTF-16": make_line("initialize", INITIALIZE).decode().encode("utf-16"),
    "words": b"hello",
    "nothing": b"",
}


@pytest.mark.parametrize("case", LEFT_TO_THE_SDK)
def test_whatever_is_odd_is_left_to_the_sdk_and_all_that_follows(home: Path, case: str) -> None:
    first_answers, _ = make_servers(home, {"sandbox": 1})
    lines = [LEFT_TO_THE_SDK[case], *OPENINGS["2025-11-25"], *OPENINGS["the later era"]]
    assert [first_answers.take(line) for line in lines] == [b""] * len(lines)
    assert [each.line for each in first_answers.backlog] == lines
    assert first_answers.era is None


def test_what_is_left_to_the_sdk_does_not_keep_a_client_from_its_list(home: Path) -> None:
    first_answers, _ = make_servers(home, {"sandbox": 1})
    opening, listing = make_line("initialize", INITIALIZE), make_line("tools/list", request_id=3)
    assert first_answers.take(opening)
    assert [first_answers.take(line) for line in (INITIALIZED, make_line("prompts/list", request_id=2))] == [b"", b""]
    assert first_answers.take(listing)
    assert [(each.line == opening, each.is_answered) for each in first_answers.backlog] == [
        (True, True),
        (False, False),
        (False, False),
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.sampled_from(["listChanged", "form", "url", "list", "create", "x"]), VALUES, max_size=2)
CAPABILITIES = st.dictionaries(
    st.sampled_from(["roots", "sampling", "elicitation", "experimental", "extensions", "tasks", "x"]),
    OBJECTS | st.dictionaries(st.text(max_size=3), OBJECTS, max_size=2) | VALUES,
    max_size=3,
)
CLIENTS = st.fixed_dictionaries(
    {"name": st.text(max_size=5), "version": st.text(max_size=5)},
    optional={name: st.text(max_size=5) | VALUES for name in ("title", "description", "websiteUrl", "icons", "x")},
)
IDS = st.integers(-3, 2**64) | st.text(max_size=4) | VALUES


@settings(max_examples=150)
@given(IDS, st.sampled_from([*HANDSHAKE_VERSIONS, "2026-07-28", "1"]), CAPABILITIES, CLIENTS, st.booleans())
def test_what_is_answered_early_the_sdk_answers_likewise(
    servers: tuple[FirstAnswers, Server[Any]],
    request_id: Any,
    version: str,
    capabilities: Any,
    client: Any,
    has_envelope: bool,
) -> None:
    """However a client introduces itself."""
    early, server = servers
    first_answers = FirstAnswers(early.introduction, serves_envelopes=True)
    if has_envelope:
        prefix = "io.modelcontextprotocol/"
        meta = {f"{prefix}protocolVersion": version, f"{prefix}clientCapabilities": capabilities}
        line = make_line("server/discover", {"_meta": meta | {f"{prefix}clientInfo": client}}, request_id)
    else:
        params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": client}
        line = make_line("initialize", params, request_id)
    if answer := first_answers.take(line):
        assert asyncio.run(ask_sdk(server, [line])) == [answer]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> tuple[FirstAnswers, Server[Any]]:
    return make_servers(tmp_path_factory.mktemp("home"), {"sandbox": 1})
