"""What who operates a server promises: it is seen what it does and lacks, and it ends without cutting a write off."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import stat
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from scripts.team.identity_provider import run_provider

from mcp_server_tiktok_shop.protocol.readiness import Readiness
from mcp_server_tiktok_shop.protocol.web_server import DRAIN_TIMEOUT_S
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.platform.test_tokens import WRITE, done, reference
from tests.platform.worker import INHERITED, environment, keys
from tests.waits import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

CONTENT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to end a process in order by")


def make_call(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def read_result(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    result: dict[str, Any] = json.loads(response.json()["result"]["content"][0]["text"])
    return result


@dataclass
class Served:
    """A server that was started by its command; `metrics_url` is empty where it tells none."""

    process: asyncio.subprocess.Process
    origin: str
    metrics_url: str
    lines: list[str]
    token_path: Path

    @property
    def token(self) -> str:
        return self.token_path.read_text(encoding="utf-8")

    async def post(self, message: dict[str, Any], token: str | None = None) -> httpx2.Response:
        headers = CONTENT | {"Authorization": f"Bearer {self.token if token is None else token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as client:
            return await client.post(f"{self.origin}/mcp", json=message)

    async def get(self, path: str) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=PATIENCE_S) as client:
            return await client.get(f"{self.origin}{path}")

    async def is_ending(self) -> bool:
        return (await self.get("/readyz")).status_code == 503

    async def read_samples(self) -> dict[tuple[str, str], float]:
        """What is counted, by name and labels."""
        async with httpx2.AsyncClient(timeout=PATIENCE_S) as client:
            response = await client.get(self.metrics_url)
        assert response.status_code == 200
        return {
            (
                sample.name.removeprefix("mcp_tiktok_shop_"),
                " ".join(sample.labels[name] for name in sorted(sample.labels, reverse=True)),
            ): sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }


@asynccontextmanager
async def serve(
    home: Path, settings: Mapping[str, str], *arguments: str, variables: Mapping[str, str] | None = None
) -> AsyncIterator[Served]:
    """A server in a process of its own, with further `variables` of its environment."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mcp_server_tiktok_shop", "serve", "--http", "--port", "0", *arguments),
        env=inherited | environment(home, settings) | dict(variables or {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    lines: list[str] = []

    async def read_lines() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            lines.append(line.decode())  # noqa: PERF401 - who waits for a line sees it as it comes

    reading = asyncio.create_task(read_lines())
    try:
        wanted = r"(?s)Serving MCP on .*(The token lies in|listens on port \d+)" + (
            r".*Metrics are told at" if "--metrics-port" in arguments else ""
        )
        await until(lambda: re.search(wanted, "".join(lines)) or process.returncode is not None)
        text = "".join(lines)
        port = re.search(r"listens on port (\d+)", text) or re.search(r"http://[^ ]+:(\d+)/mcp", text)
        assert port is not None, text
        metrics_url = re.search(r"http://\S+/metrics", text)
        served = Served(
            process,
            f"http://127.0.0.1:{port[1]}",
            metrics_url[0] if metrics_url else "",
            lines,
            home / "http-token.txt",
        )
        async with httpx2.AsyncClient() as client:

            async def is_up() -> bool:
                try:
                    return (await client.get(f"{served.origin}/healthz")).status_code == 200
                except httpx2.TransportError:
                    return False

            await until(is_up)
        yield served
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=20)


@asynccontextmanager
async def serve_seller(home: Path, sandbox: Sandbox, *arguments: str, **more: str) -> AsyncIterator[Served]:
    """A server of a simulated seller, which asks nobody before it writes and knows its shops already."""
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "none"} | more
        async with serve(home, settings, *arguments) as served:
            if "http_issuer" not in more:
                read_result(await served.post(make_call("list_shops")))
            sandbox.log.clear()
            yield served


def read_outcomes(home: Path) -> list[str]:
    """What the audit log says of writes that ended."""
    lines = (home / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry["outcome"] for entry in map(json.loads, lines) if "outcome" in entry]


# ---- how it ends


@SIGNALS
async def test_a_write_under_way_is_answered_while_new_requests_are_sent_away(home: Path, sandbox: Sandbox) -> None:
    async with serve_seller(home, sandbox) as served:
        gate = sandbox.faults.hold(WRITE)
        write = asyncio.create_task(served.post(make_call(WRITE, **reference(sandbox))))
        await until(lambda: gate.waiting)
        served.process.send_signal(signal.SIGTERM)
        await until(served.is_ending)

        refused = await served.post(make_call("get_order_list"))
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert refused.headers["Connection"] == "close"
        readiness = await served.get("/readyz")
        assert readiness.status_code == 503
        assert "ending" in readiness.json()["missing"]["process"]
        assert (await served.get("/healthz")).status_code == 200

        assert not write.done()
        gate.open()
        assert "error" not in read_result(await write)
        async with asyncio.timeout(PATIENCE_S):
            await served.process.wait()
    assert done(sandbox, WRITE) == 1
    assert not sandbox.log.list_entries("get_order_list")


