"""Makes what is needed to read a source of a shop: its reader, row extraction, and the place for its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.mirror.extraction import RowExtractor
from mcp_server_tiktok_shop.mirror.reading import SourceReader
from mcp_server_tiktok_shop.mirror.source_sync import SourceSync

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.mirror.parts import MirrorParts
    from mcp_server_tiktok_shop.mirror.progress import SyncProgress
    from mcp_server_tiktok_shop.mirror.snapshots import SnapshotStore
    from mcp_server_tiktok_shop.mirror.source_sync import Publisher
    from mcp_server_tiktok_shop.mirror.spool import Spool
    from mcp_server_tiktok_shop.mirror.tables import Source
    from mcp_server_tiktok_shop.platform.shops import Target


class SyncMaker:
    """For one shop's copy; what takes rows out is made once for each source."""

    def __init__(self, parts: MirrorParts, store: SnapshotStore, spool: Spool) -> None:
        self._parts = parts
        self._store = store
        self._spool = spool
        self._extractors: dict[str, RowExtractor] = {}

    def make(self, target: Target, source: Source, publisher: Publisher, progress: SyncProgress) -> SourceSync:
        """The means to read a source. Raises ShopError where this server may not."""
        parts = self._parts
        parts.policy.ensure_allowed(self._find_operation(source))
        if source.name not in self._extractors:
            sensitivity = parts.sensitive_fields.get_root(source.operation)
            self._extractors[source.name] = RowExtractor(source, sensitivity, parts.redact_data)
        extractor = self._extractors[source.name]
        reader = SourceReader(source, target, parts.paginator, extractor, self._spool, parts.clock, progress)
        return SourceSync(reader, self._store, publisher, parts.history_days)

    def is_available(self, source: Source) -> bool:
        """Whether this server may read a source."""
        return self._parts.policy.is_available(self._find_operation(source))

    def _find_operation(self, source: Source) -> Operation:
        return self._parts.paginator.catalog.operations[source.operation]
