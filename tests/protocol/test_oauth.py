"""What a resource server promises: who has a good token does what its scopes say, and nobody else anything."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import tracemalloc
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult
from scripts.team.identity_provider import AUDIENCE, SIGNERS, IdentityProvider, run_provider, to_jwk
from scripts.team.web_servers import run_web_server

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
from mcp_server_tiktok_shop.protocol.address import make_url
from mcp_server_tiktok_shop.protocol.http import build_http_app
from mcp_server_tiktok_shop.protocol.oauth.access_tokens import AccessTokenVerifier
from mcp_server_tiktok_shop.protocol.oauth.resource_server import build_resource_server
from mcp_server_tiktok_shop.protocol.oauth.signing_keys import SigningKeys
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from tests.conftest import CATALOG
from tests.keys import reply
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

FORGERIES = 10_000 if os.environ.get("SOAK") else 4500
PUBLIC_URL = "https://shops.example"
METADATA_PATH = "/.well-known/oauth-protected-resource/mcp"
CONTENT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {}}


def make_call(name: str, /, **arguments: Any) -> dict[str, Any]:
    return LIST_TOOLS | {"method": "tools/call", "params": {"name": name, "arguments": arguments}}


READ_CALL = make_call("get_order_list", page_size=3)


@dataclass
class Served:
    """A server for who signs in at a provider, with a clock of its own for the age of keys."""

    port: int
    sandbox: Sandbox
    provider: IdentityProvider
    passed_s: float = 0.0
    statuses: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return make_url("127.0.0.1", self.port)

    def monotonic(self) -> float:
        return time.monotonic() + self.passed_s

    async def post(self, token: str | None, message: Any = READ_CALL, **headers: str) -> httpx2.Response:
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=CONTENT | bearer | headers, timeout=PATIENCE_S) as client:
            return await client.post(self.url, json=message)

    @asynccontextmanager
    async def connect(self, era: str, token: str, **more: Any) -> AsyncIterator[Client]:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S) as http_client,
            Client(streamable_http_client(self.url, http_client=http_client), mode=era, **more) as client,
        ):
            yield client


@asynccontextmanager
async def serve(home: Path, provider: IdentityProvider, *, jwks_url: str = "", **more: str) -> AsyncIterator[Served]:
    environment = {"TIKTOK_SHOP_HOME": str(home), "TIKTOK_SHOP_SANDBOX": "true"}
    sandbox = Sandbox(orders=40)
    app = build_app(read_settings(environment | more), sandbox=sandbox, catalog=CATALOG)
    listener = socket.create_server(("127.0.0.1", 0))
    served = Served(listener.getsockname()[1], sandbox, provider)
    resource_server = build_resource_server(
        provider.issuer,
        PUBLIC_URL,
        audience="",
        jwks_url=jwks_url,
        proxy=None,
        operations=app.operations,
        monotonic=served.monotonic,
    )
    http_app = build_http_app(app.build_server(), resource_server, served.port, PUBLIC_URL)
    try:
        async with run_web_server(http_app, listener):
            yield served
    finally:
        await resource_server.close()


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with run_provider() as it:
        yield it


@pytest.fixture
async def served(home: Path, provider: IdentityProvider) -> AsyncIterator[Served]:
    async with serve(home, provider) as it:
        yield it


def parse_challenge(response: httpx2.Response) -> dict[str, str]:
    header = response.headers["WWW-Authenticate"]
    assert header.startswith("Bearer ")
    return dict(re.findall(r'(\w+)="([^"]*)"', header))


# ---- who is let in


@pytest.mark.parametrize("algorithm", SIGNERS)
async def test_a_good_token_is_let_in_by_each_kind_of_key(served: Served, algorithm: str) -> None:
    response = await served.post(served.provider.sign(algorithm))
    assert response.status_code == 200
    assert served.sandbox.log.list_entries("get_order_list")


async def test_both_eras_are_served(served: Served, era: str) -> None:
    async with served.connect(era, served.provider.sign()) as client:
        assert len(reply(await client.call_tool("get_order_list", {"page_size": 3}))["data"]["orders"]) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": timedelta(seconds=-30)},  # a clock may be a minute wrong
        {"nbf": timedelta(seconds=30)},
        {"iat": timedelta(seconds=30)},
        {"aud": [AUDIENCE, "https://elsewhere.example"]},
        {"scope": None, "scp": ["shop:read"]},
        {"scope": None, "scp": "shop:read email"},
        {"scope": "shop:read", "scp": 7},
    ],
)
async def test_what_providers_do_differently_is_understood(served: Served, changes: dict[str, Any]) -> None:
    assert (await served.post(served.provider.sign(**changes))).status_code == 200


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"exp": timedelta(seconds=-90)}, "expired"),
        ({"exp": None}, "lacks"),
        ({"exp": "soon"}, "read"),
        ({"exp": 1e400}, "read"),
        ({"nbf": timedelta(seconds=120)}, "in force"),
        ({"iss": "https://elsewhere.example"}, "issuer"),
        ({"iss": None}, "lacks"),
        ({"aud": None}, "lacks"),
        ({"aud": "https://elsewhere.example/mcp"}, "audience"),
        ({"aud": f"{AUDIENCE}/"}, "audience"),
        ({"aud": PUBLIC_URL}, "audience"),
        ({"aud": [[AUDIENCE]]}, ""),
        ({"sub": 7}, ""),
    ],
)
async def test_a_token_that_is_not_for_here_or_now_is_refused_with_the_reason(
    served: Served, changes: dict[str, Any], word: str
) -> None:
    response = await served.post(served.provider.sign(**changes))
    assert response.status_code == 401
    challenge = parse_challenge(response)
    assert challenge["error"] == "invalid_token"
    assert word in challenge["error_description"]
    assert challenge["resource_metadata"] == f"{PUBLIC_URL}{METADATA_PATH}"
    assert len(served.sandbox.log) == 0


async def test_an_issuer_with_a_slash_at_its_end_is_another(home: Path) -> None:
    async with run_provider(slash="/") as provider, serve(home, provider) as served:
        assert (await served.post(provider.sign())).status_code == 200
        assert (await served.post(provider.sign(iss=provider.issuer.rstrip("/")))).status_code == 401


async def test_without_a_token_a_client_reads_where_to_get_one(served: Served) -> None:
    response = await served.post(None)
    assert response.status_code == 401
    challenge = parse_challenge(response)
    assert "error" not in challenge
    assert challenge["scope"] == "shop:read shop:write"
    path = challenge["resource_metadata"].removeprefix(PUBLIC_URL)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client:
        metadata = await client.get(path, headers={"Origin": "https://page.example", "Authorization": "Bearer x"})
        preflight = await client.options(path, headers={"Origin": "https://page.example"})
        elsewhere = await client.get("/.well-known/oauth-authorization-server")
    assert metadata.json() == {
        "resource": AUDIENCE,
        "authorization_servers": [served.provider.issuer],
        "scopes_supported": ["shop:read", "shop:write", "shop:admin"],
        "bearer_methods_supported": ["header"],
    }
    assert metadata.headers["Access-Control-Allow-Origin"] == preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.status_code == 204
    assert elsewhere.status_code == 404


async def test_two_tokens_are_none(served: Served) -> None:
    token = served.provider.sign()
    async with httpx2.AsyncClient() as client:
        headers = [*CONTENT.items(), ("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
        response = await client.post(served.url, headers=headers, json=READ_CALL)
    assert response.status_code == 401


async def test_no_part_of_an_address_bears_a_token(served: Served) -> None:
    async with httpx2.AsyncClient(headers=CONTENT) as client:
        response = await client.post(f"{served.url}?access_token={served.provider.sign()}", json=READ_CALL)
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [("shops.example", 200), ("shops.example:443", 200), ("shops.example:8443", 421), ("elsewhere.example", 421)],
)
async def test_the_public_address_is_the_host_that_is_served(served: Served, host: str, status: int) -> None:
    token = served.provider.sign()
    assert (await served.post(token, Host=host)).status_code == status
    assert (await served.post(token, Host=host, Origin="https://elsewhere.example")).status_code in (403, 421)


# ---- scopes


async def test_the_tools_that_are_listed_are_those_of_the_scopes(served: Served, era: str) -> None:
    async def list_names(scope: str) -> set[str]:
        async with served.connect(era, served.provider.sign(scope=scope)) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    readers, writers, everyone = [
        await list_names(scope)
        for scope in ("shop:read", "shop:read shop:write", "shop:read shop:write shop:admin other")
    ]
    assert readers < writers < everyone
    assert {"get_order_list", "find_operations", "save_result"} <= readers
    assert {"cancel_orders", "confirm_write", "run_write_operation", "ship_orders"} <= writers - readers
    assert everyone - writers == {"get_authorization_url", "exchange_authorization_code"}


@pytest.mark.parametrize(
    ("message", "scope", "missing"),
    [
        (LIST_TOOLS, "openid", "shop:read"),
        (LIST_TOOLS, "", "shop:read"),
        (LIST_TOOLS, "shop:write", "shop:read"),
        (READ_CALL, "shop:reader", "shop:read"),
        (make_call("delete_products", product_ids=["1"]), "shop:read", "shop:write"),
        (make_call("delete_products", product_ids=["1"], dry_run=True), "shop:read", "shop:write"),
        (make_call("run_write_operation", name="delete_products", arguments={}), "shop:read", "shop:write"),
        (make_call("run_write_operation", name="get_order_list", arguments={}), "shop:read", "shop:write"),
        (make_call("ship_orders"), "shop:read shop:admin", "shop:write"),
        (make_call("confirm_write", token="x"), "shop:read", "shop:write"),
        (make_call("refresh_access_token"), "shop:read shop:write", "shop:admin"),
        (make_call("get_authorization_url"), "shop:read shop:write", "shop:admin"),
        (make_call("run_read_operation", name="get_authorization_url"), "shop:read shop:write", "shop:admin"),
        (
            make_call("run_write_operation", name="refresh_access_token", arguments="{}"),
            "shop:read shop:write",
            "shop:admin",
        ),
    ],
)
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_a_call_beyond_the_scopes_names_the_one_to_ask_for(
    served: Served, message: dict[str, Any], scope: str, missing: str, version: str
) -> None:
    headers = {"MCP-Protocol-Version": version}
    if version == "2026-07-28":
        params = dict(message["params"])
        meta = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        headers |= {"Mcp-Method": message["method"]} | ({"Mcp-Name": params["name"]} if "name" in params else {})
        message = message | {"params": params | {"_meta": meta}}
    response = await served.post(served.provider.sign(scope=scope), message, **headers)
    assert response.status_code == 403, response.text
    challenge = parse_challenge(response)
    assert challenge["error"] == "insufficient_scope"
    assert missing in challenge["error_description"]
    own_scopes = {name for name in scope.split() if name in ("shop:read", "shop:write", "shop:admin")}
    assert set(challenge["scope"].split()) == own_scopes | {missing}
    assert challenge["resource_metadata"] == f"{PUBLIC_URL}{METADATA_PATH}"
    assert response.json()["error"] == "insufficient_scope"
    assert len(served.sandbox.log) == 0


async def test_a_confirmation_of_another_persons_call_gives_no_scope(home: Path, provider: IdentityProvider) -> None:
    admin, writer = (provider.sign(scope=s) for s in ("shop:read shop:write shop:admin", "shop:read shop:write"))
    async with serve(home, provider, TIKTOK_SHOP_CONFIRM="all") as served:
        shown = await served.post(admin, make_call("refresh_access_token"))
        confirm = json.loads(shown.json()["result"]["content"][0]["text"])["confirm"]
        response = await served.post(writer, make_call("refresh_access_token", confirm=confirm))
        assert (response.status_code, parse_challenge(response)["scope"]) == (403, "shop:read shop:write shop:admin")
        assert (await served.post(admin, make_call("refresh_access_token", confirm=confirm))).status_code == 200


async def test_a_write_with_its_scope_is_asked_about_and_done(served: Served, era: str) -> None:
    async def agree(_context: Any, _params: Any) -> ElicitResult:
        await asyncio.sleep(0.4)  # as long as a person takes at least
        return ElicitResult(action="accept", content={"do_it": True})

    product = next(p for p in served.sandbox.accounts[0].shops[0].products.values() if p.status == "ACTIVATE")
    async with served.connect(era, served.provider.sign(), elicitation_callback=agree) as client:
        told = reply(await client.call_tool("delete_products", {"product_ids": [product.id]}))
        if era == "legacy":
            told = reply(await client.call_tool("confirm_write", {"token": told["confirm"]}))
    assert "error" not in told
    assert product.status == "DELETED"


async def test_a_read_only_server_asks_for_no_scope_that_helps_nobody(home: Path, provider: IdentityProvider) -> None:
    async with serve(home, provider, TIKTOK_SHOP_READ_ONLY="true") as served:
        assert parse_challenge(await served.post(None))["scope"] == "shop:read"
        response = await served.post(provider.sign(scope="shop:read"), make_call("delete_products", product_ids=["1"]))
        assert response.status_code == 200
        assert "read_only" in response.text


# ---- forgeries


def encode(part: Any) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign(signer: Any, algorithm: str, key_id: str, claims: dict[str, Any] | bytes) -> str:
    """A token with any claims and any key: the library's own way refuses some."""
    signed = f"{encode({'alg': algorithm, 'kid': key_id})}.{encode(claims)}"
    return f"{signed}.{encode(jwt.get_algorithm_by_name(algorithm).sign(signed.encode(), signer))}"


