"""The platform's no, raised wherever it is found and answered in one place: the gateway."""

from __future__ import annotations


class RefusalError(Exception):
    """The platform says no: a code, its words, the HTTP status that it says it with, and seconds to wait, if any."""

    def __init__(self, code: int, message: str, status: int = 200, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after
