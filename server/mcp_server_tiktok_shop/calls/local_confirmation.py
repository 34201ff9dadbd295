"""Asks for a yes before a tool of this server changes something, such as a sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.preview import Preview
from mcp_server_tiktok_shop.calls.write_requests import WriteRequest

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.confirmation import ConfirmationGate
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation


class LocalWriteConfirmation(Struct):
    """The question before one call of a tool of our own; its values are secret, and the question names none.

    A yes to an account is a reader's: a client that agrees by itself does not know whose it is. `note` is what a result
    has to say of how it was agreed to.
    """

    gate: ConfirmationGate
    operation: Operation
    fingerprint: str
    token: str | None
    caller: Caller
    note: str = ""

    @property
    def is_required(self) -> bool:
        return self.gate.requires_confirmation(self.operation)

    @property
    def can_ask(self) -> bool:
        return self.gate.can_ask(self.caller)

    async def ensure_confirmed(self, account: Json | None = None) -> None:
        async def make_preview() -> Preview:
            return Preview(self.operation, None, {}, None, account=account)

        request = WriteRequest(
            self.operation,
            self.fingerprint,
            make_preview,
            self.token,
            self.caller,
            needs_reader=account is not None,
        )
        self.note = await self.gate.ask(request)
