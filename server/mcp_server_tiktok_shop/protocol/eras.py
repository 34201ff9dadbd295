"""Serves one connection in the era of the protocol that its client settles on, and until then in both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import anyio
from mcp.server.runner import serve_dual_era_loop
from mcp.shared.message import SessionMessage
from mcp.types import PROTOCOL_VERSION_META_KEY, JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.server import Server
    from mcp.server.models import InitializationOptions
    from mcp.shared._stream_protocols import ReadStream, WriteStream

    from mcp_server_tiktok_shop.protocol.first_answers import Era

Incoming = SessionMessage | Exception
RequestId = str | int
OPENING_METHOD = "initialize"
PROBE_METHOD = "server/discover"


class Connection(Struct):
    """Shares the two streams of a connection between a loop of the SDK for each era.

    A loop settles on the era of the first request it sees, be it a probe that the client has stopped waiting for. So
    each gets its own requests alone, and `era` is settled here, by the first request that works: `initialize`, or one
    of the later era that is no probe. From then on all goes to that loop, which refuses what is not of its era.
    """

    write_stream: WriteStream[SessionMessage]
    inlets: dict[Era, MemoryObjectSendStream[Incoming]]
    era: Era | None = None
    methods_in_flight: dict[tuple[Era, RequestId], str] = field(default_factory=dict)
    opening_end: anyio.Event = field(default_factory=anyio.Event)

    async def deliver(self, incoming: Incoming) -> None:
        """Hand what the client sent to the loop that it is for; before the era is settled, a notification to both."""
        message = incoming.message if isinstance(incoming, SessionMessage) else None
        if self.era is not None:
            await self.inlets[self.era].send(incoming)
        elif isinstance(message, JSONRPCRequest):
            await self._deliver_opening(incoming, message)
        elif isinstance(message, JSONRPCNotification):
            for inlet in self.inlets.values():
                await inlet.send(incoming)
        else:  # an answer to a request of ours, which the handshake era alone has, or what is no message
            await self.inlets["handshake"].send(incoming)

    async def _deliver_opening(self, incoming: Incoming, request: JSONRPCRequest) -> None:
        """Hand over a request while the era is open.

        What follows on `initialize` waits until it is answered, so that the order in which a client asks decides and
        not how much of it had come before this server was ready.
        """
        is_opening = request.method == OPENING_METHOD
        era: Era = "envelope" if not is_opening and _has_envelope(request.params) else "handshake"
        self.methods_in_flight[era, request.id] = request.method
        if is_opening:
            self.opening_end = anyio.Event()
        await self.inlets[era].send(incoming)
        if is_opening:
            await self.opening_end.wait()

    async def write(self, era: Era, outgoing: SessionMessage) -> None:
        """Send what the loop of an era wrote; a result settles the era before the client sees it."""
        message = outgoing.message
        if self.era is None and isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
            method = self.methods_in_flight.pop((era, message.id), None)
            works = isinstance(message, JSONRPCResponse)
            if works and (method == OPENING_METHOD if era == "handshake" else method not in (None, PROBE_METHOD)):
                self.era = era
                self.methods_in_flight.clear()
            if method == OPENING_METHOD:
                self.opening_end.set()
        await self.write_stream.send(outgoing)


class EraWriteStream(Struct, frozen=True):
    """What the loop of an era writes to; the connection's stream is closed when both have ended."""

    connection: Connection
    era: Era

    async def send(self, item: SessionMessage, /) -> None:
        await self.connection.write(self.era, item)

    async def aclose(self) -> None:
        return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        return


async def serve_connection(
    server: Server[Any],
    read_stream: ReadStream[Incoming],
    write_stream: WriteStream[SessionMessage],
    *,
    lifespan_state: Any,
    init_options: InitializationOptions,
    era: Era | None = None,
) -> None:
    """Serve the client at the other end of two streams until it goes away; `era` is the one that is settled already.

    Then one loop of the SDK has the streams to itself: there is nothing to share.
    """
    if era is not None:
        await serve_dual_era_loop(
            server, read_stream, write_stream, lifespan_state=lifespan_state, init_options=init_options
        )
        return
    inlets: dict[Era, MemoryObjectSendStream[Incoming]] = {}
    outlets: dict[Era, MemoryObjectReceiveStream[Incoming]] = {}
    eras: tuple[Era, ...] = ("handshake", "envelope")
    for each in eras:
        inlets[each], outlets[each] = anyio.create_memory_object_stream[Incoming]()
    connection = Connection(write_stream, inlets)

    async def serve_era(era: Era) -> None:
        await serve_dual_era_loop(
            server,
            outlets[era],
            EraWriteStream(connection, era),
            lifespan_state=lifespan_state,
            init_options=init_options,
        )

    async with write_stream, read_stream, anyio.create_task_group() as loops:
        for each in eras:
            loops.start_soon(serve_era, each)
        try:
            async for incoming in read_stream:
                await connection.deliver(incoming)
        finally:
            for inlet in inlets.values():
                inlet.close()


def _has_envelope(params: Mapping[str, Any] | None) -> bool:
    """Whether a request says its version by itself, as all do in the later era."""
    meta = (params or {}).get("_meta")
    return isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta
