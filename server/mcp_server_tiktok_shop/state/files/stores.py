"""The state stores of one home folder: every store in files, but for rate marks, which each process learns anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.accounts import FileAccountStore
from mcp_server_tiktok_shop.state.files.audit_log import FileAuditLog
from mcp_server_tiktok_shop.state.files.expiring_records import FileExpiringRecords
from mcp_server_tiktok_shop.state.files.issued_documents import FileIssuedDocuments
from mcp_server_tiktok_shop.state.files.notifications import FileNotifications
from mcp_server_tiktok_shop.state.files.oauth_states import FileOAuthStates
from mcp_server_tiktok_shop.state.files.results import FileResultStore
from mcp_server_tiktok_shop.state.files.write_marks import FileWriteMarks
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks
from mcp_server_tiktok_shop.state.steady_clock import SteadyClock
from mcp_server_tiktok_shop.state.stores import StateStores

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.state.files.home import HomeFolder


def open_file_stores(home: HomeFolder, clock: Callable[[], float], monotonic: Callable[[], float]) -> StateStores:
    """The stores of a home folder; nothing is made on disk before something is stored.

    `clock` gives Unix seconds, `monotonic` seconds of a clock that is never set.
    """
    steady_clock = SteadyClock(clock, monotonic)
    return StateStores(
        accounts=FileAccountStore(home.accounts_path),
        confirmations=FileExpiringRecords(home.confirmations_path, steady_clock),
        write_outcomes=FileExpiringRecords(home.write_outcomes_path, steady_clock),
        jobs=FileExpiringRecords(home.jobs_path, steady_clock),
        results=FileResultStore(home.results_folder, clock),
        audit_log=FileAuditLog(home.audit_log_path),
        issued_documents=FileIssuedDocuments(home.issued_documents_path, clock),
        oauth_states=FileOAuthStates(home.oauth_states_path, clock),
        rate_marks=InMemoryRateMarks(monotonic),
        write_marks=FileWriteMarks(home.get_write_mark_path, clock),
        notifications=FileNotifications(home.known_notifications_folder, home.pending_notifications_folder, clock),
    )
