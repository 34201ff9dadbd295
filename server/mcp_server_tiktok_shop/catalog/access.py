"""Decides which operations this server does at all, by excluded tools, read-only mode and the pinned shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.errors import ErrorKind

OPERATOR_HINT = "Only the person who runs the server can change that."
SIGN_IN_ELSEWHERE_HINT = "The person who runs the server can sign in with `mcp-server-tiktok-shop login` in a terminal."


class AccessPolicy(Struct, frozen=True):
    """What the server was started to do; it holds through every door, listed or not.

    `excluded_tools` are names of operations. `is_read_only` denies what changes the shop, `is_pinned` what acts on the
    whole account or names its other shops, both what signs in another account.
    """

    excluded_tools: frozenset[str] = frozenset()
    is_read_only: bool = False
    is_pinned: bool = False

    def is_available(self, operation: Operation) -> bool:
        """Whether this server does the operation at all, listed or not."""
        return self.find_denial(operation) is None

    def is_excluded(self, name: str) -> bool:
        """Whether the operation of this name is switched off, for what this server itself would ask, too."""
        return name in self.excluded_tools

    def find_denial(self, operation: Operation) -> ShopError | None:
        """Why this server was started not to do it, as `not_permitted` or `read_only`; None where it does."""
        if self.is_excluded(operation.name):
            message = f"{operation.name} is switched off on this server."
            return ShopError("not_permitted", message, hint=OPERATOR_HINT)
        if excluded := [name for name in operation.job_writes if self.is_excluded(name)]:
            message = f"{operation.name} is made of {excluded[0]}, which is switched off on this server."
            return ShopError("not_permitted", message, hint=OPERATOR_HINT)
        if self.is_read_only and operation.changes_shop:
            message = f"{operation.name} changes the shop, and this server was started read-only."
            return ShopError("read_only", message, hint=OPERATOR_HINT)
        if operation.adds_account and (self.is_read_only or self.is_pinned):
            reason = "started read-only" if self.is_read_only else "pinned to one shop"
            message = f"{operation.name} signs in an account, and this server was {reason}."
            kind: ErrorKind = "read_only" if self.is_read_only else "not_permitted"
            return ShopError(kind, message, hint=SIGN_IN_ELSEWHERE_HINT)
        affects_whole_account = (
            operation.uses_platform and operation.effect != "read" and operation.cipher_rule == "never"
        )
        if self.is_pinned and (affects_whole_account or operation.record.get("shows_shops")):
            message = f"{operation.name} concerns the whole account, and this server is pinned to one shop."
            return ShopError("not_permitted", message, hint="A server without --shop can do it.")
        return None

    def ensure_allowed(self, operation: Operation) -> None:
        """Go on only where the operation may be called.

        Raises:
            ShopError: As `find_denial`; `not_permitted` where the record itself says why it is never called.

        """
        if (denial := self.find_denial(operation)) is not None:
            raise denial
        if reason := operation.record.get("refused"):
            hint = "find_operations may find another way; otherwise use Seller Center."
            raise ShopError("not_permitted", f"{operation.name} is not called from here: {reason}", hint=hint)
