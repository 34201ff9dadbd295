"""The error of a command line, a setting or a file that a command can't work with."""

from __future__ import annotations

import click


class CommandError(click.ClickException):
    """A plain sentence on standard error, and the exit code of a wrong use."""

    exit_code = 2
