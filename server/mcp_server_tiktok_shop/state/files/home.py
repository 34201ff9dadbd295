"""The home folder: the name of every file and folder in which state lies, said here alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class HomeFolder:
    """Where what lies below `root`. The names stay as they are: homes of earlier versions are read on."""

    root: Path

    @property
    def sandbox(self) -> HomeFolder:
        """The home of the simulated shop, which never sees a real one's state."""
        return HomeFolder(self.root / "sandbox")

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
    def audit_log_path(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def issued_documents_path(self) -> Path:
        return self.root / "documents.txt"

    @property
    def oauth_states_path(self) -> Path:
        return self.root / "sign-ins.json"

    @property
    def results_folder(self) -> Path:
        return self.root / "results"

    @property
    def unfinished_summaries_folder(self) -> Path:
        return self.root / "sums"

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
