"""The state stores of one tenant in PostgreSQL, and the deletion of what has expired."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.change_notices import NoNotices
from mcp_server_tiktok_shop.state.postgres.accounts import PostgresAccountStore
from mcp_server_tiktok_shop.state.postgres.audit_log import PostgresAuditLog
from mcp_server_tiktok_shop.state.postgres.expiring_records import PostgresExpiringRecords
from mcp_server_tiktok_shop.state.postgres.issued_documents import RecordedDocuments
from mcp_server_tiktok_shop.state.postgres.notifications import PostgresNotifications
from mcp_server_tiktok_shop.state.postgres.oauth_states import RecordedOAuthStates
from mcp_server_tiktok_shop.state.postgres.results import PostgresResultStore
from mcp_server_tiktok_shop.state.postgres.shared_copies import COPY_TTL_S, DELETE_OLD, PostgresSharedCopies
from mcp_server_tiktok_shop.state.postgres.sign_in_links import LINK_MEMORY_S
from mcp_server_tiktok_shop.state.postgres.write_marks import PostgresWriteMarks
from mcp_server_tiktok_shop.state.stores import NOTIFICATION_TTL_S, RESULT_TTL_S, StateStores

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.state.change_notices import ChangeNotices
    from mcp_server_tiktok_shop.state.postgres.database import Database
    from mcp_server_tiktok_shop.state.postgres.replica_locks import ReplicaLocks
    from mcp_server_tiktok_shop.state.postgres.value_cipher import ValueCipher
    from mcp_server_tiktok_shop.state.stores import RateMarkStore

SWEEP_INTERVAL_S = 60.0

log = logging.getLogger(__name__)


def make_postgres_stores(
    database: Database,
    cipher: ValueCipher,
    tenant_id: str,
    rate_marks: RateMarkStore,
    clock: Callable[[], float],
    notices: ChangeNotices | None = None,
    locks: ReplicaLocks | None = None,
    database_id: str = "",
) -> StateStores:
    """The stores of a tenant that is there; `clock` gives Unix seconds, for write marks alone.

    By `database_id` it is told from tenants of the same name whose rate marks lie in the same Redis.
    """

    def make_records(kind: str) -> PostgresExpiringRecords:
        return PostgresExpiringRecords(database, cipher, tenant_id, kind)

    return StateStores(
        accounts=PostgresAccountStore(database, cipher, tenant_id),
        confirmations=make_records("confirmation"),
        write_outcomes=make_records("write outcome"),
        jobs=make_records("job"),
        results=PostgresResultStore(database, cipher, tenant_id),
        audit_log=PostgresAuditLog(database, tenant_id),
        issued_documents=RecordedDocuments(make_records("document")),
        oauth_states=RecordedOAuthStates(make_records("oauth state")),
        rate_marks=rate_marks,
        write_marks=PostgresWriteMarks(database, tenant_id, clock, notices or NoNotices()),
        notifications=PostgresNotifications(database, tenant_id),
        owner=f"{database_id} {tenant_id}",
        unsaved_pairs=make_records("unsaved pair"),
        shared_copies=None if locks is None else PostgresSharedCopies(database, cipher, locks, tenant_id),
    )


async def sweep_repeatedly(database: Database) -> None:
    """Delete what has expired, until this is cancelled; every replica does, and what one deleted no other has to."""
    while True:
        await asyncio.sleep(SWEEP_INTERVAL_S)
        try:
            await database.execute("DELETE FROM expiring_records WHERE expires_at <= unix_now()")
            await database.execute("DELETE FROM results WHERE stored_at <= unix_now() - %s", RESULT_TTL_S)
            await database.execute("DELETE FROM sign_in_links WHERE expires_at <= unix_now() - %s", LINK_MEMORY_S)
            await database.execute(DELETE_OLD, COPY_TTL_S)
            await database.execute("DELETE FROM notifications WHERE arrived_at <= unix_now() - %s", NOTIFICATION_TTL_S)
        except ShopError as error:
            log.warning("what has expired can't be deleted: %s", error.message)
