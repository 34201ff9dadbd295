"""A struct for data that must not get into logs or tracebacks: its repr is its name alone."""

from __future__ import annotations

from msgspec import Struct


class PrivateStruct(Struct, frozen=True):
    """A struct whose fields are never shown, such as an answer of the platform, or a token pair."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"
