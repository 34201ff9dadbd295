"""The home folder: the only place that names the files and folders in which state is kept."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pathlib import Path

PLAIN_FOLDER_NAME = re.compile(r"[0-9a-zA-Z_-]{1,64}")
SNAPSHOT_NAME = re.compile(r"snapshot-(\d+)\.duckdb")


class MirrorFolder(Struct, frozen=True):
    """Where what lies of the local copy of one shop."""

    root: Path

    @property
    def lock_path(self) -> Path:
        """Who writes has the lock of this file."""
        return self.root / "writer.lock"

    @property
    def state_path(self) -> Path:
        """Which snapshot is the current one, and how far it reaches."""
        return self.root / "current.json"

    @property
    def spool_folder(self) -> Path:
        """Where pages lie that are in no snapshot yet."""
        return self.root / "spool"

    @property
    def swap_folder(self) -> Path:
        """Where DuckDB puts what it has no memory for, in a folder for each process."""
        return self.spool_folder / "swap"

    @property
    def wishes_folder(self) -> Path:
        """What processes that wait want to be read by who writes."""
        return self.root / "wishes"

    def get_snapshot_path(self, number: int) -> Path:
        return self.root / f"snapshot-{number}.duckdb"

    def list_snapshots(self) -> list[tuple[int, Path]]:
        """The snapshots by their numbers, the oldest first."""
        matches = ((SNAPSHOT_NAME.fullmatch(path.name), path) for path in self.root.glob("snapshot-*.duckdb"))
        return sorted((int(match[1]), path) for match, path in matches if match is not None)


class HomeFolder(Struct, frozen=True):
    """Where what lies below `root`. The names stay as they are: homes of earlier versions are read on."""

    root: Path

    @property
    def sandbox(self) -> HomeFolder:
        """The home of the simulated shop, which never sees a real one's state."""
        return HomeFolder(self.root / "sandbox")

    def get_tenant_home(self, tenant_id: str) -> HomeFolder:
        """The home of one tenant of several, for what this computer alone has of it: copies, exports, labels."""
        return HomeFolder(self.root / "tenants" / _name_folder(tenant_id))

    @property
    def accounts_path(self) -> Path:
        return self.root / "accounts.json"

    @property
    def confirmations_path(self) -> Path:
        return self.root / "confirmations.json"

    @property
    def write_outcomes_path(self) -> Path:
        return self.root / "unknown.json"

    @property
    def jobs_path(self) -> Path:
        """How far jobs came that are not finished."""
        return self.root / "jobs.json"

    @property
    def audit_log_path(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def issued_documents_path(self) -> Path:
        return self.root / "documents.txt"

    @property
    def oauth_states_path(self) -> Path:
        return self.root / "sign-ins.json"

    @property
    def bearer_token_path(self) -> Path:
        """The token that clients bear over HTTP."""
        return self.root / "http-token.txt"

    @property
    def results_folder(self) -> Path:
        return self.root / "results"

    @property
    def mirrors_folder(self) -> Path:
        """Where the local copies of shops lie, a folder for each way of showing buyers' data."""
        return self.root / "mirror"

    def get_mirror_folder(self, buyer_data: str, shop_id: str) -> MirrorFolder:
        """Where the local copy of a shop lies in which buyers' data is stored in this way."""
        return MirrorFolder(self.mirrors_folder / buyer_data / _name_folder(shop_id))

    def list_mirror_folders(self, shop_id: str | None) -> list[MirrorFolder]:
        """Where local copies of a shop lie, or of all, however buyers' data is stored in them."""
        name = "*" if shop_id is None else _name_folder(shop_id)
        return [MirrorFolder(folder) for folder in self.mirrors_folder.glob(f"*/{name}") if folder.is_dir()]

    def get_write_mark_path(self, shop_id: str, area: str) -> Path:
        """The file whose time is that of the last write of an area to a shop."""
        return self.root / "writes" / f"{_name_folder(shop_id)}.{area}"

    @property
    def known_notifications_folder(self) -> Path:
        """What the platform notified of, a file for each, so that none is taken twice."""
        return self.root / "notifications"

    @property
    def pending_notifications_folder(self) -> Path:
        """Those of them that were not followed up yet."""
        return self.known_notifications_folder / "pending"

    @property
    def labels_folder(self) -> Path:
        """Where resized labels are saved, for a person to print."""
        return self.root / "labels"

    @property
    def exports_folder(self) -> Path:
        """Where tables are saved, for a person to open."""
        return self.root / "exports"

    @property
    def files_folder(self) -> Path:
        """Where a person puts the files that may be uploaded."""
        return self.root / "files"


def _name_folder(shop_id: str) -> str:
    """A folder's name for an id that comes from outside."""
    is_plain = PLAIN_FOLDER_NAME.fullmatch(shop_id) is not None
    return shop_id if is_plain else hashlib.sha256(shop_id.encode()).hexdigest()
