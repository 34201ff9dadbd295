"""The parts a mirror is made of, passed in at the composition root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.catalog.access import AccessPolicy
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.mirror.snapshot_workers import SnapshotWorkers
    from mcp_server_tiktok_shop.mirror.tables import Source, TableCatalog
    from mcp_server_tiktok_shop.platform.paging import Paginator
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.files.home import MirrorFolder
    from mcp_server_tiktok_shop.state.shared_copies import SharedCopies
    from mcp_server_tiktok_shop.state.stores import WriteMarks


class MirrorParts(Struct, frozen=True):
    """What a mirror is made of. `redact_data` redacts an answer's data by its operation's name, `hide_secrets` a text.

    `buyer_data` is how buyers' data is stored, `shared_copies` what replicas share, None where folders are all there
    is. `get_folder` tells where the copy of a shop lies, by its id, `list_folders` where any lie of it, or of all.
    `clock` gives Unix seconds, `monotonic` seconds of the clock of deadlines; `history_days` is how far back history is
    read, `max_age_s` how old what is asked may be where a question does not say. What was read before the `write_marks`
    of a write that may have changed it is too old for any question. `snapshot_workers` write snapshots, and read them.
    """

    table_catalog: TableCatalog
    policy: AccessPolicy
    sensitive_fields: SensitiveFields
    paginator: Paginator
    redact_data: Callable[[str, Json], Json]
    hide_secrets: Callable[[str], str]
    buyer_data: str
    shared_copies: SharedCopies | None
    get_folder: Callable[[str], MirrorFolder]
    list_folders: Callable[[str | None], list[MirrorFolder]]
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    history_days: int
    max_age_s: float
    write_marks: WriteMarks
    snapshot_workers: SnapshotWorkers
    metrics: Metrics

    async def find_moment(self, target: Target, source: Source, now: float, max_age_s: float) -> float:
        """The moment of which a shop's source must be, or of a later one."""
        written_at = await self.write_marks.find_latest(target.shop.id, source.written_by) if target.shop else 0.0
        return max(now - max_age_s, min(written_at, now))
