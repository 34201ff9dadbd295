"""Writes audit log entries: what was sent, its outcome, the state before and after, the way back."""

from __future__ import annotations

import json
import logging
import secrets
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.chat_messages import read_message
from mcp_server_tiktok_shop.calls.product_pictures import collect_pictures
from mcp_server_tiktok_shop.calls.redaction.free_text import MASK, mask_emails, mask_text
from mcp_server_tiktok_shop.calls.redaction.redactor import strip_invisible_values
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.value_texts import shorten
from mcp_server_tiktok_shop.calls.way_back import WayBack, plan_way_back
from mcp_server_tiktok_shop.calls.write_answers import collect_ids
from mcp_server_tiktok_shop.catalog.undo import get_audited_paths
from mcp_server_tiktok_shop.errors import contain_faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.errors import ShopError
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import AuditLog

MAX_ITEMS, MAX_ROWS = 50, 50  # things of a write, and rows of one, that are kept
MAX_PICTURES = 20  # of a listing
MAX_WAY_BACK_BYTES = 64 * 1024
MAX_TITLE_CHARS, MAX_MESSAGE_CHARS = 120, 60
MESSAGE_PATHS = frozenset(("content",))
TOO_LARGE, NOT_TO_KEEP = "its arguments are too large to be kept", "what stood there may not be kept"

log = logging.getLogger(__name__)


class AuditWriter(Struct, frozen=True):
    """Enters a write in several lines of one id: when it is sent, with its outcome, and with the states around it.

    What it enters may lie on the disk, whatever the policy for buyers' data; `hide_secrets` takes secrets out of JSON.
    """

    audit_log: AuditLog
    operations: OperationDirectory
    hide_secrets: Callable[[str], str]

    async def open_entry(self, operation: Operation, values: Json, target: Target, sent_at: str, origin: Json) -> str:
        """Enter what is about to be sent, and where it comes from (`Write.origin`); returns the id of the entry."""
        shop, entry_id = target.shop, secrets.token_hex(6)
        entry: Json = {"id": entry_id, "time": sent_at}
        entry |= {"shop": shop.label, "shop_id": shop.id} if shop else {"account": target.account.name}
        entry |= {"operation": operation.name} | origin | {"ids": collect_ids(values)}
        pictures = collect_pictures(values)[:MAX_PICTURES]
        await self._append(entry | ({"pictures": pictures} if pictures else {}))
        return entry_id

    async def add_failure(self, entry_id: str, error: ShopError, request_id: str | None) -> None:
        """Enter that a write brought an error."""
        outcome = "unknown" if error.kind == "unknown_outcome" else f"not done: {error.kind}"
        code = {"code": error.code} if error.code is not None else {}
        await self._append({"id": entry_id, "outcome": outcome, "request_id": request_id} | code)

    async def add_outcome(self, entry_id: str, outcome: str, request_id: str | None, made: Json) -> None:
        """Enter that a write was done, wholly or in part, with the ids of what it `made` and its `amounts` of money."""
        await self._append({"id": entry_id, "outcome": outcome, "request_id": request_id} | made)

    async def add_states(
        self,
        entry_id: str,
        operation: Operation,
        values: Json,
        states: tuple[CurrentState | None, CurrentState],
        made: Json,
    ) -> None:
        """Enter how things stood before and after, and from that the way back; `made` is the answer's data."""
        with contain_faults(log, "how %s is taken back can't be written down", operation.name):
            earlier, later = states
            way_back = plan_way_back(self.operations, operation, values, earlier, later, made)
            await self._append({"id": entry_id} | self._to_entry(earlier, later, way_back))

    async def _append(self, entry: Json) -> None:
        """Add a line without secrets and without what nobody sees: a shop's name, too, is its owner's words."""
        await self.audit_log.append(json.loads(self.hide_secrets(to_json_text(strip_invisible_values(entry)))))

    def _to_entry(self, earlier: CurrentState | None, later: CurrentState, way_back: WayBack) -> Json:
        """`before` and `now` of the things that are otherwise after the write, and `undo`."""
        earlier_by_key = {item.key: self._to_facts(item) for item in (earlier.items if earlier else ())}
        before, now = [], []
        for item in later.items:
            facts, earlier_facts = self._to_facts(item), earlier_by_key.get(item.key)
            if facts is None or facts == earlier_facts:
                continue
            now.append(facts)
            if earlier_facts is not None:
                before.append(earlier_facts)
        states = {"before": before[:MAX_ITEMS], "now": now[:MAX_ITEMS]}
        return {name: items for name, items in states.items() if items} | {"undo": self._keep(way_back).to_json()}

    def _keep(self, way_back: WayBack) -> WayBack:
        """The way back, but for one that can't be kept whole: what was masked must not be sent as if it were so."""
        text = to_json_text(way_back.to_json())
        if len(text.encode()) > MAX_WAY_BACK_BYTES:
            return WayBack(reason=TOO_LARGE)
        is_masked = MASK in text or mask_emails(text) != text or self.hide_secrets(text) != text
        return WayBack(reason=NOT_TO_KEEP) if is_masked else way_back

    def _to_facts(self, item: Item) -> Json | None:
        """What is kept of a thing; None where it could not be looked up."""
        if item.problem:
            return item.to_json() if item.is_missing else None
        facts = {path: value for path, value in item.facts.items() if path in get_audited_paths()}
        return {item.noun: item.id} | {path: _to_kept_value(path, value) for path, value in facts.items()}


def _to_kept_value(path: str, value: Any) -> Any:
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, dict)][:MAX_ROWS]
        return [{name: _to_kept_value(name, inner) for name, inner in row.items()} for row in rows]
    if not isinstance(value, str):
        return value
    if path in MESSAGE_PATHS:
        return shorten(mask_text(read_message({"content": value})), MAX_MESSAGE_CHARS)
    return shorten(mask_emails(value), MAX_TITLE_CHARS)
