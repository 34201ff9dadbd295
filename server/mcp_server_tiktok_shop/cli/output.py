"""Prints what a command answers: lines for people or one JSON object for scripts, guarded like all output."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
from mcp_server_tiktok_shop.logs import SecretRedactor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from mcp_server_tiktok_shop.calls.redaction.outgoing import SafeText
    from mcp_server_tiktok_shop.errors import ShopError
    from mcp_server_tiktok_shop.settings import Settings

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


class MarkedLine(Struct, frozen=True):
    """A line behind a word of ours in a colour; in a text of others, a terminal's own characters are taken out."""

    mark: str
    colour: str
    text: str


class Output:
    """Standard output and standard error of one command: the one place that writes there."""

    def __init__(self, guard: OutgoingGuard) -> None:
        self.guard = guard

    @classmethod
    def from_settings(cls, settings: Settings) -> Output:
        """For a command that builds no app: it knows the secrets of the settings alone."""
        secrets = SecretRedactor()
        secrets.register_secrets(*settings.collect_secrets())
        return cls(OutgoingGuard(secrets, settings.buyer_data))

    def print_line(self, line: str | MarkedLine, *, err: bool = False) -> None:
        if isinstance(line, MarkedLine):
            _write(self.guard.guard_text(line.text), err=err, prefix=f"{click.style(line.mark, fg=line.colour)} ")
        else:
            _write(self.guard.guard_text(line), err=err)

    def print_error(self, error: ShopError) -> None:
        """An error that ends a command, with what to do, on standard error."""
        _write(self.guard.guard_error(error), err=True, prefix="Error: ")

    def print_json(self, value: Any, *, indent: int | None = None, ensure_ascii: bool = False) -> None:
        _write(self.guard.guard_json(value, indent=indent, ensure_ascii=ensure_ascii))

    def print_report(
        self,
        report: dict[str, Any],
        lines: Iterable[str | MarkedLine],
        *,
        as_json: bool,
        ensure_ascii: bool = False,
    ) -> None:
        """The same facts once: as JSON where a script asks for it, else as lines."""
        if as_json:
            self.print_json(report, indent=2, ensure_ascii=ensure_ascii)
            return
        for line in lines:
            self.print_line(line)

    def guard_crashes(self) -> None:
        """From now on a fault of this program that ends the process is printed without what nobody may read there."""

        def print_traceback(kind: type[BaseException], fault: BaseException, frames: TracebackType | None) -> None:
            text = "".join(traceback.format_exception(kind, fault, frames))
            _write(self.guard.guard_text(self.guard.guard_traceback(text)), err=True)

        sys.excepthook = print_traceback

    def to_label(self, text: str) -> str:
        """A text as a progress bar on the terminal may bear it."""
        return self.guard.guard_text(text).text

    @property
    def is_at_terminal(self) -> bool:
        """Whether a person reads it as it is written."""
        return sys.stdout.isatty()

    def ask(self, question: str) -> bool:
        """Whether the person at the terminal says yes, on standard error; waits for it."""
        return _confirm(self.guard.guard_text(question))


def _write(text: SafeText, *, err: bool = False, prefix: str = "") -> None:
    click.echo(f"{prefix}{text.text}", err=err)


def count_accounts(count: int) -> str:
    return f"{count} account{'s' * (count != 1)}"


def _confirm(question: SafeText) -> bool:
    return click.confirm(question.text, err=True)
