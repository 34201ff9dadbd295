"""What a run offers to a client, from settings and records alone: operations, listed tools, instructions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.confirmation_rule import CONFIRM_TOOL, ConfirmationRule
from mcp_server_tiktok_shop.catalog.access import AccessPolicy
from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
from mcp_server_tiktok_shop.catalog.toolsets import resolve_tool_names, select_tools
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.protocol.first_answers import Introduction
from mcp_server_tiktok_shop.protocol.instructions import build_instructions
from mcp_server_tiktok_shop.protocol.listing import list_tools

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard, SafeText
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.stores import AccountStore


class Offer(Struct, frozen=True):
    """`listed_tools` are the names that a client lists, where this server does them."""

    operations: OperationDirectory
    listed_tools: tuple[str, ...]
    confirmation_rule: ConfirmationRule

    def introduce(self, settings: Settings, guard: OutgoingGuard, *, list_shop: bool) -> Introduction:
        """What a client reads of it first; `list_shop` as in `list_tools`."""
        return Introduction(self.write_instructions(settings, guard), self.list_tools(list_shop=list_shop))

    def write_instructions(self, settings: Settings, guard: OutgoingGuard) -> SafeText:
        return guard.guard_text(
            build_instructions(
                buyer_data=settings.buyer_data,
                confirm_policy=settings.confirm,
                upload_folder=settings.files_folder,
                is_read_only=settings.read_only,
                has_discovery=self.operations.are_available(["find_operations"]),
                is_sandbox=settings.sandbox,
            )
        )

    def list_tools(self, *, list_shop: bool) -> list[Json]:
        """The tools as a client lists them; `list_shop`: with `shop`, where there may be several."""
        return list_tools(self.operations, self.listed_tools, self.confirmation_rule, list_shop=list_shop)


def build_offer(settings: Settings, catalog: Catalog) -> Offer:
    """What these settings offer of a catalog.

    Raises:
        SettingsError: A toolset or tool is named that does not exist.

    """
    listed_tools = select_tools(catalog, settings.toolsets, settings.tools)
    excluded_tools = resolve_tool_names(catalog, settings.exclude_tools)
    policy = AccessPolicy(excluded_tools, settings.read_only, is_pinned=settings.shop is not None)
    operations = OperationDirectory(catalog, policy)
    has_confirm_tool = operations.are_available([CONFIRM_TOOL])
    return Offer(operations, listed_tools, ConfirmationRule(settings.confirm, has_confirm_tool))


def has_shop_choice(settings: Settings, accounts: AccountStore) -> bool:
    """Whether there may be several shops to choose from, by what is stored of them."""
    if settings.shop is not None:
        return False
    try:
        stored = accounts.read()
    except ShopError:  # an unreadable store: each call says so
        return True
    app_key = settings.app_key or (stored.app.key if stored.app else "")
    app_accounts = [account for account in stored.accounts.values() if account.app_key == app_key]
    shops = {shop.id for account in app_accounts for shop in account.shops or ()}
    return len(shops) != 1 or any(account.shops is None for account in app_accounts)
