"""State stores as Protocols: accounts, records, results, audit log, documents, sign-ins, marks, notifications."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractAsyncContextManager

    from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp, StoredAccounts
    from mcp_server_tiktok_shop.state.shared_copies import SharedCopies

Record = dict[str, Any]
RateKey = tuple[str, ...]

RESULT_ID_BYTES = 8  # of randomness: an id is the whole right to read a result
RESULT_TTL_S = 24 * 3600
MAX_RESULTS = 100
MAX_RESULTS_BYTES = 256 * 2**20
DOCUMENT_URL_TTL_S = 24 * 3600  # as long as the platform serves a document under its link
OAUTH_STATE_BYTES = 16  # of randomness
OAUTH_STATE_TTL_S = 30 * 60  # as long as the platform takes the authorization code beside it
SIGN_IN_LINK_TTL_S = 24 * 3600  # of one that is sent to a seller, who agrees when there is time
AUDIT_OUTCOME_UNKNOWN = "unknown"
NOTIFICATION_TTL_S = 48 * 3600  # the platform sends one again for some 16 hours where it was not answered


class AccountTransaction(Protocol):
    """The stored app and accounts by id, open for change; what is not saved is not changed."""

    app: PartnerApp | None
    accounts: dict[str, Account]

    async def save(self, *, is_another_sure: bool = False) -> None:
        """Store the app and the accounts as they are now, as a whole; may be called more than once.

        Where `is_another_sure`, room is set aside for one more save of them, so that one does not fail for the want of
        it: what that one is to store can't be had again.

        Raises:
            ShopError: `not_configured` where they can't be written, or the room can't be had.

        """


class AccountStore(Protocol):
    """The app and the accounts that signed in to it. Reading needs no lock; every change is made inside `edit`."""

    def read(self) -> StoredAccounts:
        """The contents, without waiting: the same object for as long as nothing changed.

        They may be some moments old where another process changes them: a token that it renewed is refused by the
        platform, and `edit` sees the new one.

        Raises:
            ShopError: `not_configured` where they can't be understood.

        """

    async def refresh(self) -> None:
        """Look for what others have changed, where `read` can't without waiting.

        Raises:
            ShopError: `not_configured` as for `read`; `not_permitted` where whose accounts these are is gone.

        """

    async def check_writable(self) -> None:
        """Make sure that something could be stored now; the contents stay as they are.

        Raises:
            ShopError: As for `edit`, and `not_configured` where they can't be written.

        """

    def edit(self) -> AbstractAsyncContextManager[AccountTransaction]:
        """The newest contents, while no other process may change them.

        Raises:
            ShopError: `not_configured` as for `read`; `internal`, retryable, where another process does not let go.

        """


class ReplaceRule(Protocol):
    """What becomes of a record that stands in the way of a new one."""

    def __call__(self, existing: Record) -> Record | None:
        """The record to put in its place, or None to leave it; may be called more than once."""


class ExpiringRecords(Protocol):
    """JSON objects by key, each gone `ttl_s` seconds after it was put. Every method is one step that no other divides.

    Every method raises ShopError `not_configured` where the records can't be read or written: what they would say is
    not to be passed over.
    """

    async def claim(
        self, key: str, record: Record, ttl_s: float, replace_if: ReplaceRule | None = None
    ) -> Record | None:
        """Put the record where there is none, or what `replace_if` makes of the one there: None. Else that one."""

    async def put(self, key: str, record: Record, ttl_s: float) -> None:
        """Put the record, in the place of one that is there."""

    async def get(self, key: str) -> Record | None:
        """The record, if it has not expired."""

    async def take(self, key: str) -> Record | None:
        """The record, if it has not expired; it is gone with that."""


class ResultStore(Protocol):
    """Bytes by an id that can't be guessed, for RESULT_TTL_S. Beyond MAX_RESULTS or MAX_RESULTS_BYTES the oldest go."""

    async def put(self, content: bytes) -> str:
        """Store the content; answers its id, 16 hexadecimal digits.

        Raises:
            ShopError: `not_configured`: it can't be written; `internal`: it is more than may ever be stored. A caller
                to whom the content is a convenience catches it and goes on.

        """

    async def get(self, result_id: str) -> bytes | None:
        """The content of an id; None where there is none, or no longer.

        Raises:
            ShopError: `not_configured`: it is there and can't be read.

        """


def check_content_size(content: bytes, max_bytes: int) -> None:
    """Refuse a content for which even an empty result store has no room.

    Raises:
        ShopError: `internal`.

    """
    if len(content) > max_bytes:
        raise ShopError("internal", f"{len(content) / 2**20:.0f} MB are too much to store.", hint="Ask for less.")


