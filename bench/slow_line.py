"""A line to a local server that is as long as one over the sea: each round trip over it takes its time."""

from __future__ import annotations

import asyncio
import sys


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Pass on what comes, each piece so much later, in the order in which it came."""
    loop = asyncio.get_running_loop()
    pending: set[asyncio.TimerHandle] = set()
    while data := await reader.read(2**16):
        pending.add(loop.call_later(delay_s, writer.write, data))
    loop.call_later(delay_s, writer.close)


async def _serve(port: int, round_trip_s: float) -> None:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(round_trip_s)  # of the connection itself
        there, onward = await asyncio.open_connection("127.0.0.1", port)
        half_s = round_trip_s / 2
        await asyncio.gather(_pump(reader, onward, half_s), _pump(there, writer, half_s))

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