@SIGNALS
async def test_who_does_not_wait_cuts_calls_off_but_no_write_before_its_outcome_is_entered(
    home: Path, tmp_path: Path, sandbox: Sandbox
) -> None:
    path = tmp_path / "access.jsonl"
    async with serve_seller(home, sandbox, "--access-log", str(path)) as served:
        read_gate, write_gate = sandbox.faults.hold("get_order_list"), sandbox.faults.hold(WRITE)
        read = asyncio.create_task(served.post(make_call("get_order_list")))
        write = asyncio.create_task(served.post(make_call(WRITE, **reference(sandbox))))
        await until(lambda: read_gate.waiting and write_gate.waiting)
        served.process.send_signal(signal.SIGTERM)
        await until(served.is_ending)
        served.process.send_signal(signal.SIGTERM)
        ends = await asyncio.gather(read, write, return_exceptions=True)
        assert read_outcomes(home) == []
        write_gate.open()
        async with asyncio.timeout(PATIENCE_S):
            await served.process.wait()
        assert all(isinstance(end, httpx2.TransportError) or end.status_code == 500 for end in ends), ends  # type: ignore[union-attr]
    assert done(sandbox, WRITE) == 1
    assert read_outcomes(home) == ["done"]
    calls = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {c["tool"]: c["outcome"] for c in calls} == {
        "list_shops": "ok",
        "get_order_list": "cut_off",
        WRITE: "cut_off",
    }
    async with serve_seller(home, sandbox) as served:
        again = read_result(await served.post(make_call(WRITE, **reference(sandbox))))
    assert again["error"] == "already_done"
    assert done(sandbox, WRITE) == 0  # the log was emptied


@SIGNALS
async def test_a_server_without_calls_ends_at_once(home: Path, sandbox: Sandbox) -> None:
    async with serve_seller(home, sandbox) as served:
        served.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DRAIN_TIMEOUT_S / 2):
            await served.process.wait()


# ---- what it counts


async def test_metrics_count_calls_requests_renewals_and_confirmations(home: Path, sandbox: Sandbox) -> None:
    async with serve_seller(home, sandbox, "--metrics-port", "0", confirm="all") as served:
        for _ in range(2):
            read_result(await served.post(make_call("run_read_operation", name="get_order_list", arguments={})))
        sandbox.faults.add("get_order_list", code=36009004)
        read_result(await served.post(make_call("get_order_list")))
        read_result(await served.post(make_call("get_order_list", no_such_argument=1)))
        for name in ("made_up_1", "made_up_2"):
            read_result(await served.post(make_call(name)))
        asked = read_result(await served.post(make_call(WRITE, **reference(sandbox))))
        read_result(await served.post(make_call("confirm_write", token=asked["confirm"])))
        read_result(await served.post(make_call("confirm_write", token=asked["confirm"])))
        read_result(await served.post(make_call("query_shop", sql="select count(*) from orders")))
        sandbox.expire_access_token()
        read_result(await served.post(make_call("get_order_list")))
        assert (await served.post(make_call("get_order_list"), "wrong")).status_code == 401
        samples = await served.read_samples()
        assert (await served.get("/metrics")).status_code == 401

    assert samples["calls_total", "get_order_list ok"] >= 3
    assert samples["calls_total", "get_order_list invalid_arguments"] == 1
    assert samples["calls_total", "unknown not_found"] == 2
    assert samples["calls_total", f"{WRITE} confirmation_required"] == 1
    assert samples["calls_total", "confirm_write ok"] == 1
    assert samples["call_seconds_count", "get_order_list"] == 5
    assert samples["platform_requests_total", f"ok {WRITE}"] == 1
    assert samples["platform_requests_total", "refused get_order_list"] >= 2  # the fault, and the expired token
    assert samples["platform_seconds_sum", WRITE] > 0
    assert samples["pace_wait_seconds_count", ""] >= 5
    assert samples["renewals_total", "ok"] == 1
    assert samples["confirmations_total", "asked"] == 1
    assert samples["confirmations_total", "agreed"] == 1
    assert samples["copy_age_seconds_count", ""] == 1
    assert samples["refusals_total", "401"] == 1
    assert not [labels for _, labels in samples if "made_up" in labels]


async def test_who_needs_no_token_hears_of_no_shop_no_person_and_no_place(home: Path, sandbox: Sandbox) -> None:
    async with serve_seller(home, sandbox, "--metrics-port", "0") as served:
        read_result(await served.post(make_call("get_order_list")))
        async with httpx2.AsyncClient() as client:
            metrics = (await client.get(served.metrics_url)).text
            nowhere = await client.get(served.metrics_url.replace("/metrics", "/mcp"))
        assert nowhere.status_code == 404
        token = served.token
        texts = [metrics, (await served.get("/healthz")).text, (await served.get("/readyz")).text]
    shops = [shop for account in sandbox.accounts for shop in account.shops]
    secret_texts = {str(home), token, sandbox.app_key} | {t for shop in shops for t in (shop.name, shop.id)}
    assert len(secret_texts) >= 5
    for text in texts:
        assert not [word for word in secret_texts if word in text]


