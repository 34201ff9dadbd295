"""Owner-only files and folders: created so, replaced as a whole, locked across processes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

LOCK_SUFFIX = ".lock"
LOCK_TIMEOUT_S = 10.0  # what is done under a lock takes milliseconds, but for renewals: those have a limit of their own
PARTIAL_SUFFIX = ".new"  # of a file that is being written, or was left so by a process that was killed
MAX_REPLACE_ATTEMPTS = 20  # A scanner or an editor may hold the file for a moment.
REPLACE_PAUSE_S = 0.05
MIN_FREE_BYTES = 2**20
FULL_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT)
HOME_HINT = (
    "Free disk space, correct the folder's permissions, or set TIKTOK_SHOP_HOME to a folder that you can write to."
)


def make_storage_error(path: Path, action: str, error: OSError) -> ShopError:
    """The refusal for a file or folder that can't be used; `action` is what was to be done: `read` or `written`."""
    reason = "another process does not let go of it" if isinstance(error, TimeoutError) else error.strerror
    if error.errno in FULL_DISK_ERRORS:
        reason = f"the disk is full ({reason})"
    message = f"{path} can't be {action}: {reason or type(error).__name__}."
    return ShopError("not_configured", message, hint=HOME_HINT)


def find_folder_fault(folder: Path) -> str:
    """Why a folder, or the one it is to be made in, can't be written; empty where it can. Nothing is written for it."""
    existing = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), folder)
    if not existing.is_dir():
        return f"{existing} is no folder"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} may not be written"
    try:
        return f"{existing} is full" if shutil.disk_usage(existing).free < MIN_FREE_BYTES else ""
    except OSError:  # not every file system tells its room
        return ""


def to_json_bytes(data: Any, indent: int | None = None) -> bytes:
    """Data as JSON in UTF-8 for a file: in characters, or in escapes where half a character in it allows no others."""
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(data, ensure_ascii=False, separators=separators, indent=indent).encode()
    except UnicodeEncodeError:
        return json.dumps(data, separators=separators, indent=indent).encode()


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, their owner's alone.

    Raises:
        OSError: It can't be made.

    """
    if not folder.parent.exists():
        make_private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def make_partial_path(folder: Path) -> Path:
    """Where a file of a folder may be begun, which counts for nothing before it has its name."""
    return folder / f"{time.time_ns()}{PARTIAL_SUFFIX}"


def open_private(path: str, flags: int) -> int:
    """An opener of files that are their owner's alone."""
    return os.open(path, flags, 0o600)


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """No other process is in here for the same file; its folder is made where it is missing.

    Raises:
        OSError: The folder can't be made, or another process has not let go within LOCK_TIMEOUT_S.

    """
    from filelock import FileLock  # noqa: PLC0415 - only when something is to be stored

    make_private_folder(path.parent)
    with FileLock(path.with_suffix(LOCK_SUFFIX), timeout=LOCK_TIMEOUT_S):
        yield


def write_private_file(
    path: Path, content: bytes, check: Callable[[bytes], None] | None = None, *, survives_power_cut: bool = True
) -> None:
    """Put a file in place as a whole, readable by its owner alone: old or new, never half of one.

    `check` sees what the disk gives back of the new file, and stops its being put in place by raising. One that need
    not survive a power cut is not waited for until the disk has it; after a power cut it may be there without content.

    Raises:
        OSError: It can't be written; the old one is as it was.

    """
    make_private_folder(path.parent)
    with NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=PARTIAL_SUFFIX, delete=False) as file:
        # It is made with mode 0600.
        _put_in_place(Path(file.name), file, path, content, check, survives_power_cut=survives_power_cut)


def set_room_aside(path: Path, size: int) -> None:
    """Take disk space for what `write_into_room` is to put in place of a file, so that it can't be lacking then.

    Raises:
        OSError: There is none.

    """
    make_private_folder(path.parent)
    room_path = _name_room(path)
    try:
        with os.fdopen(os.open(room_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        room_path.unlink(missing_ok=True)
        raise


def write_into_room(path: Path, content: bytes, check: Callable[[bytes], None] | None = None) -> None:
    """As `write_private_file`, into the space that `set_room_aside` took, where it did."""
    room_path = _name_room(path)
    try:
        file = room_path.open("r+b")
    except FileNotFoundError:
        write_private_file(path, content, check)
        return
    with file:
        _put_in_place(room_path, file, path, content, check)


def give_room_back(path: Path) -> None:
    """Delete what `set_room_aside` made of a file, where it was not used."""
    _name_room(path).unlink(missing_ok=True)


def _name_room(path: Path) -> Path:
    """Named so that it goes with what `delete_partial_files` deletes, should its process be killed."""
    return path.with_name(f"{path.name}.room{PARTIAL_SUFFIX}")


def _put_in_place(
    partial_path: Path,
    file: IO[bytes],
    path: Path,
    content: bytes,
    check: Callable[[bytes], None] | None,
    *,
    survives_power_cut: bool = True,
) -> None:
    """Write the content to the disk under its partial name, which is open as `file`, and give it its own."""
    try:
        file.write(content)
        file.truncate()
        file.flush()
        if survives_power_cut:
            os.fsync(file.fileno())
        if check is not None:
            check(partial_path.read_bytes())
    except BaseException:
        with suppress(OSError):  # what could not be written can't be when it is closed either
            file.close()
        partial_path.unlink(missing_ok=True)
        raise
    file.close()  # on Windows an open file can't be renamed
    _replace(partial_path, path, survives_power_cut=survives_power_cut)


def check_writable(path: Path, content: bytes) -> None:
    """Write what may become the content of a file, without touching the file.

    Raises:
        OSError: It can't be written.

    """
    with NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=PARTIAL_SUFFIX) as file:
        file.write(content)
        file.flush()


def _replace(partial_path: Path, path: Path, *, survives_power_cut: bool) -> None:
    for attempt in range(MAX_REPLACE_ATTEMPTS):
        try:
            partial_path.replace(path)
            break
        except PermissionError:
            if os.name != "nt" or attempt == MAX_REPLACE_ATTEMPTS - 1:
                partial_path.unlink(missing_ok=True)
                raise
            time.sleep(REPLACE_PAUSE_S)
        except OSError:
            partial_path.unlink(missing_ok=True)
            raise
    if survives_power_cut and os.name != "nt":  # the rename itself must, too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def delete_partial_files(path: Path) -> None:
    """Delete what killed processes left half-written of a file; only for one who has the lock."""
    for leftover in path.parent.glob(f"{path.name}*{PARTIAL_SUFFIX}"):
        leftover.unlink(missing_ok=True)
