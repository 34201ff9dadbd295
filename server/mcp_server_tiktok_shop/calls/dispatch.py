"""One call from a model's arguments to what it reads: the one way through, for every tool."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mcp_server_tiktok_shop.calls.caller import NOBODY
from mcp_server_tiktok_shop.calls.preview import Preview
from mcp_server_tiktok_shop.calls.reads import DOCUMENT
from mcp_server_tiktok_shop.calls.results.projection import without_empty, written_paths
from mcp_server_tiktok_shop.calls.uploads import uploads
from mcp_server_tiktok_shop.calls.writes import Write
from mcp_server_tiktok_shop.catalog.binding import bind, local_times
from mcp_server_tiktok_shop.catalog.coercion import read
from mcp_server_tiktok_shop.catalog.common_arguments import OWN
from mcp_server_tiktok_shop.catalog.validation import check
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from pydantic import SecretStr

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.local_files import Files
    from mcp_server_tiktok_shop.calls.reads import Reads
    from mcp_server_tiktok_shop.calls.results.builder import Answers
    from mcp_server_tiktok_shop.calls.results.scoped_results import Keeping
    from mcp_server_tiktok_shop.calls.writes import Writes
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import Platform
    from mcp_server_tiktok_shop.platform.shops import Target

log = logging.getLogger(__name__)

SHOWN_ONLY = "A dry run: nothing was sent."
OPERATOR = "Only the person who runs the server can change that."


class LocalTool(Protocol):
    """A tool that this server answers itself; `shop` is the caller's choice, unresolved."""

    async def __call__(self, values: Json, shop: str | None, caller: Caller) -> Json: ...


