"""Opens the files that an assistant may name: regular ones, inside the allowed folders, never our own state."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.state.account_store import private_folder

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Files:
    """`folders` may be read, the first being where relative paths start; of `home` only those parts of it."""

    folders: tuple[Path, ...]
    home: Path
    open_in_home: tuple[Path, ...]

    def read(self, argument: str, name: str, largest: int) -> bytes:
        """The content of a file named in `argument`.

        Raises:
            ShopError: `invalid_arguments`, saying what is wrong with the path.

        """
        self._make_room()
        real = self._real(argument, name)
        try:
            handle = _opened(real)
        except OSError as error:
            raise _refused(argument, f"can't be opened: {error.strerror}", self._allowed()) from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise _refused(argument, "is not a regular file", "a file")
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if found.st_size > largest:
                allowed = f"at most {largest / MEGABYTE:g} MB"
                raise _refused(argument, f"has {found.st_size / MEGABYTE:.2f} MB", allowed)
            content = file.read(largest + 1)
        if not content:
            raise _refused(argument, "is an empty file", "a file with content")
        return content

    def _real(self, argument: str, name: str) -> Path:
        if os.name == "nt" and _strange(name):
            raise _refused(argument, "is not a plain file path", self._allowed())
        if "\0" in name:
            raise _refused(argument, "is not a file path", self._allowed())
        try:
            real = Path(os.path.realpath(self.folders[0] / Path(name).expanduser()))
        except (OSError, RuntimeError, ValueError):
            raise _refused(argument, "is not a file path", self._allowed()) from None
        inside = any(real.is_relative_to(os.path.realpath(folder)) for folder in self.folders)
        home = Path(os.path.realpath(self.home))
        # By name below the home: a link laid there does not open what it leads to.
        opened = [home / part.relative_to(self.home) for part in self.open_in_home]
        ours = real.is_relative_to(home) and not any(real.is_relative_to(part) for part in opened)
        if not inside or ours:
            raise _refused(argument, "is outside the allowed folder", self._allowed())
        return real

    def _make_room(self) -> None:
        """The folder that files are to be put into, where it is our own and nobody made it yet."""
        if self.folders[0].is_relative_to(self.home):
            with suppress(OSError):  # a home that can't be written shows itself elsewhere
                private_folder(self.folders[0])

    def _allowed(self) -> str:
        return f"a file in {self.folders[0]}"


def _opened(real: Path) -> int:
    """Open step by step, following no link: what was checked is what is opened."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    if os.open not in os.supports_dir_fd:
        return os.open(real, flags)
    folder = os.open(real.anchor, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in real.parts[1:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(real.name, flags | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)


def _strange(name: str) -> bool:
    """Network shares, devices and alternate streams."""
    path = PureWindowsPath(name)
    tail = name[len(path.drive) :]
    reserved = getattr(os.path, "isreserved", None)  # from Python 3.13, where the method is on its way out
    return path.drive.startswith("\\\\") or ":" in tail or (reserved(name) if reserved else path.is_reserved())


def _refused(argument: str, message: str, allowed: str) -> ShopError:
    problem = Problem(argument, message, allowed)
    hint = "Nothing was sent."
    if "folder" in message or "opened" in message:
        hint = "Put the file into the allowed folder, or set TIKTOK_SHOP_FILES to the folder it is in."
    return ShopError("invalid_arguments", f"{argument} {message}", hint=hint, problems=(problem,))
