"""Copies of shops shared among replicas: one writes at a time, and each has what was last published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

HASH_BYTES = 20  # of a block's hash


class CopyKey(Struct, frozen=True):
    """Which copy: of a shop, with buyers' data stored in this way, by the records of tables with this fingerprint."""

    shop_id: str
    buyer_data: str
    fingerprint: str


class PublishedCopy(Struct, frozen=True):
    """What was published last: how far it reaches, as text, and the hashes of its file's blocks in their order."""

    revision: int
    state: str
    blocks: Sequence[bytes]


class SharedCopies(Protocol):
    """The copies of one tenant's shops. Every method raises ShopError `not_configured` where the store is away."""

    async def acquire(self, key: CopyKey) -> bool:
        """Take the right to write where nobody has it; whether it is ours. However this process ends, it ends with it.

        It may be lost without a word: what is published rests on a revision.
        """

    def release(self, key: CopyKey) -> None:
        """Give the right to write back."""

    async def find_revision(self, key: CopyKey) -> int:
        """The revision of what was published last; 0 where there is nothing."""

    async def fetch(
        self,
        key: CopyKey,
        choose: Callable[[PublishedCopy], Awaitable[Collection[bytes]]],
        take: Callable[[Mapping[bytes, bytes]], Awaitable[None]],
    ) -> PublishedCopy | None:
        """What was published last, all of one moment: of its blocks those that are chosen are given, some at a time."""

    async def publish(self, key: CopyKey, copy: PublishedCopy, read_block: Callable[[bytes], Awaitable[bytes]]) -> int:
        """Put a copy in the place of the one whose revision it has, 0 for none; the new one's revision.

        0 where another one is there by now, or none any more.
        """

    async def delete(self, key: CopyKey, revision: int) -> None:
        """Delete a copy if it is still of this revision."""

    async def delete_all(self, shop_id: str | None) -> None:
        """Delete all copies of a shop, or of all.

        Raises:
            ShopError: `not_permitted`: another replica is writing one.

        """

    async def wish(self, key: CopyKey, source_name: str, since: float) -> None:
        """Wish that who writes read a source so that it is of a moment or later, in Unix seconds."""

    async def take_wishes(self, key: CopyKey) -> dict[str, float]:
        """The latest moment that is wished for of each source; they are taken with that."""
