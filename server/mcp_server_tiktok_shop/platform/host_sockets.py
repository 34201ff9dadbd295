"""Opens a TCP socket to the first address of a host that answers (RFC 8305), and closes the others."""

from __future__ import annotations

import asyncio
import socket
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.platform.host_names import look_up_host

if TYPE_CHECKING:
    from collections.abc import Sequence

NEXT_ADDRESS_DELAY_S = 0.25  # until the next address of a host is tried beside the last

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


async def open_socket(host: str, port: int) -> socket.socket:
    """A socket that is connected.

    Raises:
        OSError: The host has no address, or none answers; as the first of them failed.

    """
    addresses = await _resolve(host, port)
    attempts: list[asyncio.Task[socket.socket]] = []
    winner: socket.socket | None = None
    try:
        for number, address in enumerate(addresses):
            attempts.append(asyncio.create_task(_connect(address)))
            is_last = number == len(addresses) - 1
            winner = await _find_winner(attempts, None if is_last else NEXT_ADDRESS_DELAY_S)
            if winner is not None:
                return winner
        raise attempts[0].exception() or OSError("no address")
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(lambda task: _close_loser(task, winner))


async def _resolve(host: str, port: int) -> Sequence[Address]:
    """The addresses of a host, those of its first one's family and of the other in turn."""
    addresses = [(info[0], info[4]) for info in await look_up_host(host, port)]
    same = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain(*zip_longest(same, others)) if address is not None]


async def _connect(address: Address) -> socket.socket:
    family, place = address
    tcp_socket = socket.socket(family, socket.SOCK_STREAM)
    try:
        tcp_socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(tcp_socket, place)
    except BaseException:
        tcp_socket.close()
        raise
    return tcp_socket


async def _find_winner(attempts: list[asyncio.Task[socket.socket]], timeout: float | None) -> socket.socket | None:  # noqa: ASYNC109
    """The socket of the first attempt that succeeds in time; None where none does, or where the last failed before."""
    pending = {attempt for attempt in attempts if not attempt.done()}
    until = None if timeout is None else asyncio.get_running_loop().time() + timeout
    while pending:
        left_s = None if until is None else max(0.0, until - asyncio.get_running_loop().time())
        done, pending = await asyncio.wait(pending, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        for attempt in done:
            if attempt.exception() is None:
                return attempt.result()
        if not done or (until is not None and attempts[-1].done()):
            return None
    return None


def _close_loser(attempt: asyncio.Task[socket.socket], winner: socket.socket | None) -> None:
    if not attempt.cancelled() and attempt.exception() is None and attempt.result() is not winner:
        attempt.result().close()
