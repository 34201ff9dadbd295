"""A stand-in for the platform that keeps every request exactly as it came on the wire."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from tests.conftest import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

SHOPS_PATH = "/authorization/202309/shops"
TOKEN_PATHS = ("/api/v2/token/get", "/api/v2/token/refresh")

TEA = {
    "id": "7495540735365777507",
    "name": "Leaf and Kettle",
    "region": "GB",
    "seller_type": "LOCAL",
    "cipher": "GCP_XF90igAAAABh00qsWgtvOiGFNqyubMt3",
    "code": "GBLCTEA001",
}
COFFEE = {
    "id": "7496000000000000042",
    "name": "Bean and Grinder",
    "region": "DE",
    "seller_type": "CROSS_BORDER",
    "cipher": "ROW_mQw8nQAAAACg9xKPtTv3Q1ZpO2eY",
    "code": "DECBCOF002",
}

NEW_ACCESS_TOKEN = "GCP_a_new_access_token"
NEW_REFRESH_TOKEN = "GCP_a_new_refresh_token"
IN_THE_YEAR_2100 = 4102444800
NEW_TOKENS = {
    "access_token": NEW_ACCESS_TOKEN,
    "access_token_expire_in": IN_THE_YEAR_2100,
    "refresh_token": NEW_REFRESH_TOKEN,
    "refresh_token_expire_in": IN_THE_YEAR_2100,
    "open_id": "7010736057180325637",
    "seller_name": "Leaf and Kettle Ltd",
    "seller_base_region": "GB",
    "user_type": 0,
    "granted_scopes": ["seller.authorization.info", "seller.shop.info", "seller.order.info"],
}


@dataclass(frozen=True)
class Request:
    """One request, undecoded: `target` is the request line's path and query, byte for byte."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def raw_path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """Give the header's value; None where it is absent; one sent twice is a fault of the client."""
        values = [value for key, value in self.headers if key.lower() == name]
        assert len(values) <= 1, f"header {name} was sent {len(values)} times"
        return values[0] if values else None

    @property
    def media_type(self) -> str | None:
        value = self.header("content-type")
        return None if value is None else value.partition(";")[0].strip().lower()


@dataclass
class Answer:
    """What to answer to requests whose path starts with `prefix`; the one told last is asked first."""

    prefix: str
    data: Any
    code: int
    message: str
    status: int
    headers: Mapping[str, str]
    times: int | None


@dataclass
class Recorder:
    """`async with Recorder() as recorder:` listens on loopback until the block ends."""

    shops: list[dict[str, str]] = field(default_factory=lambda: [TEA])
    requests: list[Request] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    url: str = ""
    _server: asyncio.Server | None = None
    _conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    @property
    def calls(self) -> list[Request]:
        """The requests but for those that ask which shops there are."""
        return [request for request in self.requests if request.raw_path != SHOPS_PATH]

    def get_calls(self, tool: str) -> list[Request]:
        """The calls of one operation, without what was looked up around a write."""
        record = CATALOG.operations[tool].record
        path = re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(record["path"])))
        return [call for call in self.calls if call.method == record["method"] and path.fullmatch(call.raw_path)]

    @property
    def shop_calls(self) -> list[Request]:
        return [request for request in self.requests if request.raw_path == SHOPS_PATH]

    def answer(
        self,
        path_prefix: str,
        *,
        data: Any = None,
        code: int = 0,
        message: str = "Success",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> None:
        """Answer paths that start so from now on, or as often as `times` says."""
        self.answers.append(Answer(path_prefix, data, code, message, status, headers or {}, times))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        conversations = dict(self._conversations)
        for writer in conversations.values():
            writer.close()
        # Closing the writer ends the reader too: each conversation comes to its own end, none is cut off.
        await asyncio.gather(*conversations, return_exceptions=True)
        await self._server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations[task] = writer
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                writer.write(self._respond(request))
                await writer.drain()
                if (request.header("connection") or "").lower() == "close":
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            del self._conversations[task]
            writer.close()

    def _respond(self, request: Request) -> bytes:
        answer = self._choose(request.raw_path)
        envelope = {
            "code": answer.code,
            "message": answer.message,
            "request_id": f"20261122093000{len(self.requests):020X}",
            "data": answer.data,
        }
        body = json.dumps(envelope).encode()
        headers = {
            "content-type": "application/json; charset=utf-8",
            "content-length": str(len(body)),
            **answer.headers,
        }
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _choose(self, path: str) -> Answer:
        for answer in reversed(self.answers):
            if not path.startswith(answer.prefix) or answer.times == 0:
                continue
            if answer.times is not None:
                answer.times -= 1
            return answer
        if path == SHOPS_PATH:
            return _success({"shops": self.shops})
        if path in TOKEN_PATHS:
            # The auth host writes the word small , the API host with a capital.
            return _success(NEW_TOKENS, "success")
        return _success({})


def _success(data: Any, message: str = "Success") -> Answer:
    return Answer("", data, 0, message, 200, {}, None)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None where the client has hung up between requests."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as hung_up:
        if hung_up.partial:
            raise
        return None
    request_line, *header_lines = head[:-4].decode("latin-1").split("\r\n")
    method, target, version = request_line.split(" ")
    assert version == "HTTP/1.1", version
    headers = tuple(_header(line) for line in header_lines)
    fields = {name.lower(): value for name, value in headers}
    if fields.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(fields.get("content-length", "0")))
    return Request(method, target, headers, body)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip(" \t")


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while (await reader.readline()) not in (b"\r\n", b""):
        pass
    return bytes(body)