class AuditLog(Protocol):
    """What was changed: an entry before a write is sent, and one of the same `id` when its outcome is known."""

    async def append(self, entry: Record) -> None:
        """Add an entry. Never raises for a log that can't be written: that must not undo what was done."""

    async def read_entries(self) -> list[Record]:
        """One entry for each write, oldest first; `outcome` is AUDIT_OUTCOME_UNKNOWN where none was added.

        Raises:
            ShopError: `not_configured`: the log can't be read.

        """

    async def count_unreadable(self) -> int:
        """How many entries are passed over because they can't be understood. Raises as `read_entries`."""


class IssuedDocuments(Protocol):
    """Which document links the platform gave out in the last DOCUMENT_URL_TTL_S. The links themselves are secret."""

    async def remember(self, url: str) -> None:
        """Note a link that the platform gave out just now."""

    async def is_issued(self, url: str) -> bool:
        """Whether the platform gave out exactly this link, and it still lives."""


class OAuthStates(Protocol):
    """The random `state` of each authorization link: an answer with another one was not asked for here."""

    async def create(self) -> str:
        """A new state, which is valid for OAUTH_STATE_TTL_S.

        Raises:
            ShopError: `not_configured`: it can't be stored.

        """

    async def is_valid(self, state: str) -> bool:
        """Whether the state was made here and has not expired; the code beside it works once anyway."""


class RateMarks(Struct, frozen=True):
    """What was learned of the rate that the platform takes of one key. Moments are those of `RateMarkStore.now`.

    `base_interval` is in seconds, 0 where nothing was ever refused. After `expires_at` the marks say nothing any more.
    """

    next_send_at: float = -inf
    base_interval: float = 0.0
    successes_since_throttle: int = 0
    last_throttled_at: float = -inf
    expires_at: float = -inf


class RateMarksChange(Protocol):
    """A step from marks to marks, without any other effect."""

    def __call__(self, marks: RateMarks) -> RateMarks:
        """The marks as they become; may be called more than once."""


class RateMarkStore(Protocol):
    """Rate marks by key, the same for all processes that share the store.

    It never raises: where a shared store is out of reach, each process goes by what it has seen itself.
    """

    def now(self) -> float:
        """The present moment in seconds, on one clock for all who share the marks."""

    async def update(self, key: RateKey, change: RateMarksChange) -> RateMarks:
        """Change the marks of a key, `RateMarks()` where it has none, in one step that no other divides.

        Answers the marks as they were before. Those that come to be `RateMarks()` need not be stored.
        """


class WriteMarks(Protocol):
    """When something was last sent that changes a shop, by the area of the catalog: what was read before may be stale.

    It never raises: where a shared store is out of reach, each process goes by its own writes.
    """

    async def mark(self, shop_id: str, area: str) -> None:
        """Note that a write of this area goes out, or has ended, at this moment."""

    async def find_latest(self, shop_id: str, areas: Iterable[str]) -> float:
        """The moment of the latest mark of any of these areas, in Unix seconds; 0 where there is none."""


# What came of a notification: it is stored, it was known already, or it is about no shop of anybody here.
Reception = Literal["new", "repeated", "unowned"]


class Notification(Struct, frozen=True):
    """That something happened at a shop, or (where the shop's id is empty) to one of a seller's shops.

    What exactly is not stored: it would be buyers' words, and is read from the platform.
    """

    id: str
    type: int
    shop_id: str = ""
    seller_id: str = ""


class NotificationStore(Protocol):
    """What the platform notified of: each once, pending until it was followed up, known for NOTIFICATION_TTL_S.

    Every method raises ShopError `not_configured` where the store can't be read or written.
    """

    async def add(self, notification: Notification) -> bool:
        """Store it as pending; false where one of its id is known. It outlives this process when that is answered.

        One may be pending twice where its sender was not answered the first time: following it up twice does no harm.
        """

    async def list_pending(self) -> list[Notification]:
        """Those that were not followed up yet, in the order of their arrival."""

    async def finish(self, notifications: Iterable[Notification]) -> None:
        """Note that these were followed up."""

    async def count_types(self) -> dict[int, int]:
        """How many are known, by their type."""


class StateStores(Struct, frozen=True):
    """All that outlives a call, in the backend that was chosen."""

    accounts: AccountStore
    confirmations: ExpiringRecords
    write_outcomes: ExpiringRecords
    jobs: ExpiringRecords
    results: ResultStore
    audit_log: AuditLog
    issued_documents: IssuedDocuments
    oauth_states: OAuthStates
    rate_marks: RateMarkStore
    write_marks: WriteMarks
    notifications: NotificationStore
    owner: str = ""  # whose they are, among all that share the rate marks
    unsaved_pairs: ExpiringRecords | None = None  # tokens that wait for a yes; None: a process has its own in memory
    shared_copies: SharedCopies | None = None  # None where folders are all that processes share
