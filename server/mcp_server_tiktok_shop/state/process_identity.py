"""Tells whether the process that began something is still there to end it."""

from __future__ import annotations

import os
import socket


def get_process_name() -> str:
    """The name of this process, on all computers that may share a home folder."""
    return f"{socket.gethostname()}/{os.getpid()}"


def is_process_dead(name: str) -> bool:
    """Whether the process of that name surely is no more; False where that can't be known."""
    host, _, pid = name.rpartition("/")
    if host != socket.gethostname() or not pid.isdecimal() or os.name == "nt":  # a signal 0 is no question there
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
