"""The reference implementation of a host in a real browser, which asks our server over HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.board.browser_host import (
    CAPABILITIES,
    FOLDER,
    HOST_URL,
    SANDBOX_URL,
    HostPage,
    open_page,
    read_documents,
)
from tests.protocol.test_http import BEARER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Route

    from tests.board.browser_host import Json
    from tests.protocol.test_http import Served

PACKAGES = Path(sys.prefix) / "reference-host" / "node_modules"
SCRIPT = FOLDER / "reference_host.js"
SERVER_URL = f"{HOST_URL}mcp"  # the host's own address, behind which its service asks the server
TO_SERVER = ("accept", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name")
NEGOTIATIONS = {"2025-11-25": "legacy", "2026-07-28": "auto"}


@dataclass
class ReferenceHost(HostPage):
    """A page with the reference implementation's bridge. `sent` are the messages that went to the server."""

    sent: list[Json] = field(default_factory=list)

    @property
    def calls(self) -> list[Json]:
        """The name and arguments of each call of a tool."""
        return [
            {name: message["params"].get(name) for name in ("name", "arguments")}
            for message in self.sent
            if message["method"] == "tools/call"
        ]

    async def ask(self, function: str, *arguments: Any) -> Any:
        """What a function of the page answers."""
        return await self.page.evaluate(
            "([name, values]) => window.referenceHost[name](...values)", [function, list(arguments)]
        )

    async def open(self, tool: str, *, version: str = "2025-11-25", is_written: bool = False, **context: Any) -> Json:
        """Load the app that a tool is tied to. Returns what both ends told each other of themselves.

        `is_written`: it is written into a frame of the sandbox's origin, in place of a document of no origin.
        """
        sandbox_url = f"{SANDBOX_URL}#written" if is_written else SANDBOX_URL
        setup: Json = {"serverUrl": SERVER_URL, "sandboxUrl": sandbox_url, "negotiation": NEGOTIATIONS[version]}
        setup |= {"tool": tool, "context": {"theme": "light"} | context, "capabilities": CAPABILITIES}
        answer: Json = await self.ask("open", setup)
        sandbox = next(frame for frame in self.page.frames if frame.url.startswith(SANDBOX_URL))
        view = await sandbox.wait_for_selector("#view")
        assert view is not None
        assert await view.content_frame() is self.view
        return answer

    async def call(self, tool: str, **arguments: Any) -> Json:
        """Call a tool as a model does, and hand its input and result to the app."""
        result: Json = await self.ask("call", tool, arguments)
        await self.view.wait_for_selector("main:not([aria-busy])")
        return result

    async def list_events(self, name: str) -> list[Any]:
        """What the app asked of the host itself so far, under this name."""
        found: list[Any] = await self.page.evaluate(
            "(name) => referenceHost.events.flatMap((event) => event[name] ?? [])", name
        )
        return found


@asynccontextmanager
async def open_reference_host(browser: Browser, served: Served, script: str) -> AsyncIterator[ReferenceHost]:
    """The host's page, which runs the bundled script and asks a server that is served over HTTP."""
    documents = read_documents("reference_host.html")
    documents[HOST_URL] = documents[HOST_URL].replace("{script}", script)
    async with open_page(browser, documents) as opened:
        host = ReferenceHost(opened.page, opened.faults, opened.requested_urls)

        async def forward(route: Route) -> None:
            request = route.request
            if request.post_data:
                host.sent.append(json.loads(request.post_data))
            headers = {name: value for name, value in request.headers.items() if name in TO_SERVER}
            await route.fulfill(response=await route.fetch(url=served.url, headers=headers | BEARER))

        await host.page.context.route(SERVER_URL, forward)
        await host.page.goto(HOST_URL)
        yield host


async def bundle_script() -> str:
    """One script of the host's page and the packages that it uses."""
    process = await asyncio.create_subprocess_exec(
        str(PACKAGES / ".bin" / "esbuild"),
        *(str(SCRIPT), "--bundle", "--format=iife", "--charset=utf8", "--log-level=warning"),
        env={"NODE_PATH": str(PACKAGES)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    script, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return script.decode()
