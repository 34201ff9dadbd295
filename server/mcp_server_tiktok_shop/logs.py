"""The log on standard error, and the redactor that keeps secrets out of it and out of results."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import TracebackType

REDACTED = "[hidden]"
MIN_SECRET_CHARS = 6  # shorter values are no secrets, and redacting them would tear words apart
# Of a long secret the beginning alone is looked for, and redacted with what of it follows: a text may have been cut.
SECRET_PREFIX_CHARS = 12
MIN_REMAINDER_CHARS = 4
REMAINDER_PATTERN = r"(?:[\w+/=.~-]|%[0-9a-f]{2}|\\+/|\\+u00[0-9a-f]{2})*"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LIBRARY_LOGGERS = ("httpx2", "httpcore2", "mcp", "asyncio")  # below a warning they log URLs and bodies


class SecretRedactor:
    """Replaces secrets in a text by `[hidden]`, however JSON, a URL or a `repr` has escaped them."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        # A literal piece of each value, which tells quickly that it is not in a text, and the whole pattern.
        self._patterns: tuple[tuple[str, re.Pattern[str]], ...] = ()

    def register_secrets(self, *values: str) -> None:
        """Redact these values from now on; the longest goes first, since it may hold a shorter one.

        So are they without the characters that nobody sees, which are taken out of what leaves.
        """
        if self._values.issuperset(values):  # mostly so: each call registers what it reads
            return
        visible_values = ("".join(filter(str.isprintable, value)) for value in values)
        new_values = {value for value in (*values, *visible_values) if len(value) >= MIN_SECRET_CHARS} - self._values
        if new_values:
            self._values |= new_values
            longest_first = sorted(self._values, key=len, reverse=True)
            self._patterns = tuple((_find_literal_piece(value), _compile_pattern(value)) for value in longest_first)

    def redact_secrets(self, text: str) -> str:
        """The text without the secrets; JSON stays JSON."""
        redacted_text: str = text
        for literal_piece, pattern in self._patterns:
            if literal_piece in redacted_text:
                redacted_text = pattern.sub(REDACTED, redacted_text)
        return redacted_text


def _find_literal_piece(value: str) -> str:
    """The longest run in the beginning of a secret that no escaping changes."""
    runs: list[str] = re.findall(r"[A-Za-z0-9_]*", value[:SECRET_PREFIX_CHARS])
    return max(runs, key=len)


def _compile_pattern(value: str) -> re.Pattern[str]:
    is_prefix_only = len(value) >= SECRET_PREFIX_CHARS + MIN_REMAINDER_CHARS
    escaped = "".join(map(_escape_character, value[:SECRET_PREFIX_CHARS] if is_prefix_only else value))
    return re.compile(escaped + (REMAINDER_PATTERN if is_prefix_only else ""), re.IGNORECASE)


def _escape_character(character: str) -> str:
    """A character as itself, and as JSON or a URL may write it, once or several times over."""
    if character.isascii() and (character.isalnum() or character == "_"):
        return character
    in_json = "".join(rf"\\+{unit}" for unit in re.findall(r"u[0-9a-f]{4}", json.dumps(character)))
    raw = character.encode("utf-8", "surrogatepass")
    in_url = "".join(f"%(?:25)*{byte:02x}" for byte in raw)
    in_bytes = "".join(rf"\\+x{byte:02x}" for byte in raw) + rf"|\\+x{ord(character):02x}"
    forms = [rf"\\*{re.escape(character)}", in_json or rf"\\+u{ord(character):04x}", in_url, in_bytes]
    return f"(?:{'|'.join(forms)}{'|[+]' if character == ' ' else ''})"


class LogGuard(Protocol):
    """Takes out of a log what nobody may read there."""

    def guard_log_text(self, text: str) -> str:
        """The text without secrets and characters that nobody sees."""
        ...

    def guard_traceback(self, text: str) -> str:
        """The same for a traceback, whose exception may repeat what others wrote."""
        ...


class _GuardingFormatter(logging.Formatter):
    """The last step before a line is written, so that tracebacks pass through it as well."""

    def __init__(self, guard: LogGuard) -> None:
        super().__init__(LOG_FORMAT)
        self._guard = guard
        self._last_second: tuple[int, str] = (0, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - the library's name
        """The time with milliseconds; the lines of one second are written as the first of them was."""
        second, text = self._last_second
        if second != int(record.created):
            second, text = int(record.created), super().formatTime(record, datefmt).rpartition(",")[0]
            self._last_second = second, text
        return f"{text},{int(record.msecs):03}"

    def format(self, record: logging.LogRecord) -> str:
        return self._guard.guard_log_text(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        record.message = " ".join(record.message.splitlines())  # a name with a line's end in it begins no new line
        return super().formatMessage(record)

    def formatException(  # noqa: N802 - the library's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return self._guard.guard_traceback(super().formatException(ei))


def to_one_line(text: str, max_chars: int = 60) -> str:
    """A text that came from outside, fit for a log line: printable and short."""
    line = text[:max_chars]
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def configure_logging(guard: LogGuard, level: str) -> None:
    """Log to standard error from this level on, each line guarded; standard output is the protocol's."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_GuardingFormatter(guard))
    root = logging.getLogger()
    root.handlers = [handler]
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line tells them
    logging._srcfile = None  # noqa: SLF001 - nor where it was written: the library names this way to spare the search
    root.setLevel(level)
    for library in LIBRARY_LOGGERS:
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLevelName(level)))
