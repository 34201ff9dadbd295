"""Serves an application over HTTP until a signal, then lets running requests end and refuses new ones."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from starlette.types import ASGIApp

KEEP_ALIVE_S = 75  # that a connection may be idle
DRAIN_TIMEOUT_S = 50.0  # for requests under way when the process is told to end: longer than a call may take
CUT_OFF_TIMEOUT_S = 2  # for those that are left then; a write among them is still waited for, by who closes the server


class Drain(Struct):
    """The requests under way, and whether no more are taken."""

    requests: int = 0
    has_begun: bool = False

    @contextmanager
    def count_request(self) -> Iterator[None]:
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1


class WebServer(uvicorn.Server):
    """Drains at the first signal, while connections are still taken to be told so; cuts off at the second.

    A signal ends what is served and nothing else: uvicorn's own handler raises it again, which ends the process before
    whoever serves could close what is behind it.
    """

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_until = 0.0

    def handle_exit(self, _sig: int, _frame: FrameType | None) -> None:
        if self._drain.has_begun:
            self.should_exit = True
        else:
            self._drain_until = time.monotonic() + DRAIN_TIMEOUT_S
            self._drain.has_begun = True

    async def on_tick(self, counter: int) -> bool:
        is_drained = self._drain.requests == 0 or time.monotonic() >= self._drain_until
        if self._drain.has_begun and is_drained:
            self.should_exit = True
        return await super().on_tick(counter)


def build_web_server(app: ASGIApp, drain: Drain | None = None) -> WebServer:
    """What serves an application; `drain` is where that counts its requests, and looks whether it takes more."""
    config = uvicorn.Config(
        app,
        http="h11",  # also where another parser is there: what is refused, and when, should not depend on that
        log_config=None,
        log_level="warning",
        access_log=False,  # each call has a line of its own
        server_header=False,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=CUT_OFF_TIMEOUT_S,
    )
    return WebServer(config, drain or Drain())
