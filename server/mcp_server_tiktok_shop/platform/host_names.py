"""Looks up host addresses in threads of its own, so that a name server that hangs blocks nothing else."""

from __future__ import annotations

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future

MAX_LOOKUPS = 8  # at a time: the API host, the auth host, and those of documents and images
SHARED_S = 5.0  # for so long a lookup under way is waited for; then a new one may be luckier

_threads = ThreadPoolExecutor(MAX_LOOKUPS, thread_name_prefix="host-names")
_lookups: dict[tuple[str | bytes, int], tuple[float, Future[list[tuple[Any, ...]]]]] = {}  # by when they began


async def look_up_host(host: str, port: int) -> list[tuple[Any, ...]]:
    """The addresses of a host for streams, as `socket.getaddrinfo` answers. Who asks meanwhile shares the answer.

    Raises:
        OSError: It has none, or nobody knows.
        UnicodeError: It is no name.

    """
    name = host.encode() if host.isascii() else host  # as bytes: of a text Python would look what IDNA makes of it
    key, now = (name, port), time.monotonic()
    began_at, lookup = _lookups.get(key, (0.0, None))
    for known_key in [known_key for known_key, (_, known) in _lookups.items() if known.done()]:
        del _lookups[known_key]
    if lookup is None or lookup.done() or now - began_at > SHARED_S:
        lookup = _threads.submit(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM)
        _lookups[key] = (now, lookup)
    return await asyncio.shield(asyncio.wrap_future(lookup))  # who gives up leaves it to the others
