"""Process identity: whether the process that began something may still be running to end it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

PROC = Path("/proc")
START_TIME_FIELD = 19  # of a line in /proc/<pid>/stat, counted from the state, which is field 0
DEAD_STATES = ("Z", "X")


class LocalProcesses:
    """The processes of this machine that this one can see.

    A name is host name, boot, namespace of process ids, and process id with the moment at which the process began: what
    Linux tells; elsewhere the parts that are not known are empty. Equal numbers in two containers, or before and after
    a restart, are not the same process.
    """

    @property
    def own_name(self) -> str:
        """The name of this process, unique on all machines that may share a home folder."""
        return f"{_name_namespace()}/{os.getpid()}.{_read_start_time(os.getpid())}"

    def is_dead(self, name: str) -> bool:
        """Whether the process of that name surely is no more; False where that can't be known."""
        namespace, _, process = name.rpartition("/")
        pid, _, start_time = process.partition(".")
        if os.name == "nt" or not pid.isdecimal():  # signal 0 is no question there
            return False
        if namespace != _name_namespace() and (_read_namespace_id() or namespace != socket.gethostname()):
            return False  # another machine or container; an earlier version's name does not say which of them
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            return False
        return bool(start_time) and _read_start_time(int(pid)) not in ("", start_time)


def read_boot_id() -> str:
    """What is the same for all processes from one start of the machine to the next; empty where that can't be known.

    The clocks of processes that have it in common count from the same moment.
    """
    return "".join(filter(None, (_read_text(PROC / "sys/kernel/random/boot_id"), _read_link(PROC / "self/ns/time"))))


def _name_namespace() -> str:
    return f"{socket.gethostname()}/{read_boot_id()}/{_read_namespace_id()}"


def _read_namespace_id() -> str:
    return _read_link(PROC / "self/ns/pid")


def _read_start_time(pid: int) -> str:
    """When a process began, in ticks since the start of the machine; "0" for one that has ended and was not buried.

    Empty where that can't be known, as where /proc shows the processes of another namespace.
    """
    if _read_link(PROC / "self") != str(os.getpid()):
        return ""
    fields = _read_text(PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(fields) <= START_TIME_FIELD:
        return ""
    return "0" if fields[0] in DEAD_STATES else fields[START_TIME_FIELD]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _read_link(path: Path) -> str:
    try:
        return path.readlink().name
    except OSError:
        return ""
