"""Reads local files that an assistant may name: regular files in allowed folders, never the server's own state."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path, PureWindowsPath

from msgspec import Struct

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.state.files.private_files import make_private_folder

BYTES_PER_MB = 2**20
MAX_PATH_CHARS = 4096  # what systems open at most


class AllowedFiles(Struct, frozen=True):
    """`folders` may be read from; relative paths start in the first. Of our own `home` only `readable_in_home` may."""

    folders: tuple[Path, ...]
    home: Path
    readable_in_home: tuple[Path, ...]

    def read(self, argument: str, path_text: str, max_bytes: int) -> bytes:
        """The content of a file, at most `max_bytes`; `argument` is the name of the argument that holds its path.

        Raises:
            ShopError: `invalid_arguments`, saying what is wrong with the path or the file.

        """
        if len(path_text) > MAX_PATH_CHARS:
            raise _argument_error(argument, f"has {len(path_text):,} characters", f"at most {MAX_PATH_CHARS:,}")
        self._create_folder()
        real_path = self._resolve_path(argument, path_text)
        try:
            handle = _open_without_links(real_path)
        except OSError as error:
            raise _argument_error(argument, f"can't be opened: {error.strerror}", self._describe_allowed()) from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise _argument_error(argument, "is not a regular file", "a file")
        with os.fdopen(handle, "rb") as file:
            file_stat = os.fstat(handle)
            if file_stat.st_size > max_bytes:
                allowed = f"at most {max_bytes / BYTES_PER_MB:g} MB"
                raise _argument_error(argument, f"has {file_stat.st_size / BYTES_PER_MB:.2f} MB", allowed)
            content = file.read(max_bytes + 1)
        if not content:
            raise _argument_error(argument, "is an empty file", "a file with content")
        return content

    def _resolve_path(self, argument: str, path_text: str) -> Path:
        if os.name == "nt" and _is_special_windows_path(path_text):
            raise _argument_error(argument, "is not a plain file path", self._describe_allowed())
        if "\0" in path_text:
            raise _argument_error(argument, "is not a file path", self._describe_allowed())
        try:
            real_path = Path(os.path.realpath(self.folders[0] / Path(path_text).expanduser()))
        except (OSError, RuntimeError, ValueError):
            raise _argument_error(argument, "is not a file path", self._describe_allowed()) from None
        is_inside = any(real_path.is_relative_to(os.path.realpath(folder)) for folder in self.folders)
        home = Path(os.path.realpath(self.home))
        # By name below the home: a link laid there does not open what it leads to.
        readable_folders = [home / part.relative_to(self.home) for part in self.readable_in_home]
        is_own_state = real_path.is_relative_to(home) and not any(
            real_path.is_relative_to(part) for part in readable_folders
        )
        if not is_inside or is_own_state:
            raise _argument_error(argument, "is outside the allowed folder", self._describe_allowed())
        return real_path

    def _create_folder(self) -> None:
        """Create the folder that files are to be put into, where it is our own and not there yet."""
        if self.folders[0].is_relative_to(self.home):
            with suppress(OSError):  # a home that can't be written shows itself elsewhere
                make_private_folder(self.folders[0])

    def _describe_allowed(self) -> str:
        return f"a file in {self.folders[0]}"


def _open_without_links(real_path: Path) -> int:
    """Open step by step, following no link: what was checked is what is opened."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    if os.open not in os.supports_dir_fd:
        return os.open(real_path, flags)
    folder = os.open(real_path.anchor, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in real_path.parts[1:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(real_path.name, flags | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)


def _is_special_windows_path(path_text: str) -> bool:
    """Network shares, devices and alternate streams."""
    path = PureWindowsPath(path_text)
    tail = path_text[len(path.drive) :]
    reserved = getattr(os.path, "isreserved", None)  # from Python 3.13, where the method is on its way out
    return path.drive.startswith("\\\\") or ":" in tail or (reserved(path_text) if reserved else path.is_reserved())


def _argument_error(argument: str, message: str, allowed: str) -> ShopError:
    problem = Problem(argument, message, allowed)
    hint = "Nothing was sent."
    if "folder" in message or "opened" in message:
        hint = "Put the file into the allowed folder, or set TIKTOK_SHOP_FILES to the folder it is in."
    return ShopError("invalid_arguments", f"{argument} {message}", hint=hint, problems=(problem,))
