"""The error of a command line, setting or file that a command can't use."""

from __future__ import annotations

import click


class CommandError(click.ClickException):
    """A plain sentence on standard error, and the exit code of a wrong use.

    It repeats no secret, but what was set or stands in a file: without the characters that a terminal would obey.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__("".join(c for c in message if c.isprintable() or c == "\n"))
