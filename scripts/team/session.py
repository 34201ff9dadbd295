"""Two tenants of one server: what each sees and does, whichever replica answers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from rich.text import Text
from scripts.team.proxy import REPLICA_HEADER
from scripts.team.replicas import COMMAND

from mcp_server_tiktok_shop.cli.demo import DemoSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from rich.console import Console
    from scripts.team.identity_provider import IdentityProvider

    from mcp_server_tiktok_shop.sandbox import Sandbox

TENANTS = ("tea-house", "tin-and-cup")
READER_SCOPES = "shop:read"
WRITER_SCOPES = "shop:read shop:write"


class PromiseError(Exception):
    """The session went otherwise than it must; the text says what should have been."""


@dataclass
class TeamSession:
    """Plays at `url`, as people whom the provider signed in; the sellers of the simulated shop are the tenants'."""

    url: str
    sandbox: Sandbox
    provider: IdentityProvider
    tenant_claim: str
    console: Console
    replicas: list[str] = field(default_factory=list)  # that answered, each message's

    async def play(self, variables: Mapping[str, str]) -> None:
        for number, tenant in enumerate(TENANTS):
            await self._run_command(variables, "tenant", "add", tenant)
            code = self.sandbox.authorization_code(number)  # which a seller's consent leads to
            await self._run_command(variables, "--tenant", tenant, "login", typed=code)
        await self._run_command(variables, "tenant", "list")
        shop_id = await self._change_shop(TENANTS[0])
        await self._look_elsewhere(TENANTS[1], shop_id)

    async def _run_command(self, variables: Mapping[str, str], *arguments: str, typed: str = "") -> None:
        self.console.print()
        self.console.print(Text(f"mcp-server-tiktok-shop {' '.join(arguments)}", style="bold"))
        process = await asyncio.create_subprocess_exec(
            *(*COMMAND, *arguments),
            env=dict(variables),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        words, _ = await process.communicate(f"{typed}\n".encode())
        self.console.print(Text(words.decode().rstrip()))
        if process.returncode != 0:
            raise PromiseError(f"`{' '.join(arguments)}` works")

    @asynccontextmanager
    async def _connect(self, tenant: str, scope: str) -> AsyncIterator[tuple[Client, DemoSession]]:
        """An assistant of somebody who signed in as one of the tenant's."""
        claims: dict[str, Any] = {self.tenant_claim: tenant}
        token = self.provider.sign(scope=scope, sub=f"someone-at-{tenant}", **claims)

        async def note_replica(response: httpx2.Response) -> None:
            self.replicas.append(response.headers.get(REPLICA_HEADER, ""))

        async with (
            httpx2.AsyncClient(
                headers={"Authorization": f"Bearer {token}"}, timeout=60, event_hooks={"response": [note_replica]}
            ) as http_client,
            Client(streamable_http_client(self.url, http_client=http_client)) as client,
        ):
            yield client, DemoSession(client, self.console)

    async def _change_shop(self, tenant: str) -> str:
        """Read at one replica, be shown a write and confirm it at the other; the id of the tenant's first shop."""
        self.console.print()
        self.console.print(Text(f"Somebody of {tenant} works", style="bold"))
        async with self._connect(tenant, WRITER_SCOPES) as (client, session):
            self.console.print(f"  {len((await client.list_tools()).tools)} tools are listed")
            shops = (await self._call(session, "list_shops"))["data"]["shops"]
            self.console.print(f"  its shops: {', '.join(shop['name'] for shop in shops)}")
            shop_id: str = shops[0]["id"]
            orders = await self._call(
                session,
                "get_order_list",
                shop=shop_id,
                order_status="AWAITING_SHIPMENT",
                page_size=1,
                fields=["orders.packages"],
            )
            package_id = orders["data"]["orders"][0]["packages"][0]["id"]
            preview = await self._call(
                session,
                "run_write_operation",
                name="ship_package",
                arguments={"shop": shop_id, "package_id": package_id, "handover_method": "DROP_OFF"},
            )
            if preview.get("status") != "confirmation_required":
                raise PromiseError("a write is shown before it is done")
            shown_by = self.replicas[-1]
            await self._call(session, "confirm_write", token=preview["confirm"])
            if self.replicas[-1] == shown_by:
                raise PromiseError("what one replica showed is confirmed at the other")
            await self._call(session, "confirm_write", token=preview["confirm"], is_refused=True)
            await self._check_changes(session, 1)
        return shop_id

    async def _look_elsewhere(self, tenant: str, foreign_shop_id: str) -> None:
        self.console.print()
        self.console.print(Text(f"Somebody of {tenant} asks for what is not theirs", style="bold"))
        async with self._connect(tenant, READER_SCOPES) as (_client, session):
            shops = (await self._call(session, "list_shops"))["data"]["shops"]
            self.console.print(f"  its shops: {', '.join(shop['name'] for shop in shops)}")
            if foreign_shop_id in {shop["id"] for shop in shops}:
                raise PromiseError("a tenant is told of its own shops alone")
            await self._call(session, "get_order_list", shop=foreign_shop_id, page_size=1, is_refused=True)
            await self._check_changes(session, 0)

    async def _check_changes(self, session: DemoSession, count: int) -> None:
        changes = (await self._call(session, "list_changes"))["data"].get("changes", {"rows": []})
        if len(changes["rows"]) != count:
            raise PromiseError(f"the journal of the tenant has {count} entries")
        self.console.print(f"  changes in its journal: {count}")

    async def _call(
        self, session: DemoSession, tool: str, *, is_refused: bool = False, **arguments: Any
    ) -> dict[str, Any]:
        """Call a tool, and print which replica answered."""
        payload = await session.call_tool(tool, **arguments)
        if ("error" in payload) is not is_refused:
            raise PromiseError(f"this call of {tool} is {'refused' if is_refused else 'answered'}")
        self.console.print(Text(f"  answered by replica {self.replicas[-1]}", style="dim"))
        return payload