def make_forgeries(provider: IdentityProvider, count: int) -> list[str]:
    """Tokens that are not good, of many kinds, each in many forms."""
    dice = random.Random(8)
    stranger = ec.generate_private_key(ec.SECP256R1())
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must not be let in
    public_pem = (
        SIGNERS["RS256"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    public_der = (
        SIGNERS["RS256"]
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    def forge_by_stranger() -> str:
        return jwt.encode(provider.make_claims(), stranger, "ES256", headers={"kid": "key-ES256"})

    def forge_by_weak_key() -> str:
        return sign(weak, "RS256", "key-RS256", provider.make_claims())

    def forge_unsigned() -> str:
        algorithm: Any = dice.choice(["none", "None", "NONE", "nOnE", "", None, 7, ["none"], {}, "ES256", "RS256"])
        return f"{encode({'alg': algorithm, 'kid': 'key-ES256'})}.{encode(provider.make_claims())}."

    def forge_by_public_key() -> str:
        head = {"alg": dice.choice(["HS256", "HS384", "HS512"]), "kid": "key-RS256", "typ": "JWT"}
        signed = f"{encode(head)}.{encode(provider.make_claims())}"
        name = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[head["alg"]]
        secret = dice.choice([public_pem, public_pem.strip(), public_der])
        return f"{signed}.{encode(hmac.new(secret, signed.encode(), getattr(hashlib, name)).digest())}"

    def forge_own_key() -> str:
        kid, jwk = f"own-{dice.random()}", to_jwk(stranger, "own", "ES256")
        headers = {"kid": dice.choice([kid, "key-ES256"]), "jwk": jwk, "jku": "http://127.0.0.1:9/keys", "x5u": "x"}
        return jwt.encode(provider.make_claims(), stranger, "ES256", headers=headers)

    def forge_changed() -> str:
        head, _, signature = provider.sign().split(".")
        return f"{head}.{encode(provider.make_claims(scope='shop:read shop:admin', n=dice.random()))}.{signature}"

    def forge_claims() -> str:
        now = int(time.time())
        changes: list[dict[str, Any]] = [
            {"exp": now - dice.randint(61, 10**6)},
            {"exp": None},
            {"exp": dice.choice([[], {}, "x", -1, True])},
            {"iss": dice.choice(["https://elsewhere.example", f"{provider.issuer}/", "", 7, [provider.issuer]])},
            {"aud": dice.choice(["https://elsewhere.example", f"{AUDIENCE}/", AUDIENCE.upper(), 7, [], {}])},
            {"nbf": now + dice.randint(62, 10**6)},
        ]
        return sign(SIGNERS["ES256"], "ES256", "key-ES256", provider.make_claims(**dice.choice(changes)))

    def forge_header() -> str:
        head: Any = dice.choice(
            [
                b"[" * 4000,
                b'{"alg": "ES256", "kid": ' + b"[" * 3000 + b"]" * 3000 + b"}",
                [],
                "ES256",
                7,
                None,
                b"\xff\xfe",
                {"kid": "key-ES256"},
                {"alg": "ES256"},
                {"alg": "ES256", "kid": None},
                {"alg": "ES256", "kid": 7},
                {"alg": "ES256", "kid": ["key-ES256"]},
                {"alg": "ES256", "kid": "x" * 5000},
                {"alg": "RS256", "kid": "key-ES256"},
                {"alg": "ES384", "kid": "key-ES256"},
                {"alg": "ES256", "kid": "key-ES256", "crit": ["x"]},
                {"alg": "ES256", "kid": "key-ES256", "crit": ["b64"], "b64": False},
                {"alg": "ES256", "kid": "key-ES256", "crit": 7},
            ]
        )
        return f"{encode(head)}.{encode(provider.make_claims())}.{encode(dice.randbytes(64))}"

    def forge_junk() -> str:
        good = provider.sign()
        place = dice.randrange(len(good))
        return dice.choice(
            [
                "".join(dice.choices("abcXYZ019-_.=~+/", k=dice.randint(1, 300))),
                good[: place + 1],
                good[:place] + "." + good[place:],
                good + good,
                f"{good}.x",
                good.replace(".", ""),
                "." * dice.randint(1, 9),
                "a" * dice.randint(16_000, 30_000),
                f"{good} {good}",
            ]
        )

    kinds: list[Callable[[], str]] = [
        *(forge_by_stranger, forge_by_weak_key, forge_unsigned, forge_by_public_key, forge_own_key),
        *(forge_changed, forge_claims, forge_header, forge_junk),
    ]
    return [kinds[number % len(kinds)]() for number in range(count)]


async def test_no_forged_token_reaches_anything(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    forgeries = await asyncio.to_thread(make_forgeries, served.provider, FORGERIES)
    write = make_call("delete_products", product_ids=["1"])
    statuses: dict[int, int] = {}
    peaks: list[int] = []
    started_at = time.monotonic()
    tracemalloc.start()
    async with httpx2.AsyncClient(headers=CONTENT, timeout=PATIENCE_S) as client:

        async def try_all(tokens: list[str]) -> None:
            for token in tokens:
                headers = {"Authorization": f"Bearer {token}"}
                response = await client.post(served.url, headers=headers, json=write)
                statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
                assert token not in response.text or len(token) < 20

        await try_all(forgeries[:500])
        for start in range(500, len(forgeries), 1000):
            await asyncio.gather(*(try_all(forgeries[start + n : start + 1000 : 8]) for n in range(8)))
            peaks.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        good = await client.post(
            served.url, headers={"Authorization": f"Bearer {served.provider.sign()}"}, json=LIST_TOOLS
        )
    assert set(statuses) <= {401, 503}
    assert statuses[401] > FORGERIES * 0.88  # the others name keys that nobody has, which are not looked for at once
    assert good.status_code == 200
    assert len(served.sandbox.log) == 0
    minutes = (time.monotonic() - started_at) // 60 + 1
    assert len(served.provider.requests) <= 2 * 6 * minutes  # addresses and keys, for as many fetches as a minute has
    assert peaks[-1] - peaks[0] < 2_000_000
    assert "Traceback" not in caplog.text


async def test_malformed_headers_are_refused_like_none(served: Served) -> None:
    token = served.provider.sign()
    forms = [
        *(f"Basic {token}", token, "Bearer", f"Bearer\t{token}x", f"bearer: {token}", f"Token {token}"),
        *(f"Bearer {token},{token}", f"Bearer Bearer {token}", f"Bearer é{token}", f'Bearer "{token}"', "=" * 9000),
    ]
    async with httpx2.AsyncClient(headers=CONTENT) as client:
        for form in forms:
            headers = [(b"Authorization", form.encode("latin-1"))]
            assert (await client.post(served.url, headers=headers, json=READ_CALL)).status_code == 401, form
    assert len(served.sandbox.log) == 0


async def test_the_token_goes_nowhere(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Not to the platform, not into a result, not into a log, even where all is logged."""
    caplog.set_level(logging.DEBUG)
    token = served.provider.sign(scope="shop:read shop:write shop:admin")
    texts = []
    for call in (READ_CALL, make_call("check_connection"), make_call("nothing_like_this"), make_call("list_shops")):
        response = await served.post(token, call)
        texts.append(response.text + str(response.headers))
    texts += [repr(vars(entry)) if hasattr(entry, "__dict__") else repr(entry) for entry in served.sandbox.log]
    texts += [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert len(served.sandbox.log) > 0
    assert not [text for text in texts if token[-60:] in text or token[:40] in text]


# ---- keys


async def test_a_rotated_key_is_found_at_once_by_one_fetch(served: Served) -> None:
    provider = served.provider
    assert (await served.post(provider.sign())).status_code == 200
    asked = len(provider.requests)
    new_signer = ec.generate_private_key(ec.SECP256R1())
    provider.keys.append(to_jwk(new_signer, "new", "ES256"))
    provider.delay_s = 0.2
    token = jwt.encode(provider.make_claims(), new_signer, "ES256", headers={"kid": "new"})
    responses = await asyncio.gather(*(served.post(token, LIST_TOOLS) for _ in range(40)))
    assert {response.status_code for response in responses} == {200}
    assert provider.requests[asked:] == ["/.well-known/openid-configuration", "/keys"]


async def test_keys_that_nobody_has_cause_no_storm(served: Served) -> None:
    provider = served.provider
    tokens = [provider.sign(headers={"kid": f"made-up-{number}"}) for number in range(200)]
    responses = await asyncio.gather(*(served.post(token, LIST_TOOLS) for token in tokens))
    assert {response.status_code for response in responses} <= {401, 503}
    assert provider.requests.count("/keys") <= 6
    late = await served.post(provider.sign(headers={"kid": "one-more"}), LIST_TOOLS)
    assert (late.status_code, late.headers["Retry-After"]) == (503, "5")
    assert (await served.post(provider.sign())).status_code == 200
    served.passed_s = 61
    assert (await served.post(provider.sign(headers={"kid": "one-more"}), LIST_TOOLS)).status_code == 401


async def test_a_key_that_was_withdrawn_is_let_in_no_longer(served: Served) -> None:
    provider = served.provider
    token = provider.sign()
    assert (await served.post(token)).status_code == 200
    provider.keys = [key for key in provider.keys if key["kid"] != "key-ES256"]
    served.passed_s = 310
    await served.post(token)  # sets it off

    async def get_status() -> int:
        return (await served.post(token)).status_code

    await until(get_status, 401)
    assert (await served.post(provider.sign("RS256"))).status_code == 200


async def test_after_a_long_silence_a_withdrawn_key_is_not_let_in_even_once(served: Served) -> None:
    provider = served.provider
    token = provider.sign()
    assert (await served.post(token)).status_code == 200
    provider.keys = [key for key in provider.keys if key["kid"] != "key-ES256"]
    served.passed_s = 3700
    assert (await served.post(token)).status_code == 401


async def test_while_the_provider_is_away_known_keys_go_on(served: Served) -> None:
    provider = served.provider
    assert (await served.post(provider.sign())).status_code == 200
    provider.is_away = True
    for served.passed_s in (400, 4000, 90_000):
        assert (await served.post(provider.sign())).status_code == 200
    new_signer = ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode(provider.make_claims(), new_signer, "ES256", headers={"kid": "new"})
    response = await served.post(token)
    assert response.status_code == 503  # a client must not sign in anew at a provider that is away
    assert "WWW-Authenticate" not in response.headers
    provider.keys.append(to_jwk(new_signer, "new", "ES256"))
    provider.is_away = False
    served.passed_s += 6
    assert (await served.post(token)).status_code == 200


async def test_a_provider_that_is_away_at_the_start_is_asked_again(home: Path, provider: IdentityProvider) -> None:
    provider.is_away = True
    async with serve(home, provider) as served:
        assert (await served.post(provider.sign())).status_code == 503
        provider.is_away = False
        served.passed_s = 6
        assert (await served.post(provider.sign())).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://elsewhere.example"},
        {"jwks_uri": None},
        {"jwks_uri": 7},
        {"jwks_uri": "http://elsewhere.example/keys"},
        {"jwks_uri": "file:///etc/keys"},
        {"jwks_uri": "https://[broken"},
    ],
)
async def test_metadata_that_can_not_be_trusted_brings_no_keys(
    home: Path, provider: IdentityProvider, changes: dict[str, Any]
) -> None:
    provider.changes = changes
    async with serve(home, provider) as served:
        assert (await served.post(provider.sign())).status_code == 503
    assert "/keys" not in provider.requests


async def test_metadata_is_found_where_oauth_has_it_and_keys_where_they_are_set(home: Path) -> None:
    async with run_provider(metadata_path="/.well-known/oauth-authorization-server") as provider:
        async with serve(home, provider) as served:
            assert (await served.post(provider.sign())).status_code == 200
        provider.requests.clear()
        async with serve(home, provider, jwks_url=f"{provider.issuer}/keys") as served:
            assert (await served.post(provider.sign())).status_code == 200
        assert provider.requests == ["/keys"]


async def test_a_set_holds_what_is_no_signing_key_and_that_is_passed_over(served: Served) -> None:
    secret = encode(b"0123456789abcdef0123456789abcdef")
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must not be let in
    private = json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(SIGNERS["ES256"]))
    served.provider.keys += [
        {"kty": "oct", "k": secret, "kid": "secret", "alg": "HS256"},
        to_jwk(SIGNERS["RS256"], "encryption", "RS256") | {"use": "enc"},
        to_jwk(weak, "weak", "RS256"),
        private | {"kid": "private"},
        {"kty": "EC", "crv": ["P-256"], "kid": "odd"},
        {"kty": "EC", "crv": "P-256", "x": 7, "y": None, "kid": "broken"},
        *[7, None, []],  # type: ignore[list-item]
    ]
    provider = served.provider
    forged = [
        jwt.encode(provider.make_claims(), "0123456789abcdef0123456789abcdef", "HS256", headers={"kid": "secret"}),
        sign(weak, "RS256", "weak", provider.make_claims()),
        provider.sign("RS256", {"kid": "encryption"}),
        provider.sign("ES256", {"kid": "private"}),
    ]
    assert [(await served.post(token)).status_code for token in forged] == [401] * 4
    assert (await served.post(provider.sign())).status_code == 200


async def test_what_is_remembered_of_keys_that_nobody_has_stays_small(provider: IdentityProvider) -> None:
    keys = SigningKeys(HttpTransport(loopback=True), provider.issuer, f"{provider.issuer}/keys", time.monotonic)
    verifier = AccessTokenVerifier(keys, provider.issuer, AUDIENCE)
    assert (await verifier.verify(provider.sign().encode())).scopes == {"shop:read", "shop:write"}
    for number in range(3000):
        keys._remember_absent(f"made-up-{number}", 0.0)
    assert len(keys._absent_until) == 1000
    await keys.close()


# ---- settings and the command


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"HTTP_ISSUER": "http://login.example"}, "https"),
        ({"HTTP_ISSUER": "login.example"}, "address"),
        ({"HTTP_URL": "https://shops.example"}, "HTTP_ISSUER"),
        ({"HTTP_AUDIENCE": "x"}, "HTTP_ISSUER"),
        ({"HTTP_ISSUER": "https://login.example", "HTTP_URL": "https://shops.example/mcp"}, "path"),
        ({"HTTP_ISSUER": "https://login.example", "HTTP_URL": "http://shops.example"}, "https"),
    ],
)
def test_settings_that_can_not_be_meant_stop_the_start(home: Path, variables: dict[str, str], word: str) -> None:
    environment = {f"TIKTOK_SHOP_{name}": text for name, text in variables.items()}
    with pytest.raises(SettingsError, match=word):
        read_settings(environment | {"TIKTOK_SHOP_HOME": str(home)})


def run_command(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {n: v for n, v in os.environ.items() if not n.startswith("TIKTOK_SHOP_")}
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "mcp_server_tiktok_shop", "--sandbox", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"TIKTOK_SHOP_HOME": str(home)},
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("serve", "--http", "--host", "0.0.0.0"), "--http-issuer"),  # noqa: S104
        (("--http-issuer", "https://login.example", "serve", "--http", "--host", "0.0.0.0"), "--http-url"),  # noqa: S104
        (("--http-issuer", "https://login.example", "serve", "--http", "--new-token"), "--new-token"),
    ],
)
def test_other_computers_are_served_only_where_people_sign_in(
    home: Path, arguments: tuple[str, ...], word: str
) -> None:
    process = run_command(home, *arguments, "--port", "0")
    words = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 2
    assert word in words


async def test_the_command_serves_who_signs_in_and_makes_no_token(home: Path, provider: IdentityProvider) -> None:
    flags = ("--http-issuer", provider.issuer, "--http-url", PUBLIC_URL, "serve", "--http", "--host", "0.0.0.0")  # noqa: S104
    process = run_command(home, *flags, "--port", "0")
    try:
        assert process.stderr is not None
        line = await asyncio.to_thread(process.stderr.readline)
        assert f"{AUDIENCE} for who signs in at {provider.issuer}" in line
        port = int(re.findall(r"port (\d+)", line)[0])
        headers = CONTENT | {"Authorization": f"Bearer {provider.sign()}", "Host": "shops.example"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as client:
            response = await client.post(f"http://127.0.0.1:{port}/mcp", json=READ_CALL)
        assert response.status_code == 200
        process.send_signal(signal.SIGTERM)
        output, words = await asyncio.to_thread(process.communicate, timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert output == ""
    assert "Traceback" not in words
    assert not (home / "sandbox" / "http-token.txt").exists()


def test_no_token_is_written_into_a_clients_file_where_people_sign_in(home: Path) -> None:
    process = run_command(home, "--http-issuer", "https://login.example", "config", "--client", "cursor", "--http")
    output, words = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "give the client the server's address" in words
    assert output == ""
    assert not (home / "sandbox" / "http-token.txt").exists()
