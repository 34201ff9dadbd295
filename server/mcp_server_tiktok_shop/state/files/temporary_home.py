"""A home folder that disappears with its process, for what no other process can use."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.home import HomeFolder

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.state.files.home import MirrorFolder

FOLDER_PREFIX = "mcp-server-tiktok-shop-"


class TemporaryHome:
    """A folder of the system's for temporary files, made when first needed, its owner's alone."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None

    def get_mirror_folder(self, buyer_data: str, shop_id: str) -> MirrorFolder:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix=FOLDER_PREFIX, ignore_cleanup_errors=True)
        return HomeFolder(Path(self._folder.name)).get_mirror_folder(buyer_data, shop_id)

    def list_mirror_folders(self, shop_id: str | None) -> list[MirrorFolder]:
        return [] if self._folder is None else HomeFolder(Path(self._folder.name)).list_mirror_folders(shop_id)

    def close(self) -> None:
        """Delete it with all that is in it."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
