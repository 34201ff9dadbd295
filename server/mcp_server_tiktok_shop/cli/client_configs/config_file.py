"""A client's configuration file: where it is, and how to change it without losing anything in it."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.state.files.private_files import write_private_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.cli.client_configs.clients import Locations

BASE_FOLDERS = {
    "$APPDATA": "~/AppData/Roaming",
    "$CODEX_HOME": "~/.codex",
    "$COPILOT_HOME": "~/.copilot",
    "$XDG_CONFIG_HOME": "~/.config",
}


def describe_location(locations: Locations, system: str = sys.platform) -> str:
    """The path as a person knows it, without variables."""
    path = locations.windows if system == "win32" else locations.macos if system == "darwin" else locations.linux
    base, separator, rest = path.partition("/")
    if system == "win32" and base == "$APPDATA":
        return "%APPDATA%/" + rest
    return BASE_FOLDERS.get(base, base) + separator + rest


def locate_file(locations: Locations, environment: Mapping[str, str], system: str = sys.platform) -> Path:
    """The file's absolute path on this computer, whether or not it is there.

    Raises:
        RuntimeError: The user has no home folder.

    """
    path = locations.windows if system == "win32" else locations.macos if system == "darwin" else locations.linux
    base, _, rest = path.partition("/")
    if base in BASE_FOLDERS:
        folder = environment.get(base.removeprefix("$")) or BASE_FOLDERS[base]
        path = f"{folder}/{rest}"
    return Path(path).expanduser().absolute()


class ConfigFile(Struct, frozen=True):
    """One file as it was read: its bytes, None where it is not there yet. A link is followed to what it names."""

    path: Path
    content: bytes | None

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Read it.

        Raises:
            OSError: It can't be read.

        """
        real_path = path.resolve()
        try:
            return cls(real_path, real_path.read_bytes())
        except FileNotFoundError:
            return cls(real_path, None)

    @property
    def text(self) -> str:
        """Its text, without a mark at its beginning.

        Raises:
            UnicodeDecodeError: It is no UTF-8.

        """
        return (self.content or b"").removeprefix(codecs.BOM_UTF8).decode()

    def replace(self, text: str) -> Path | None:
        """Put the text in its place; returned is the backup of what was there, beside it.

        Raises:
            OSError: It, or its backup, can't be written, or it has changed since it was read.

        """
        if ConfigFile.read(self.path).content != self.content:
            raise OSError(None, "It was changed meanwhile; say the command again", str(self.path))
        if self.content is None:
            write_private_file(self.path, text.encode())
            return None
        mode = self.path.stat().st_mode
        backup_path = self._find_free_backup_path()
        write_private_file(backup_path, self.content)
        shutil.copystat(self.path, backup_path)
        mark = codecs.BOM_UTF8 if self.content.startswith(codecs.BOM_UTF8) else b""
        write_private_file(self.path, mark + text.encode())
        if os.name != "nt":
            self.path.chmod(mode)
        return backup_path

    def _find_free_backup_path(self) -> Path:
        """A name that no earlier backup has: two of one second are told apart by a number."""
        stem = f"{self.path.name}.{time.strftime('%Y%m%d-%H%M%S')}"
        number = 0
        while (path := self.path.with_name(f"{stem}{f'-{number}' if number else ''}.bak")).exists():
            number += 1
        return path
