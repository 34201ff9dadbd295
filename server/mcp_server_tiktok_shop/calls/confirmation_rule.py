"""Decides which operations wait for a yes, and which tools list the token of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Operation

ConfirmPolicy = Literal["asks", "all", "none", "person"]
CONFIRM_TOOL = "confirm_write"


class ConfirmationRule(Struct, frozen=True):
    """What a server was started to ask about.

    `policy` says what has to be confirmed: `asks` is what the catalog marks so, and whatever destroys; `all` is every
    write, `none` is none, and `person` is every write, by a person who answers through the client and never by the
    client or the model in their place. `has_confirm_tool` says whether a token alone can be sent here.
    """

    policy: ConfirmPolicy
    has_confirm_tool: bool = True

    def requires_confirmation(self, operation: Operation) -> bool:
        """Whether the operation is sent only after a yes."""
        if self.policy == "none" or not (operation.is_platform_write or operation.is_job):
            return False
        return self.policy != "asks" or operation.effect == "destructive" or bool(operation.record["asks"])

    def may_show_preview(self, operation: Operation) -> bool:
        """Whether a call of the tool may be answered with a preview that waits for a yes."""
        return self.requires_confirmation(operation) or (operation.delegates_to == "write" and self.policy != "none")

    def lists_token(self, operation: Operation) -> bool:
        """Whether `confirm` is listed with it: one that runs a write by name lists it, and the write where need be."""
        if self.policy == "none":
            return False
        needs_arguments = not self.has_confirm_tool or (operation.is_local and not operation.is_job)
        is_needed = self.requires_confirmation(operation) and needs_arguments
        return operation.delegates_to == "write" or is_needed
