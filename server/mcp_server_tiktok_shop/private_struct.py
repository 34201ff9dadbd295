"""What holds data that must not get into a log or a traceback: shown, it gives its name alone."""

from __future__ import annotations

from msgspec import Struct


class PrivateStruct(Struct, frozen=True):
    """A struct whose fields are never shown, such as an answer of the platform, or a token pair."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"
