"""Disks that are full, and processes to try them on."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_BYTES = 4096
needs_limits = pytest.mark.skipif(sys.platform != "linux", reason="limits of another process can be set on Linux alone")
needs_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root of a Linux can mount a small disk"
)


def find_servers(home: Path) -> list[int]:
    """The processes whose environment names this home."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TIKTOK_SHOP_HOME={home}\0".encode() in environment.read_bytes():
                found.append(int(environment.parent.name))
        except OSError:  # it has just ended, or is another's
            continue
    return found


def refuse_writing(pid: int, *, refuse: bool) -> None:
    """Let a process write to no file any more, as on a full disk, or to all again."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if refuse else hard, hard))


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """A disk of a few bytes, mounted in a folder."""
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:  # noqa: S603
        pytest.skip("this machine lets nobody mount a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: S603, S607


def fill(disk: Path) -> None:
    """Take all room that is left, page by page."""
    try:
        with (disk / "filler").open("ab", buffering=0) as filler:
            while filler.write(b"x" * PAGE_BYTES):
                pass
    except OSError:
        return


def empty(disk: Path) -> None:
    (disk / "filler").unlink(missing_ok=True)
