"""Process identity: whether the process that began something may still be there to end it."""

from __future__ import annotations

import os
import socket


class LocalProcesses:
    """The processes of this machine, by host name and process id."""

    @property
    def own_name(self) -> str:
        """The name of this process, unique on all machines that may share a home folder."""
        return f"{socket.gethostname()}/{os.getpid()}"

    def is_dead(self, name: str) -> bool:
        """Whether the process of that name surely is no more; False where that can't be known."""
        host, _, pid = name.rpartition("/")
        if host != socket.gethostname() or not pid.isdecimal() or os.name == "nt":  # signal 0 is no question there
            return False
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False
