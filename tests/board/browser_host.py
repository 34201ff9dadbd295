"""A host in a real browser: what MCP Apps say of hosts, with the answers of our own server behind it."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_playwright_python
from mcp.types import TextResourceContents
from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from mcp import Client
    from mcp.types import CallToolResult, Tool
    from playwright.async_api import Browser, ElementHandle, Frame, Page, Route

Json = dict[str, Any]
FOLDER = Path(__file__).parent
AXE_FILE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
HOST_URL = "https://host.test/"
SANDBOX_URL = "https://sandbox.test/proxy.html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Nothing of the browser's own goes over the network, and it needs neither a display nor rights of its own.
BROWSER_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
CAPABILITIES: Json = {"openLinks": {}, "serverTools": {}, "updateModelContext": {"text": {}}}
INITIALIZED, TOOL_INPUT, TOOL_RESULT, SIZE_CHANGED = (
    f"ui/notifications/{name}" for name in ("initialized", "tool-input", "tool-result", "size-changed")
)
TIMEOUT_MS = 60_000


def find_browser() -> str | None:
    """The path of an installed Chromium."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@asynccontextmanager
async def launch_browser() -> AsyncIterator[Browser]:
    """Run an installed Chromium without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=list(BROWSER_FLAGS))
        yield browser
        await browser.close()


@dataclass
class HostPage:
    """A host's page of the browser, and the app in it. `faults` are errors that the page had."""

    page: Page
    faults: list[str] = field(default_factory=list)
    requested_urls: list[str] = field(default_factory=list)

    @property
    def view(self) -> Frame:
        """The frame of the app."""
        return next(frame for frame in self.page.frames if frame.name == "view")

    async def wait_until(self, condition: str) -> None:
        """Wait for a condition in the app's frame, whose policy lets no expression be evaluated by a timer."""
        async with asyncio.timeout(TIMEOUT_MS / 1000):
            await self.view.evaluate(
                f"async () => {{ while (!({condition})) await new Promise(requestAnimationFrame); }}"
            )

    async def read_text(self) -> str:
        """All that a person reads on the app's page."""
        return await self.view.inner_text("body")

    async def expect_accessible(self, place: str) -> None:
        """Let axe-core look for what people with a screen reader, or who see little, can't use."""
        await self.view.evaluate(AXE_FILE.read_text(encoding="utf-8"))
        report: Json = await self.view.evaluate("axe.run()")
        found = [f"{fault['id']}: {node['html']}" for fault in report["violations"] for node in fault["nodes"]]
        assert found == [], f"{place}: {found}"
        assert report["passes"]

    async def find_button(self, name: str) -> ElementHandle:
        handle = await self.view.wait_for_selector(f'button:text-is("{name}")', timeout=TIMEOUT_MS)
        assert handle is not None
        return handle


@dataclass
class BrowserHost(HostPage):
    """A host by the specification, which shows what a tool answers to our own client."""

    client: Client = field(kw_only=True)
    calls: list[Json] = field(default_factory=list)

    async def open(
        self,
        tool: str,
        *,
        capabilities: Json | None = None,
        context: Json | None = None,
        refusals: list[str] | None = None,
    ) -> None:
        """Load the app that a tool is tied to, until it is initialized."""
        tools = {each.name: each for each in (await self.client.list_tools()).tools}
        meta = tools[tool].meta or {}
        contents = (await self.client.read_resource(meta["ui"]["resourceUri"])).contents[0]
        assert isinstance(contents, TextResourceContents)
        assert contents.mime_type == "text/html;profile=mcp-app"
        setup = {
            "html": contents.text,
            "csp": (contents.meta or {})["ui"]["csp"],
            "capabilities": CAPABILITIES if capabilities is None else capabilities,
            "context": {"toolInfo": {"tool": to_wire(tools[tool])}, "theme": "light"} | (context or {}),
            "refusals": refusals or [],
        }
        await self.page.evaluate("(setup) => start(setup)", setup)
        await self.wait_for(INITIALIZED)

    async def call(self, tool: str, **arguments: Any) -> Json:
        """Call a tool, and hand its input and result to the app. Returns the result, as it stands on the wire."""
        await self.notify(TOOL_INPUT, {"arguments": arguments})
        result = to_wire(await self.client.call_tool(tool, arguments))
        await self.notify(TOOL_RESULT, result)
        await self.view.wait_for_selector("main:not([aria-busy])", timeout=TIMEOUT_MS)
        return result

    async def show(self, tool: str, **arguments: Any) -> Json:
        await self.open(tool)
        return await self.call(tool, **arguments)

    async def notify(self, method: str, params: Json) -> None:
        await self.page.evaluate("([method, params]) => notify(method, params)", [method, params])

    async def request(self, method: str, params: Json) -> Json:
        """What the app answers: `result` or `error`."""
        reply: Json = await self.page.evaluate("([method, params]) => request(method, params)", [method, params])
        return reply

    async def list_messages(self, method: str) -> list[Json]:
        """What the app sent so far under this method."""
        sent: list[Json] = await self.page.evaluate(
            "(method) => messages.filter((message) => message.method === method)", method
        )
        return sent

    async def wait_for(self, method: str) -> Json:
        """The first message of this method, once it is there."""
        await self.page.wait_for_function(
            "(method) => messages.some((message) => message.method === method)", arg=method, timeout=TIMEOUT_MS
        )
        return (await self.list_messages(method))[0]


@asynccontextmanager
async def open_page(
    browser: Browser, documents: Mapping[str, str], *, width: int = 720, **options: Any
) -> AsyncIterator[HostPage]:
    """The host's page, of texts by address; they are all that its network has."""
    async with await browser.new_context(viewport={"width": width, "height": 900}, **options) as context:
        host = HostPage(await context.new_page())

        async def serve(route: Route) -> None:
            host.requested_urls.append(route.request.url)
            text = documents.get(route.request.url)
            if text is None:
                await route.abort()
            else:
                await route.fulfill(body=text, content_type="text/html")

        await context.route("**/*", serve)
        host.page.on("pageerror", lambda error: host.faults.append(str(error)))
        host.page.on("console", lambda message: host.faults.append(message.text) if message.type == "error" else None)
        yield host


@asynccontextmanager
async def open_host(browser: Browser, client: Client, **options: Any) -> AsyncIterator[BrowserHost]:
    """A host by the specification, with our own client behind it."""
    async with open_page(browser, read_documents("host.html"), **options) as opened:
        host = BrowserHost(opened.page, opened.faults, opened.requested_urls, client=client)

        async def call_tool(params: Json) -> Json:
            host.calls.append(params)
            return to_wire(await client.call_tool(params["name"], params.get("arguments") or {}))

        await host.page.expose_function("callTool", call_tool)
        await host.page.goto(HOST_URL)
        yield host


def read_documents(host: str) -> dict[str, str]:
    """The pages of a host and of its sandbox, by their addresses."""
    return {
        url: (FOLDER / name).read_text(encoding="utf-8")
        for url, name in ((HOST_URL, host), (SANDBOX_URL, "proxy.html"))
    }


def to_wire(value: CallToolResult | Tool) -> Json:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)
