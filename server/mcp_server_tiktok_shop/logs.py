"""Logs go to standard error, a line a call, and no secret passes through them or through a result."""

from __future__ import annotations

import json
import logging
import re
import sys

HIDDEN = "[hidden]"
SHORTEST = 6  # Shorter values are no secrets, and hiding them would tear words apart.
# Of a long secret even its beginning is hidden, with what of it follows: a text may have been cut.
BEGINNING = 12
FOLLOWS = r"(?:[\w+/=.~-]|%[0-9a-f]{2}|\\+/|\\+u00[0-9a-f]{2})*"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Secrets:
    """The values that must not be shown, and the filter that takes them out of a text, however they are escaped."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        # For each: a plain piece of it, to see quickly that a text does not hold it, and the whole pattern.
        self._patterns: tuple[tuple[str, re.Pattern[str]], ...] = ()

    def learn(self, *values: str) -> None:
        new = {value for value in values if len(value) >= SHORTEST} - self._known
        if new:
            self._known |= new
            longest_first = sorted(self._known, key=len, reverse=True)
            self._patterns = tuple((_piece(value), _pattern(value)) for value in longest_first)

    def hide(self, text: str) -> str:
        """The text without the secrets; JSON stays JSON."""
        shown: str = text
        for piece, pattern in self._patterns:
            if piece in shown:
                shown = pattern.sub(HIDDEN, shown)
        return shown


def _piece(value: str) -> str:
    """The longest run in the beginning of a secret that no escaping changes."""
    runs: list[str] = re.findall(r"[A-Za-z0-9_]*", value[:BEGINNING])
    return max(runs, key=len)


def _pattern(value: str) -> re.Pattern[str]:
    cut = len(value) >= BEGINNING + 4
    escaped = "".join(map(_escaped, value[:BEGINNING] if cut else value))
    return re.compile(escaped + (FOLLOWS if cut else ""), re.IGNORECASE)


def _escaped(character: str) -> str:
    """A character as itself, and as JSON or a URL may write it, once or several times over."""
    if character.isascii() and (character.isalnum() or character == "_"):
        return character
    in_json = "".join(rf"\\+{unit}" for unit in re.findall(r"u[0-9a-f]{4}", json.dumps(character)))
    raw = character.encode("utf-8", "surrogatepass")
    in_url = "".join(f"%(?:25)*{byte:02x}" for byte in raw)
    in_bytes = "".join(rf"\\+x{byte:02x}" for byte in raw) + rf"|\\+x{ord(character):02x}"
    forms = [rf"\\*{re.escape(character)}", in_json or rf"\\+u{ord(character):04x}", in_url, in_bytes]
    return f"(?:{'|'.join(forms)}{'|[+]' if character == ' ' else ''})"


class _Hiding(logging.Formatter):
    """The last step before a line is written, so that tracebacks pass through it as well."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__(FORMAT)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return self._secrets.hide(super().format(record))


def one_line(text: str, longest: int = 60) -> str:
    """A name that came from outside, fit for a log line."""
    return "".join(c if c.isprintable() else "?" for c in text[:longest])


def set_up(secrets: Secrets, level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Hiding(secrets))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("httpx2", "httpcore2", "mcp", "asyncio"):  # they log URLs and bodies of their own accord
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
