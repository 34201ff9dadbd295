"""Tells a client why this server does not start, in the answer to its first request."""

from __future__ import annotations

import json
import queue
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INTERNAL_ERROR_CODE = -32603  # of JSON-RPC
PROBE_METHOD = "server/discover"
# A client that looks first goes on to `initialize` whatever the answer, and shows the error of that one alone.
NEXT_REQUEST_TIMEOUT_S = 2.0


class ServerGroup(click.Group):
    """A command that serves a client where no other command is named, and tells it of a wrong use or setting, too."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        given_arguments: Sequence[str] = tuple(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            if any(argument in self.commands for argument in given_arguments):
                raise
            _refuse_to_start(error)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if any(error.option_name in option.opts for option in self.params):
                flag, name = error.option_name, ctx.invoked_subcommand
                message = f"{error.message} It goes before the command: {ctx.info_name} {flag} … {name} …"
                raise click.UsageError(message, error.ctx) from None
            raise
        except click.ClickException as error:
            if ctx.invoked_subcommand is not None:
                raise
            _refuse_to_start(error)


def _refuse_to_start(error: click.ClickException) -> NoReturn:
    """Say why on standard error, then to the client, and exit."""
    error.show()
    _answer_requests(error.format_message())
    sys.exit(error.exit_code)


def _answer_requests(message: str) -> None:
    """Answer the client's first request with an error, and after a probe the next one, too, if it comes soon.

    Nobody is waited for where standard input is a terminal, or none at all.
    """
    try:
        if sys.stdin.isatty():
            return
        lines = _start_reading(sys.stdin.fileno())
    except (AttributeError, OSError):
        return
    for request in _iter_requests(lines):
        error = {"code": INTERNAL_ERROR_CODE, "message": message}
        try:
            sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            return
        if request["method"] != PROBE_METHOD:
            return


def _start_reading(descriptor: int) -> queue.SimpleQueue[bytes]:
    """The lines of a pipe as they come, at its end or where it can't be read an empty one.

    They are read without a buffer: a thread that waits in one would be found there, and killed, when Python ends.
    """
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read_lines() -> None:
        with suppress(OSError), open(descriptor, "rb", buffering=0, closefd=False) as pipe:
            while line := pipe.readline():
                lines.put(line)
        lines.put(b"")

    threading.Thread(target=read_lines, daemon=True).start()
    return lines


def _iter_requests(lines: queue.SimpleQueue[bytes]) -> Iterator[dict[str, Any]]:
    """The requests among the lines until they end, or none follows in time on one that was answered."""
    timeout_s: float | None = None
    while True:
        try:
            line = lines.get(timeout=timeout_s)
        except queue.Empty:
            return
        if not line:
            return
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict) and isinstance(message.get("method"), str) and "id" in message:
            yield message
            timeout_s = NEXT_REQUEST_TIMEOUT_S
