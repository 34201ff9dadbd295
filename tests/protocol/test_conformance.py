"""The official conformance suite of the protocol: against `serve --http`, and against a server of its fixtures.

`make conformance` installs the suite and a Node that it runs on; without them these tests are skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripts.team.web_servers import run_web_server

from mcp_server_tiktok_shop.protocol.address import make_url
from mcp_server_tiktok_shop.protocol.http import SharedToken, build_http_app
from tests.protocol.conformance_server import build_conformance_server
from tests.protocol.test_http import TOKEN, read_until_ready, run_server

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAMS = Path(sys.prefix) / "conformance" / "node_modules" / ".bin"
TOKEN_GIVER = Path(__file__).parent / "bearer.mjs"
DOCUMENT = Path(__file__).parents[2] / "docs" / "http.md"
MAX_RUN_S = 120
LEGACY, MODERN = "2025-11-25", "2026-07-28"

# The scenarios that a server without the suite's own tools can pass, and the checks in them that need such a tool.
CHECKS_OF_FIXTURES: dict[str, dict[str, frozenset[str]]] = {
    LEGACY: dict.fromkeys(
        (
            "server-initialize",
            "ping",
            "completion-complete",
            "tools-list",
            "resources-list",
            "prompts-list",
            "dns-rebinding-protection",
        ),
        frozenset(),
    ),
    MODERN: dict.fromkeys(
        (
            "completion-complete",
            "tools-list",
            "server-sse-multiple-streams",
            "resources-list",
            "sep-2164-resource-not-found",
            "prompts-list",
            "dns-rebinding-protection",
            "caching",
            "http-header-validation",
        ),
        frozenset(),
    )
    | {
        "server-stateless": frozenset(
            ("sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400")
        )
    },
}
NO_STREAM, NO_SESSION = "no stream is open during a call", "no sessions are kept"
UNSCORED: dict[str, dict[str, str]] = {
    LEGACY: {
        "server-session-lifecycle": NO_SESSION,
        "server-sse-polling": NO_SESSION,
        "server-sse-multiple-streams": NO_SESSION,
        "logging-set-level": "nothing is logged to clients",
        "tools-call-with-logging": "nothing is logged to clients",
        "tools-call-with-progress": NO_STREAM,
        "tools-call-sampling": NO_STREAM,
        "tools-call-elicitation": NO_STREAM,
        "elicitation-sep1034-defaults": NO_STREAM,
        "elicitation-sep1330-enums": NO_STREAM,
    },
    MODERN: {"tools-call-with-progress": NO_STREAM},
}
FAILED, PASSED = frozenset(("FAILURE", "WARNING")), "SUCCESS"

needs_suite = pytest.mark.skipif(
    not (PROGRAMS / "conformance").exists(), reason="the conformance suite is not installed: `make conformance` does it"
)
Checks = list[tuple[str, str, str]]


async def run_suite(url: str, token: str, version: str, folder: Path) -> dict[str, Checks]:
    """The id, status and words of each check, by scenario."""
    environment = os.environ | {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "NODE_OPTIONS": f"--import {TOKEN_GIVER.as_uri()}",
        "BEARER_TOKEN": token,
    }
    arguments = ("server", "--url", url, "--suite", "all", "--spec-version", version, "--output-dir", str(folder))
    process = await asyncio.create_subprocess_exec(
        str(PROGRAMS / "conformance"),
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), MAX_RUN_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    checks = read_results(folder)
    assert checks, output.decode()
    return checks


def read_results(folder: Path) -> dict[str, Checks]:
    results: dict[str, Checks] = {}
    for path in folder.glob("server-*/checks.json"):
        match = re.fullmatch(r"server-(.+?)-\d{4}-\d\d-\d\dT.*", path.parent.name)
        assert match is not None
        results[match[1]] = [
            (check["id"], check["status"], check.get("errorMessage") or "") for check in json.loads(path.read_text())
        ]
    return results


def list_failures(checks: Mapping[str, Checks]) -> dict[str, list[str]]:
    """What failed in each scenario, and the scenarios in which nothing was checked."""
    failures = {
        scenario: [f"{name}: {words}" for name, status, words in them if status in FAILED]
        for scenario, them in checks.items()
    }
    for scenario, them in checks.items():
        if not any(status == PASSED for _, status, _ in them):
            failures[scenario].append("nothing was checked")
    return {scenario: them for scenario, them in failures.items() if them}


@needs_suite
@pytest.mark.parametrize("version", [LEGACY, MODERN])
async def test_the_server_passes_all_that_needs_no_fixture(home: Path, tmp_path: Path, version: str) -> None:
    with run_server(home) as process:
        (url,) = re.findall(r"http://\S+/mcp", read_until_ready(process))
        token = (home / "sandbox" / "http-token.txt").read_text()
        checks = await run_suite(url, token, version, tmp_path / "results")
    of_fixtures = CHECKS_OF_FIXTURES[version]
    assert checks.keys() >= of_fixtures.keys()
    scored = {
        scenario: [check for check in checks[scenario] if check[0] not in of_fixtures[scenario]]
        for scenario in of_fixtures
    }
    assert list_failures(scored) == {}


@needs_suite
@pytest.mark.parametrize("version", [LEGACY, MODERN])
async def test_a_server_of_the_fixtures_passes_all_but_what_is_listed(tmp_path: Path, version: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with run_web_server(build_http_app(build_conformance_server(), SharedToken(TOKEN), port), listener):
        checks = await run_suite(make_url("127.0.0.1", port), TOKEN, version, tmp_path / "results")
    failures = list_failures(checks)
    assert failures.keys() == UNSCORED[version].keys(), failures
    for scenario, reason in UNSCORED[version].items():
        if reason == NO_STREAM and scenario != "tools-call-with-progress":
            assert "back-channel" in str(failures[scenario]), "it fails for another reason"


@pytest.mark.parametrize("version", [LEGACY, MODERN])
def test_the_document_names_what_is_not_scored(version: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [scenario for scenario in UNSCORED[version] if f"`{scenario}`" not in text] == []
