"""Runs the tools that this server answers itself: checked, confirmed and redacted like any other call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from mcp_server_tiktok_shop.calls.caller import NON_INTERACTIVE_CALLER
from mcp_server_tiktok_shop.calls.results.zero_values import drop_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory


class LocalTool(Protocol):
    """From checked arguments to the `data` of a result; `shop` is the caller's choice, not resolved yet.

    Raises:
        ShopError: Every way in which it can fail that is not a fault of this program.

    """

    async def __call__(self, values: Json, shop: str | None, caller: Caller, /) -> Json: ...


class LocalConfirmation(Protocol):
    """The question that stands before one call of a tool that changes something."""

    @property
    def is_required(self) -> bool:
        """Whether this server was started to ask before it."""
        ...

    @property
    def can_ask(self) -> bool:
        """Whether the question can be asked at all: else a person must answer it, and the client can't ask one."""
        ...

    async def ensure_confirmed(self, account: Json | None = None) -> None:
        """Ask, required or not, and go on only after a yes; `account` is what the question names.

        Raises:
            ElicitationRequired: The call is answered with the question.
            ConfirmationRequired: Nobody agreed yet.
            ShopError: `declined`.

        """
        ...


class LocalWrite(Protocol):
    """As `LocalTool`, of those that exchange or renew tokens. It asks by `confirmation` before it changes anything."""

    async def __call__(self, values: Json, shop: str | None, confirmation: LocalConfirmation, /) -> Json: ...


class LateTool(Struct, frozen=True):
    """A local tool that is loaded and made, with all of its kind, when the first of them is called."""

    get_tools: Callable[[], Mapping[str, LocalTool]]
    name: str

    async def __call__(self, values: Json, shop: str | None, caller: Caller, /) -> Json:
        return await self.get_tools()[self.name](values, shop, caller)


class LocalToolRunner(Struct, frozen=True):
    """The one way to the tools of our own, for every door: `reads` and `writes` by name."""

    operations: OperationDirectory
    reads: Mapping[str, LocalTool]
    writes: Mapping[str, LocalWrite]
    result_builder: ResultBuilder

    async def read(self, name: str) -> Json:
        """The whole redacted data of a tool that needs no arguments, for another door than its own.

        Raises:
            ShopError: As the tool's own call: also where this server was started not to do it.

        """
        operation = self.operations.get(name)
        self.operations.policy.ensure_allowed(operation)
        return await self.execute(operation, {}, None, NON_INTERACTIVE_CALLER)

    async def execute(self, operation: Operation, values: Json, shop: str | None, caller: Caller) -> Json:
        """The redacted data, with `untrusted` in it where others wrote some of it."""
        data = await self.reads[operation.name](values, shop, caller)
        return self.result_builder.redact_local_data(operation, drop_empty(data))

    async def execute_write(
        self, operation: Operation, values: Json, shop: str | None, confirmation: LocalConfirmation
    ) -> Json:
        """The data of a tool that changes something, as it is: it is done, and shown by steps that may fail."""
        return await self.writes[operation.name](values, shop, confirmation)
