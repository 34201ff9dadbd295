"""A write that may need confirmation, and the result of a call that waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.question_limits import ensure_askable

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.pending_writes import StoredCall
    from mcp_server_tiktok_shop.calls.preview import Preview
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

CONFIRMATION_REQUIRED = "confirmation_required"
PreviewFactory = Callable[[], Awaitable["Preview"]]


class ConfirmationRequired(Exception):  # noqa: N818 - no fault: the way out of a call that waits for a yes
    """Ends a call with the result that says that nothing was sent yet, and how to go on."""

    def __init__(self, result: Json) -> None:
        super().__init__(CONFIRMATION_REQUIRED)
        self.result = result


class WriteRequest(Struct):
    """One write that may have to be confirmed; `token` is what the caller gave as `confirm`.

    `call` is what a token alone sends again; None where it may not be stored. `has_token_alone` says that this call is
    made by a token alone: without a right one it is refused, and nobody is asked anew. With `needs_reader` a client's
    own yes is not enough, whatever the policy: somebody must have been shown what is asked, a person by the client or
    by whoever was given the preview.
    """

    operation: Operation
    fingerprint: str
    make_preview: PreviewFactory
    token: str | None
    caller: Caller
    call: StoredCall | None = None
    has_token_alone: bool = False
    needs_reader: bool = False
    _preview: Preview | None = None

    async def load_preview(self, *, is_anew: bool = False) -> Preview:
        """The preview, made when it is first needed or `is_anew`: it reads how things stand at the shop."""
        if self._preview is None or is_anew:
            self._preview = await self.make_preview()
        return self._preview

    async def get_preview(self) -> Preview:
        """The preview of a write that is asked about.

        Raises:
            ShopError: No question holds all of the write; as `ensure_askable`.

        """
        preview = await self.load_preview()
        ensure_askable(preview)
        return preview

    async def get_shown_state(self) -> list[Json]:
        """How the preview shows the things that the write is about."""
        state = (await self.load_preview()).current_state
        return state.to_json() if state else []
