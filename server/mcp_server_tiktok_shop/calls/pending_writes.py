"""Stores writes that wait for a yes: what was shown, to whom, and the call that the token sends."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.stores import ExpiringRecords, Record

CONFIRM_TTL_S = 600.0  # seconds that a token of `confirmation_required` is good for, and a question stands
CONFIRM_TTL_TEXT = f"{CONFIRM_TTL_S / 60:.0f} minutes"
MAX_CALL_BYTES = 256 * 1024  # of a call that is stored: a larger one is sent again by its caller
# The names are those in homes of every version: they stay.
FINGERPRINT_KEY, CHANNEL_KEY, ASKED_AT_KEY, SHOWN_STATE_KEY, CALL_KEY = "mark", "way", "asked_at", "seen", "call"
USER_KEY = "user"


class StoredCall(Struct, frozen=True):
    """A call as a token sends it: the operation's name, its arguments with ours, and how buyers' data may be shown."""

    operation: str
    arguments: Json
    buyer_data: str

    def to_json(self) -> Json:
        return {"tool": self.operation, "arguments": self.arguments, "buyer_data": self.buyer_data}

    @property
    def is_storable(self) -> bool:
        return len(to_json_text(self.arguments)) <= MAX_CALL_BYTES


class PendingWrite(Struct, frozen=True):
    """A write that waits: its fingerprint, who gave out its token or was asked, when, and how things were shown.

    `user` is whose call it was, as `Caller.user`: a yes of another is none. `call` is None where its arguments are
    secret, or too large to be stored.
    """

    fingerprint: str
    channel: str
    asked_at: float = 0.0
    shown_state: list[Json] = field(default_factory=list)
    call: StoredCall | None = None
    user: str = ""

    @classmethod
    def from_record(cls, record: Record | None) -> PendingWrite:
        """What a record says; of one that another version wrote, as far as it can be understood."""
        record = record or {}
        call, shown_state = record.get(CALL_KEY), record.get(SHOWN_STATE_KEY)
        return cls(
            str(record.get(FINGERPRINT_KEY, "")),
            str(record.get(CHANNEL_KEY, "")),
            _to_number(record.get(ASKED_AT_KEY)),
            [item for item in shown_state if isinstance(item, dict)] if isinstance(shown_state, list) else [],
            _to_call(call) if isinstance(call, dict) else None,
            str(record.get(USER_KEY, "")),
        )

    def to_record(self) -> Record:
        record: Record = {FINGERPRINT_KEY: self.fingerprint, CHANNEL_KEY: self.channel, ASKED_AT_KEY: self.asked_at}
        record |= {SHOWN_STATE_KEY: self.shown_state} if self.shown_state else {}
        record |= {USER_KEY: self.user} if self.user else {}
        return record | ({CALL_KEY: self.call.to_json()} if self.call and self.call.is_storable else {})

    def matches(self, fingerprint: str, channel: str, user: str) -> bool:
        return (self.fingerprint, self.channel, self.user) == (fingerprint, channel, user)


class PendingWrites(Struct, frozen=True):
    """The writes that wait, by the token or the `requestState` that their caller was given.

    That is random and the whole right to answer, so it is not stored: a record lies under its SHA-256, and who reads
    the store can't say yes with what is there. Every method raises as `ExpiringRecords`.
    """

    records: ExpiringRecords

    async def put(self, token: str, pending_write: PendingWrite) -> None:
        """Store a write for CONFIRM_TTL_S."""
        await self.records.put(_compute_key(token), pending_write.to_record(), CONFIRM_TTL_S)

    async def get(self, token: str) -> PendingWrite:
        """The write of a token; one that matches nothing where there is none."""
        return PendingWrite.from_record(await self.records.get(_compute_key(token)))

    async def take(self, token: str) -> PendingWrite:
        """As `get`; the token is used up with that, whoever asks where."""
        return PendingWrite.from_record(await self.records.take(_compute_key(token)))


def _compute_key(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _to_number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _to_call(call: Json) -> StoredCall | None:
    name, arguments, buyer_data = (call.get(key) for key in ("tool", "arguments", "buyer_data"))
    if not (isinstance(name, str) and isinstance(arguments, dict) and isinstance(buyer_data, str)):
        return None
    return StoredCall(name, arguments, buyer_data)
