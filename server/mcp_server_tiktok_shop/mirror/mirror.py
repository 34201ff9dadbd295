"""The local copies of the shops: brought up to date within a deadline, and read as immutable snapshots."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.shop_mirror import ShopMirror

if TYPE_CHECKING:
    from collections.abc import Collection

    from mcp_server_tiktok_shop.mirror.parts import MirrorParts
    from mcp_server_tiktok_shop.mirror.progress import ProgressReporter
    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot
    from mcp_server_tiktok_shop.mirror.tables import TableCatalog
    from mcp_server_tiktok_shop.platform.shops import Target


class Mirror:
    """The local copies of all shops that this server can reach."""

    def __init__(self, parts: MirrorParts) -> None:
        self._parts = parts
        self._shops: dict[str, ShopMirror] = {}

    @property
    def table_catalog(self) -> TableCatalog:
        return self._parts.table_catalog

    async def refresh(
        self,
        target: Target,
        tables: Collection[str],
        *,
        max_age_s: float | None = None,
        deadline: float,
        report_progress: ProgressReporter | None = None,
    ) -> ShopSnapshot:
        """The shop's copy, in which these tables are no older than `max_age_s`, as far as `deadline` allows.

        Without `max_age_s` the age of the settings counts; `deadline` is a moment of the monotonic clock.
        What is not done by then goes on behind it; the snapshot tells of each table how far it reaches.

        Raises:
            ShopError: Nothing at all can be answered from.

        """
        max_age_s = self._parts.max_age_s if max_age_s is None else max_age_s
        sources = self.table_catalog.find_sources(tables)
        snapshot = await self._get_shop(target).refresh(target, sources, max_age_s, deadline, report_progress)
        if moments := [state.as_of for name in tables if (state := snapshot.tables.get(name)) and state.as_of]:
            self._parts.metrics.record_copy_age(max(0.0, self._parts.clock() - min(moments)))
        return snapshot

    async def look(self, target: Target) -> ShopSnapshot | None:
        """The shop's copy as it is; None where there is none."""
        return await self._get_shop(target).look(target)

    async def discard(self, target: Target, snapshot: ShopSnapshot) -> None:
        """Have a copy made anew whose file turned out to be damaged."""
        await self._get_shop(target).discard(snapshot)

    async def count_rows(self, target: Target) -> dict[str, int]:
        """How many rows each table of the shop's copy has. Raises SnapshotError where it is damaged."""
        return await self._get_shop(target).count_rows()

    async def forget(self, shop_id: str | None) -> None:
        """Delete a shop's copies, or those of all, however buyers' data is stored in them.

        Raises:
            ShopError: Another process is writing one, or it can't be deleted.

        """
        shops = {shop.folder.root: shop for shop in self._shops.values()}
        for folder in self._parts.list_folders(shop_id):
            await shops.get(folder.root, ShopMirror(self._parts, folder)).forget()
        if self._parts.shared_copies is not None:
            await self._parts.shared_copies.delete_all(shop_id)

    def _get_shop(self, target: Target) -> ShopMirror:
        shop = target.shop
        if shop is None:
            raise ShopError("shop_required", "A local copy belongs to one shop.", hint="Name a shop.")
        if shop.id not in self._shops:
            self._shops[shop.id] = ShopMirror(self._parts, self._parts.get_folder(shop.id), shop.id)
        return self._shops[shop.id]

    async def close(self) -> None:
        """End what goes on in the background; what was read so far lies in the spool."""
        await asyncio.gather(*(shop.close() for shop in self._shops.values()))
