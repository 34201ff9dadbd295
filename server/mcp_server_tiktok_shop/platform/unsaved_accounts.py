"""Unsaved accounts: changes that the store could not take, kept in this process for as long as they are the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mcp_server_tiktok_shop.state.accounts import Account


class UnsavedAccounts:
    """Changed accounts by id, each beside the access token of the stored one that it takes the place of."""

    def __init__(self) -> None:
        self._changes: dict[str, tuple[SecretStr, Account]] = {}

    def put(self, stored: Account, changed: Account) -> None:
        """Keep a changed account until the store has another token than that of `stored`."""
        self._changes[stored.id] = (stored.access_token, changed)

    def overlay(self, accounts: dict[str, Account]) -> dict[str, Account]:
        """The stored accounts, with the changed ones in their places."""
        changed_accounts = {
            account_id: changed
            for account_id, (stored_token, changed) in self._changes.items()
            if account_id in accounts and accounts[account_id].access_token == stored_token
        }
        return accounts | changed_accounts if changed_accounts else accounts
