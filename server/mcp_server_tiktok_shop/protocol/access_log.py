"""The access log: a line of JSON for each tool call, with who made it and its outcome, without arguments."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.logs import to_one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

MAX_USER_CHARS = 200

log = logging.getLogger(__name__)


class AccessLog(Struct, frozen=True):
    """Writes to `stream`; what leaves passes `guard_text`, which hides secrets."""

    stream: TextIO
    guard_text: Callable[[str], str]

    def record_call(self, tenant_id: str | None, user: str, tool: str, outcome: str, seconds: float) -> None:
        """`tenant_id` and `user` are those of the caller's access token, left out and empty where it says nothing."""
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **({} if tenant_id is None else {"tenant": to_one_line(tenant_id, MAX_USER_CHARS)}),
            "user": to_one_line(user, MAX_USER_CHARS),
            "tool": tool,
            "outcome": outcome,
            "ms": round(seconds * 1000),
        }
        try:
            self.stream.write(self.guard_text(json.dumps(entry)) + "\n")
            self.stream.flush()
        except OSError as error:  # a full disk is no reason to keep from a caller what came of a write
            log.error("The access log can't be written: %s", error.strerror)  # noqa: TRY400 - it is no fault of ours


def open_access_log(path: Path | None, guard_text: Callable[[str], str]) -> AccessLog:
    """A log that goes on in the file of this path, its owner's alone; without one, on standard error.

    Raises:
        OSError: The file can't be opened.

    """
    if path is None:
        return AccessLog(sys.stderr, guard_text)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return AccessLog(os.fdopen(descriptor, "a", encoding="utf-8"), guard_text)