async def test_metrics_without_their_library_are_refused_in_words(home: Path, tmp_path: Path) -> None:
    (tmp_path / "prometheus_client.py").write_text("raise ModuleNotFoundError", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mcp_server_tiktok_shop", "serve", "--http", "--port", "0", "--metrics-port", "0"),
        env=dict(os.environ) | environment(home, {"sandbox": "1"}) | {"PYTHONPATH": str(tmp_path)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 2
    assert b"mcp-server-tiktok-shop[team]" in words
    assert b"Traceback" not in words


# ---- the access log


async def test_the_access_log_has_a_line_for_each_call_with_the_person_and_without_arguments(
    home: Path, tmp_path: Path, sandbox: Sandbox
) -> None:
    path = tmp_path / "access.jsonl"
    async with run_provider() as provider:
        issuer = {"http_issuer": provider.issuer, "http_url": "https://shops.example"}
        async with serve_seller(home, sandbox, "--access-log", str(path), **issuer) as served:
            for subject, order in (("ann\nb", "576461413038785752"), ("carl", "576461413038785753")):
                token = provider.sign(sub=subject)
                read_result(await served.post(make_call("get_order_detail", ids=[order]), token))
            read_result(await served.post(make_call("made_up", a="secret"), provider.sign(sub=None)))
            assert (await served.post(make_call("get_order_detail"), "no.to.ken")).status_code == 401
    text = path.read_text(encoding="utf-8")
    entries = [json.loads(line) for line in text.splitlines()]
    assert [(e["user"], e["tool"]) for e in entries] == [
        ("ann?b", "get_order_detail"),
        ("carl", "get_order_detail"),
        ("", "unknown"),
    ]
    assert [e["outcome"] for e in entries][-1] == "not_found"
    assert all(set(e) == {"time", "user", "tool", "outcome", "ms"} and e["ms"] >= 0 for e in entries)
    assert "57646141" not in text
    assert "secret" not in text
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_access_log_goes_to_standard_error_where_that_is_asked_for_and_is_off_by_default(
    home: Path, sandbox: Sandbox
) -> None:
    async with serve_seller(home, sandbox, "--access-log", "-") as served:
        await until(lambda: any(line.startswith('{"time"') for line in served.lines))
    async with serve_seller(home, sandbox) as served:
        read_result(await served.post(make_call("list_shops")))
    assert not [line for line in served.lines if line.startswith("{")]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full disk to try it on")  # noqa: PTH110
async def test_a_log_that_can_not_be_written_keeps_no_answer_back(home: Path, sandbox: Sandbox) -> None:
    async with serve_seller(home, sandbox, "--access-log", "/dev/full") as served:
        assert "error" not in read_result(await served.post(make_call(WRITE, **reference(sandbox))))
        await until(lambda: any("access log can't be written" in line for line in served.lines))


@pytest.mark.parametrize("option", [("--metrics-port", "0"), ("--access-log", "-")])
async def test_what_is_for_many_is_refused_where_one_is_served(home: Path, option: tuple[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mcp_server_tiktok_shop", "serve", *option),
        env=dict(os.environ) | environment(home, {"sandbox": "1"}),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 2
    assert b"--http" in words


# ---- whether it is ready


async def test_a_server_that_lacks_nothing_is_ready(home: Path, sandbox: Sandbox) -> None:
    async with serve_seller(home, sandbox) as served:
        response = await served.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "missing": {}})


async def test_what_is_missing_is_told_by_what_it_is(home: Path) -> None:
    async with run_provider() as provider:
        provider.is_away = True
        issuer = {"http_issuer": provider.issuer, "http_url": "https://shops.example"}
        async with serve(home, issuer) as served:
            response = await served.get("/readyz")
            assert response.status_code == 503
            assert set(response.json()["missing"]) == {"app", "identity_provider"}
        provider.is_away = False
        async with serve(home, issuer | {"app_key": "a-key-of-nobody", "app_secret": "a-secret-of-nobody"}) as served:
            response = await served.get("/readyz")
            assert response.status_code == 200  # an administrator can sign a seller in by it
            assert set(response.json()["missing"]) == {"account"}


async def test_a_home_that_can_not_be_written_is_told(home: Path) -> None:
    async with serve(home, {"sandbox": "1"}) as served:
        (home / "sandbox").rename(home / "moved")
        (home / "sandbox").write_text("no folder", encoding="utf-8")
        response = await served.get("/readyz")
    assert response.status_code == 503
    assert set(response.json()["missing"]) == {"state"}
    assert str(home) not in response.text


async def test_who_asks_without_end_causes_one_look_a_second() -> None:
    looks, now = 0, 100.0

    async def look() -> str:
        nonlocal looks
        looks += 1
        return ""

    readiness = Readiness({"state": look}, {}, lambda: now)
    await asyncio.gather(*(readiness.tell(None) for _ in range(50)))  # type: ignore[arg-type]
    assert looks == 1
    now += 1
    await readiness.tell(None)  # type: ignore[arg-type]
    assert looks == 2