@dataclass(frozen=True, slots=True)
class Assistant:
    """What an assistant can do here, and under which rules."""

    catalog: Catalog
    platform: Platform
    files: Files
    reads: Reads
    writes: Writes
    answers: Answers
    kept: Keeping
    local: Mapping[str, LocalTool]
    listed: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    zone: ZoneInfo | None = None
    read_only: bool = False
    sandbox: bool = False

    def offers(self, operation: Operation) -> bool:
        """Whether this server does the operation at all, listed or not."""
        return self._forbidden(operation) is None

    def pointless(self, operation: Operation) -> set[str]:
        """Those of our own arguments that need not be listed with it: nothing is asked for here that they answer."""
        asked = self.writes.confirming.mode not in ("none", "person") and (
            operation.runs == "write" or self.writes.confirming.asks(operation)
        )
        return set() if asked else {"confirm"}

    def _forbidden(self, operation: Operation) -> ShopError | None:
        """Why this server was started not to do an operation: exclusion, read-only, or a pin to one shop."""
        if operation.name in self.excluded:
            told = f"{operation.name} is switched off on this server."
            return ShopError("not_permitted", told, hint=OPERATOR)
        if self.read_only and operation.changes_shop:
            told = f"{operation.name} changes the shop, and this server was started read-only."
            return ShopError("read_only", told, hint=OPERATOR)
        whole_account = operation.asks_platform and operation.effect != "read" and operation.cipher == "never"
        if self.platform.shops.pinned is not None and (whole_account or operation.record.get("shows_shops")):
            told = f"{operation.name} concerns the whole account, and this server is pinned to one shop."
            return ShopError("not_permitted", told, hint="It can be done on a server without --shop.")
        return None

    async def run(self, name: str, arguments: Json, caller: Caller = NOBODY) -> Json:
        """The result of a tool as an object.

        Raises:
            ShopError: Every way in which a call can fail that is not a fault of this program.

        """
        operation = self.operation(name)
        self._check_allowed(operation)
        given = dict(arguments)
        if operation.runs is not None:
            _move_inside(given)
        values, unread = read(operation, given)
        check(operation, values, unread)
        if operation.runs is not None:
            return await self._run_named(operation, values, caller)
        ours = {name: values.pop(name) for name in operation.ours if name in values}
        ours = {name: value for name, value in ours.items() if not isinstance(value, str) or value.strip()}
        if fields := ours.get("fields"):
            written_paths(fields)
        told = await (self._here if operation.local else self._asked)(operation, values, ours, caller)
        return told | {"sandbox": True} if self.sandbox else told

    async def _run_named(self, runner: Operation, values: Json, caller: Caller) -> Json:
        """Call the operation that a `run_…` tool names, on the same way through."""
        operation = self.operation(values["name"])
        if operation.runs is not None:
            told = f"{runner.name} calls operations, not other run_ tools: {operation.name} is one."
            problem = Problem("name", told, "the name of an operation, from find_operations")
            raise ShopError("invalid_arguments", told, problems=(problem,))
        if runner.runs == "read" and operation.effect != "read":
            told = f"{operation.name} changes something: its effect is {operation.effect}."
            other = self.catalog.operations["run_write_operation"]
            hint = f"Call it with {other.name}." if self.offers(other) else f"Call {operation.name} as a tool."
            raise ShopError("not_permitted", told, hint=hint)
        return await self.run(operation.name, values.get("arguments", {}), caller)

    def _check_allowed(self, operation: Operation) -> None:
        if (forbidden := self._forbidden(operation)) is not None:
            raise forbidden
        if reason := operation.record.get("refused"):
            raise ShopError("not_permitted", f"{operation.name} is not called from here: {reason}")

    def operation(self, name: str) -> Operation:
        """The operation of a name.

        Raises:
            ShopError: `not_found`, with the nearest names, or with what took the place of a retired path.

        """
        operation = self.catalog.operations.get(name)
        if operation is not None:
            return operation
        if "/" in name and (called := self.catalog.by_path(name)) is not None:
            retired = called.record["path"] != name
            told = f"{name[:100]} is {'a retired path' if retired else 'a path, not a name'}."
            raise ShopError("not_found", told, hint=f"The operation is now called {called.name}.")
        near = [n for n in self.catalog.nearest(name) if self.offers(self.catalog.operations[n])]
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        hint = f"{meant}find_operations looks for one by what it does."
        raise ShopError("not_found", f"There is no tool {name[:60]!r}.", hint=hint)

    async def _here(self, operation: Operation, values: Json, ours: Json, caller: Caller) -> Json:
        """What this server answers itself. A token call goes to the platform all the same, and may have to wait."""
        if ours.get("dry_run"):
            return {"data": Preview(operation, None, {}, None).told(), "note": SHOWN_ONLY}
        if operation.sends:
            await self.writes.confirm(operation, values | {"shop": ours.get("shop")}, ours, caller)
        data = without_empty(await self.local[operation.name](values, ours.get("shop"), caller))
        return await self.answers.plain(data)

    async def _asked(self, operation: Operation, values: Json, ours: Json, caller: Caller) -> Json:
        files = await asyncio.to_thread(uploads, operation, values, self.files) if operation.uploads else {}
        target = await self._target(operation, ours.get("shop"), ours.get("category_asset"))
        zone = target.zone(self.zone)
        if operation.effect == "read":
            told = await self.reads.do(operation, values, ours, target, caller)
        else:
            write = Write(operation, values, target, zone, files)
            if ours.get("dry_run"):
                shown = (await self.writes.preview(write, looking=False)).told()
                told = await self.answers.plain(shown, SHOWN_ONLY, target.shop)
            else:
                told = await self.answers.told(operation, await self.writes.do(write, ours, caller), None, target.shop)
        if any(local_times(operation.arguments[n], value) for n, value in values.items()):
            note = f"Times given without offset were read in {zone.key}."
            told["note"] = " ".join(filter(None, (told.get("note"), note)))
        return told

    async def _target(self, operation: Operation, shop: str | None, asset: str | None) -> Target:
        if asset is None and not (operation.takes_asset and operation.cipher == "never"):
            return await self.platform.shops.choose(shop, operation.cipher)
        within = None
        if shop is not None or self.platform.shops.pinned is not None:
            within = (await self.platform.shops.choose(shop, "never")).account
        return await self.platform.assets.choose(asset, within)

    async def document(self, package_id: str, shop: str | None) -> tuple[str, SecretStr]:
        """The URL of a package's shipping label, and the account's own proxy to fetch it through."""
        operation = self.catalog.operations["get_package_shipping_document"]
        self._check_allowed(operation)
        target: Target = await self.platform.shops.choose(shop, operation.cipher)
        values = {"package_id": package_id, "document_type": "SHIPPING_LABEL"}
        check(operation, values)
        answer = await self.platform.call(bind(operation, values, target.zone(self.zone)), target)
        url = answer.data.get(DOCUMENT)
        if not isinstance(url, str) or not url:
            told = f"The label of package {package_id} is not ready yet."
            raise ShopError("platform", told, hint="Labels take some seconds: try again.", retryable=True)
        await self.reads.remember(url)
        return url, target.account.proxy


def _move_inside(given: dict[str, Any]) -> None:
    """Our own arguments given beside `arguments`, where a model easily puts them, belong inside.

    None may get lost on the way: a call without its `dry_run` would be sent.

    Raises:
        ShopError: `invalid_arguments`, where one stands in both places and says different things.

    """
    inner = _unpacked(given.get("arguments")) or {}
    if not isinstance(inner, dict):
        return  # refused when it is read
    beside = {name: given.pop(name) for name in OWN if name in given}
    for name, value in beside.items():
        if value in (None, "") or inner.get(name, value) == value:
            continue
        if inner[name] not in (None, ""):
            problem = Problem(name, "stands beside `arguments` and inside, and differs", "one of the two")
            told = f"{name} {problem.message}"
            raise ShopError("invalid_arguments", told, hint="Nothing was sent.", problems=(problem,))
        inner = {**inner, name: value}
    given["arguments"] = {name: v for name, v in beside.items() if v not in (None, "")} | inner


def _unpacked(arguments: Any) -> Any:
    """What JSON text holds, if it is some."""
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return arguments
