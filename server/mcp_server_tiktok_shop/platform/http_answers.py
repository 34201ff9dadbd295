"""Reads an HTTP answer completely, unpacking its body piece by piece up to a limit."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.platform.envelope import HttpAnswer, UnusableAnswerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Sequence

    import httpx2

    from mcp_server_tiktok_shop.platform.direct_transport import DirectRequest, DirectTransport

MAX_ANSWER_BYTES = 50 * 2**20  # of a body, unpacked
ENCODING_HEADER = b"content-encoding"
BODY_HEADERS = frozenset((ENCODING_HEADER, b"content-length", b"transfer-encoding"))  # of the body as it was sent


async def send_directly(transport: DirectTransport, request: DirectRequest, url: str) -> HttpAnswer:
    """The answer to a request sent over a connection of ours. Raises as the transport, and UnusableAnswerError."""
    import httpx2  # noqa: PLC0415

    head, body = await transport.send(request)
    async with aclosing(body):
        if any(name.lower() == ENCODING_HEADER for name, _ in head.headers):
            response = httpx2.Response(head.status_code, headers=list(head.headers), stream=body)
            return await _read_answer(response, url)
        content = await _join_pieces(body, MAX_ANSWER_BYTES)
    return _make_answer(head.status_code, head.headers, content, url)


async def send_by_client(client: httpx2.AsyncClient, method: str, url: str, **parts: Any) -> HttpAnswer:
    """The answer to a request that httpx2 makes and sends. Raises as the client, and UnusableAnswerError."""
    async with client.stream(method, url, **parts) as response:
        return await _read_answer(response, url)


async def _read_answer(response: httpx2.Response, url: str) -> HttpAnswer:
    """An answer that is read as it comes, unpacked piece by piece."""
    content = await read_body(response, MAX_ANSWER_BYTES)
    return _make_answer(response.status_code, response.headers.raw, content, url)


def _make_answer(
    status_code: int, raw_headers: Sequence[tuple[bytes, bytes]], content: bytes | None, url: str
) -> HttpAnswer:
    """An answer, but for one that was given up where it became too large."""
    import httpx2  # noqa: PLC0415

    if content is None:
        raise UnusableAnswerError(f"its answer is larger than {MAX_ANSWER_BYTES // 2**20} MB")
    headers = httpx2.Headers([header for header in raw_headers if header[0].lower() not in BODY_HEADERS])
    return HttpAnswer(status_code, headers, content, url)


async def read_body(response: httpx2.Response, max_bytes: int) -> bytes | None:
    """The body of an open response, unpacked; None where it is larger than `max_bytes`, whatever it says of itself."""
    return await _join_pieces(response.aiter_bytes(), max_bytes)  # of a megabyte at most, however far they unpack


async def _join_pieces(pieces: AsyncIterable[bytes], max_bytes: int) -> bytes | None:
    content, size_bytes = [], 0
    async for piece in pieces:
        content.append(piece)
        size_bytes += len(piece)
        if size_bytes > max_bytes:
            return None
    return b"".join(content)
