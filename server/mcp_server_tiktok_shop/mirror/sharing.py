"""Shares a shop's copy among replicas: each works on its own folder, which follows what was last published."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from mcp_server_tiktok_shop.mirror.file_blocks import BlockAssembly, FileBlocks
from mcp_server_tiktok_shop.mirror.states import format_state, parse_state
from mcp_server_tiktok_shop.mirror.threads import run_to_end
from mcp_server_tiktok_shop.mirror.wishes import FolderWishes, SharedWishes
from mcp_server_tiktok_shop.state.files.private_files import make_partial_path
from mcp_server_tiktok_shop.state.shared_copies import CopyKey, PublishedCopy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from mcp_server_tiktok_shop.mirror.parts import MirrorParts
    from mcp_server_tiktok_shop.mirror.snapshots import SnapshotStore
    from mcp_server_tiktok_shop.mirror.spool import Spool
    from mcp_server_tiktok_shop.mirror.states import MirrorState
    from mcp_server_tiktok_shop.mirror.wishes import Wishes
    from mcp_server_tiktok_shop.state.files.home import MirrorFolder
    from mcp_server_tiktok_shop.state.shared_copies import SharedCopies

log = logging.getLogger(__name__)


class CopySharing(Protocol):
    """How the folder of a shop's copy goes together with those of other replicas.

    Every method raises ShopError where what is shared is out of reach, and OSError where the folder can't be written.
    Who calls them has the lock of the folder.
    """

    is_shared: bool
    wishes: Wishes

    async def acquire(self) -> bool:
        """Take the right to write among all replicas; whether it is ours."""

    def release(self) -> None:
        """Give it back."""

    async def follow(self) -> None:
        """Have the folder hold what was published last, or nothing where nothing is."""

    async def publish(self, state: MirrorState) -> MirrorState | None:
        """Publish what is in force in the folder, and answer that; None where another replica has published since."""

    async def discard(self, state: MirrorState) -> None:
        """What is in force in the folder is damaged: see to it that it is not fetched so again."""


class UnsharedCopy:
    """The folder itself is all that there is, for all processes that use it."""

    is_shared = False

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes

    async def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return

    async def follow(self) -> None:
        return

    async def publish(self, state: MirrorState) -> MirrorState | None:
        return state

    async def discard(self, state: MirrorState) -> None:
        del state


class SharedCopy:
    """The folder follows what is published in a store; pages that were read stay in it until they are."""

    is_shared = True

    def __init__(self, copies: SharedCopies, key: CopyKey, store: SnapshotStore, spool: Spool) -> None:
        self.wishes: Wishes = SharedWishes(copies, key)
        self._copies = copies
        self._key = key
        self._store = store
        self._spool = spool

    async def acquire(self) -> bool:
        return await self._copies.acquire(self._key)

    def release(self) -> None:
        self._copies.release(self._key)

    async def follow(self) -> None:
        local = self._store.load_state()
        if await self._copies.find_revision(self._key) == local.revision:
            return
        assembly: BlockAssembly | None = None
        path = make_partial_path(self._store.folder.root)

        async def choose(copy: PublishedCopy) -> Collection[bytes]:
            nonlocal assembly
            state = parse_state(copy.state, self._key.fingerprint)
            if state.snapshot in (0, local.snapshot):
                return ()
            assembly = await run_to_end(BlockAssembly, path, copy.blocks)
            if local.snapshot:
                await run_to_end(assembly.take_from, await self._read_blocks(local))
            return assembly.list_missing()

        async def take(blocks: Mapping[bytes, bytes]) -> None:
            assert assembly is not None  # noqa: S101 - only what was chosen is given
            await run_to_end(assembly.write, blocks)

        try:
            copy = await self._copies.fetch(self._key, choose, take)
            if copy is not None and assembly is not None and assembly.list_missing():
                log.warning("what was published of this shop's copy is damaged; it is being made anew")
                await self._copies.delete(self._key, copy.revision)
                copy = None
            await run_to_end(self._adopt, copy, None if assembly is None else path)
        finally:
            path.unlink(missing_ok=True)

    def _adopt(self, copy: PublishedCopy | None, path: Path | None) -> None:
        """Put in force what was fetched, with a new snapshot where there is one.

        Pages that were read before may be older than what is in it.
        """
        self._spool.delete_all()
        if copy is None:
            self._store.delete_all()
        else:
            state = replace(parse_state(copy.state, self._key.fingerprint), revision=copy.revision)
            self._store.adopt(state, path)

    async def publish(self, state: MirrorState) -> MirrorState | None:
        blocks = await self._read_blocks(state) if state.snapshot else None

        async def read_block(block_hash: bytes) -> bytes:
            assert blocks is not None  # noqa: S101 - it has the hashes that are published
            return await asyncio.to_thread(blocks.read, block_hash)

        published = PublishedCopy(state.revision, format_state(state), blocks.hashes if blocks is not None else ())
        revision = await self._copies.publish(self._key, published, read_block)
        if not revision:
            return None
        state = replace(state, revision=revision)
        await run_to_end(self._store.store_state, state)
        return state

    async def discard(self, state: MirrorState) -> None:
        async def choose(copy: PublishedCopy) -> Collection[bytes]:
            del copy
            return ()

        async def take(blocks: Mapping[bytes, bytes]) -> None:
            del blocks

        copy = await self._copies.fetch(self._key, choose, take)
        if copy is not None and copy.revision == state.revision:
            blocks = await self._read_blocks(state)
            if list(copy.blocks) == blocks.hashes:  # else it is this file alone that is damaged
                await self._copies.delete(self._key, copy.revision)

    async def _read_blocks(self, state: MirrorState) -> FileBlocks:
        return await run_to_end(FileBlocks, self._store.get_path(state))


def make_sharing(
    parts: MirrorParts, folder: MirrorFolder, shop_id: str | None, store: SnapshotStore, spool: Spool
) -> CopySharing:
    if parts.shared_copies is None or shop_id is None:
        return UnsharedCopy(FolderWishes(folder.wishes_folder))
    key = CopyKey(shop_id, parts.buyer_data, parts.table_catalog.fingerprint)
    return SharedCopy(parts.shared_copies, key, store, spool)
