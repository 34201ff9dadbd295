"""Logs go to standard error, a line a call, and no secret passes through them."""

from __future__ import annotations

import json
import logging
import sys
from urllib.parse import quote

HIDDEN = "[hidden]"
SHORTEST = 6  # Shorter values are no secrets, and hiding them would tear words apart.
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Secrets:
    """The values that must not be shown, and the filter that takes them out of a text."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._longest_first: tuple[str, ...] = ()

    def learn(self, *values: str) -> None:
        for value in values:
            if len(value) >= SHORTEST and value not in self._forms:
                self._forms |= {value, json.dumps(value)[1:-1], quote(value, safe="")}
                self._longest_first = tuple(sorted(self._forms, key=len, reverse=True))

    def hide(self, text: str) -> str:
        for form in self._longest_first:
            if form in text:
                text = text.replace(form, HIDDEN)
        return text


class _Hiding(logging.Formatter):
    """The last step before a line is written, so that tracebacks pass through it as well."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__(FORMAT)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return self._secrets.hide(super().format(record))


def set_up(secrets: Secrets, level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Hiding(secrets))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("httpx2", "httpcore2", "mcp", "asyncio"):  # they log URLs and bodies of their own accord
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
