"""The table of commands; a command's module is imported when it is looked up."""

from __future__ import annotations

import pkgutil
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by name, as `click.Group` takes them: a start as a server imports none, `--help` all of them.

    `entry_points` tells where each is defined, as `module:attribute`.
    """

    def __init__(self, entry_points: Mapping[str, str]) -> None:
        self._entries: dict[str, str | click.Command] = dict(entry_points)

    def __getitem__(self, name: str) -> click.Command:
        entry = self._entries[name]
        if isinstance(entry, str):
            command: click.Command = pkgutil.resolve_name(entry)
            self._entries[name] = entry = command
        return entry

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._entries[name] = command

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
