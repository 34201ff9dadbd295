"""Accounts whose newest state could not be stored: used from memory, and retried until the store has them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError, contain_faults
from mcp_server_tiktok_shop.state.accounts import ENVIRONMENT_ID_PREFIX

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp
    from mcp_server_tiktok_shop.state.stores import AccountStore, AccountTransaction

SAVE_PAUSE_S = 1.0  # before it is tried again; doubled up to MAX_SAVE_PAUSE_S
MAX_SAVE_PAUSE_S = 30.0
MIN_SAVE_PAUSE_S = 0.2  # however many calls ask for it
LAST_SAVES_S = 3.0  # for which it is tried at the end of the process

log = logging.getLogger(__name__)


class UnsavedAccounts:
    """Accounts of this process alone, each with the access token that the store has in its place, None for none.

    They count for as long as the store has that token: another process may have got a newer one. `app` is the one that
    was to be stored beside them.
    """

    def __init__(self, store: AccountStore) -> None:
        self.app: PartnerApp | None = None
        self._store = store
        self._accounts: dict[str, tuple[SecretStr | None, Account]] = {}
        self._saving: asyncio.Task[None] | None = None
        self._save_now = asyncio.Event()
        self._is_ending = False

    def put(self, account: Account, replaced: SecretStr | None, app: PartnerApp | None = None) -> None:
        """Use an account in the place of the stored one, whose access token is `replaced`."""
        self._accounts[account.id] = (replaced, account)
        self.app = app or self.app

    async def save_or_keep(
        self,
        transaction: AccountTransaction,
        account: Account,
        replaced: SecretStr | None,
        app: PartnerApp | None = None,
    ) -> None:
        """Store an account with a new pair; where that fails in any way, keep it in memory and try again.

        The pair that it replaces is dead, and so is the code or token that brought it.
        """
        self.put(account, replaced, app)
        transaction.accounts[account.id] = account
        with contain_faults(log, "the new token pair could not be stored: it is in memory alone, and is tried again"):
            try:
                await transaction.save()
                self.forget(account.id)
            except ShopError as error:
                message = "%s The new token pair is in memory alone, and is tried again."
                log.error(message, error.message)  # noqa: TRY400 - no traceback
        self.save_soon()

    def forget(self, account_id: str) -> None:
        """The store has it, or nobody wants it any more."""
        self._accounts.pop(account_id, None)
        if not self._accounts:
            self.app = None

    def overlay(self, accounts: dict[str, Account]) -> dict[str, Account]:
        """Accounts, with those that could not be stored in their places."""
        unsaved = {
            account_id: changed
            for account_id, (replaced, changed) in self._accounts.items()
            if _get_access_token(accounts.get(account_id)) == replaced
        }
        return accounts | unsaved if unsaved else accounts

    def save_soon(self) -> None:
        """Have them stored beside the calls, if there are any."""
        if self._accounts:
            self._save_now.set()
            if self._saving is None or self._saving.done():
                self._saving = asyncio.create_task(self._save_repeatedly())

    async def finish(self) -> None:
        """Try for the last time, for LAST_SAVES_S, and say what is lost."""
        self._is_ending = True
        self.save_soon()
        if self._saving is not None:
            await asyncio.wait([self._saving])  # cancelling this leaves it running
        if self._accounts:
            names = ", ".join(account.name or account.id for _, account in self._accounts.values())
            log.error("what is new of these accounts could not be stored and is lost; sign in again: %s", names)

    async def _save_repeatedly(self) -> None:
        loop = asyncio.get_running_loop()
        pause, end = SAVE_PAUSE_S, inf
        while self._accounts and loop.time() < end:
            if self._is_ending:
                end = min(end, loop.time() + LAST_SAVES_S)
            self._save_now.clear()
            with contain_faults(log, "what is in memory alone could not be stored: it is tried again"):
                try:
                    await self._save()
                except ShopError as error:
                    log.warning("%s What is in memory alone is tried again.", error.message)
            if self._accounts:
                await asyncio.sleep(MIN_SAVE_PAUSE_S)
            if self._accounts and not self._is_ending:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._save_now.wait(), pause)
                pause = min(pause * 2, MAX_SAVE_PAUSE_S)

    async def _save(self) -> None:
        """Store those that still count; what no longer does is forgotten."""
        tried = dict(self._accounts)
        async with self._store.edit() as transaction:
            current = {
                account_id: account
                for account_id, (replaced, account) in tried.items()
                if _get_access_token(transaction.accounts.get(account_id)) == replaced
                # The pair of the environment is in the store only after something of it was stored.
                or (account_id.startswith(ENVIRONMENT_ID_PREFIX) and account_id not in transaction.accounts)
            }
            if current:
                transaction.app = self.app or transaction.app
                transaction.accounts |= current
                await transaction.save()
        for account_id, entry in tried.items():
            if self._accounts.get(account_id) is entry:  # else it was changed meanwhile
                self.forget(account_id)


def _get_access_token(account: Account | None) -> SecretStr | None:
    return account.access_token if account is not None else None
