"""Answers a client's first requests while the SDK is loading, with the same bytes the SDK would send."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from msgspec import Struct, field

from mcp_server_tiktok_shop import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_server_tiktok_shop.calls.redaction.outgoing import SafeText
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.protocol.lines import Line

Era = Literal["handshake", "envelope"]  # of versions to 2025-11-25, and from 2026-07-28
SERVER_NAME, SERVER_TITLE = "tiktok-shop", "TikTok Shop"
HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
ENVELOPE_VERSION = "2026-07-28"
META_PREFIX = "io.modelcontextprotocol/"
VERSION_KEY, CAPABILITIES_KEY, CLIENT_KEY, SERVER_KEY = (
    f"{META_PREFIX}{name}" for name in ("protocolVersion", "clientCapabilities", "clientInfo", "serverInfo")
)
# A request that is longer, deeper or written in another way than clients write it is left to the SDK and its rules.
MAX_REQUEST_BYTES = 16_000
MAX_BRACKETS = 60
MAX_ID_NUMBER = 2**53
PLAIN_ID_PATTERN = re.compile(r"[ !#-\[\]-~]{0,200}")  # what JSON writes as it is
SURROGATE_PATTERN = re.compile(rb"\\u[dD][89a-fA-F]")
NOTIFICATION_PATTERN = re.compile(rb'\s*\{[^{}]*"method"\s*:\s*"notifications/')  # none of these settles an era
CLIENT_INFO_NAMES = {"name", "version", "title", "description", "websiteUrl"}
# What a client may say that it can do: `dict` is any object, a mapping the names that it may hold.
OBJECTS_BY_NAME = "objects by name"
CAPABILITY_SHAPES: Mapping[str, Any] = {
    "roots": {"listChanged": bool},
    "sampling": {"context": dict, "tools": dict},
    "elicitation": {"form": dict, "url": dict},
    "experimental": OBJECTS_BY_NAME,
    "extensions": OBJECTS_BY_NAME,
    "tasks": {
        "list": dict,
        "cancel": dict,
        "requests": {"elicitation": {"create": dict}, "sampling": {"createMessage": dict}},
    },
}
SERVER_CAPABILITIES = {
    "completions": {},
    "prompts": {"listChanged": False},
    "resources": {"listChanged": False, "subscribe": False},
    "tools": {"listChanged": False},
}
# Of the later era alone: the earlier one has no place for them.
SERVER_EXTENSIONS: Mapping[str, Json] = {f"{META_PREFIX}skills": {}}
SERVER_INFO = {"name": SERVER_NAME, "title": SERVER_TITLE, "version": __version__}


class Introduction(Struct, frozen=True):
    """What a client reads of this server before its first call: instructions, and the tools as they are listed."""

    instructions: SafeText
    tools: Sequence[Json]


class BacklogLine(Struct, frozen=True):
    """A line that the SDK is to read once it is there; `is_answered` where it is for its state alone."""

    line: Line
    is_answered: bool = False


class _Request(Struct, frozen=True):
    """A request as clients write it: no name twice, no fraction, nothing that JSON can write in two ways."""

    id: str | int
    method: str
    params: Mapping[str, Any]


class FirstAnswers(Struct):
    """Answers `initialize`, `server/discover` and `tools/list`, and keeps all else for the SDK, in order.

    `era` is settled by the same requests as in `eras`. While it is open, a request that is left to the SDK may settle
    it: then all that follows is left to it, too, as it is after a line that no client writes. `awaits_sdk` says that
    there is such a request.
    """

    introduction: Introduction
    serves_envelopes: bool
    era: Era | None = None
    backlog: list[BacklogLine] = field(default_factory=list)
    awaits_sdk: bool = False
    _is_over: bool = False

    def take(self, line: Line) -> bytes:
        """What answers a line, empty where it is not answered here."""
        request = _read_request(line) if isinstance(line, bytes) else None
        result = None if request is None or self._is_over else self._answer(request)
        if request is None or result is None:
            self.backlog.append(BacklogLine(line))
            if not (isinstance(line, bytes) and NOTIFICATION_PATTERN.match(line)):
                self.awaits_sdk = True
                self._is_over = self._is_over or request is None
            return b""
        if request.method == "initialize":
            self.backlog.append(BacklogLine(line, is_answered=True))
        return _encode({"jsonrpc": "2.0", "id": request.id, "result": result}) + b"\n"

    def _answer(self, request: _Request) -> Json | None:
        """The result of a request; None where the SDK has to find it."""
        is_open = self.era is None and not self.awaits_sdk
        params = request.params
        if request.method == "initialize" and is_open and _is_handshake(params):
            self.era = "handshake"
            return self._introduce(params["protocolVersion"])
        if request.method == "tools/list" and self.era == "handshake" and not params:
            return {"tools": [_to_handshake_form(tool) for tool in self.introduction.tools]}
        if not (self.serves_envelopes and (is_open or self.era == "envelope") and _is_envelope(params)):
            return None
        if request.method == "server/discover":
            return self._describe()
        if request.method == "tools/list":
            self.era = "envelope"
            return _to_envelope_form({"tools": list(self.introduction.tools)})
        return None

    def _introduce(self, version: str) -> Json:
        return {
            "capabilities": SERVER_CAPABILITIES,
            "instructions": self.introduction.instructions.text,
            "protocolVersion": version,
            "serverInfo": SERVER_INFO,
        }

    def _describe(self) -> Json:
        return _to_envelope_form(
            {
                "capabilities": dict(sorted({**SERVER_CAPABILITIES, "extensions": SERVER_EXTENSIONS}.items())),
                "instructions": self.introduction.instructions.text,
                "supportedVersions": [ENVELOPE_VERSION],
            }
        )


def _to_handshake_form(tool: Json) -> Json:
    """A tool as the earlier versions have it: the SDK writes the names in a schema in the order of its own model."""
    schema = tool["inputSchema"]
    return tool | {"inputSchema": {name: schema[name] for name in sorted(schema)}}


def _to_envelope_form(result: Json) -> Json:
    """A result as the later version has it: names in order, and last who answers."""
    whole = {"cacheScope": "private", "resultType": "complete", "ttlMs": 0} | result
    return {name: whole[name] for name in sorted(whole)} | {"_meta": {SERVER_KEY: SERVER_INFO}}


def _encode(message: Json) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _read_request(line: bytes) -> _Request | None:
    """The request in a line; None where it is anything else, or not written as clients write."""
    if len(line) > MAX_REQUEST_BYTES or line.count(b"{") + line.count(b"[") > MAX_BRACKETS:
        return None
    if SURROGATE_PATTERN.search(line):
        return None
    try:
        message = json.loads(
            line.decode(), object_pairs_hook=_build_object, parse_float=_refuse, parse_constant=_refuse
        )
    except ValueError:
        return None
    if not isinstance(message, dict) or not {"jsonrpc", "id", "method"} <= message.keys():
        return None
    request_id, method, params = message["id"], message["method"], message.get("params", {})
    if len(message) != 3 + ("params" in message) or message["jsonrpc"] != "2.0" or not isinstance(method, str):
        return None
    if isinstance(request_id, str):
        is_plain = PLAIN_ID_PATTERN.fullmatch(request_id) is not None
    else:
        is_plain = type(request_id) is int and 0 <= request_id < MAX_ID_NUMBER
    return _Request(request_id, method, params) if is_plain and isinstance(params, dict) else None


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("A name stands twice.")
    return members


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _is_handshake(params: Mapping[str, Any]) -> bool:
    return (
        params.keys() == {"protocolVersion", "capabilities", "clientInfo"}
        and params["protocolVersion"] in HANDSHAKE_VERSIONS
        and _fits(params["capabilities"], CAPABILITY_SHAPES)
        and _is_client_info(params["clientInfo"])
    )


def _is_envelope(params: Mapping[str, Any]) -> bool:
    """Whether the parameters are those that each request of the later version bears, and nothing else."""
    meta = params.get("_meta")
    return (
        len(params) == 1
        and isinstance(meta, dict)
        and meta.keys() <= {VERSION_KEY, CAPABILITIES_KEY, CLIENT_KEY}
        and meta.get(VERSION_KEY) == ENVELOPE_VERSION
        and _fits(meta.get(CAPABILITIES_KEY), CAPABILITY_SHAPES)
        and (CLIENT_KEY not in meta or _is_client_info(meta[CLIENT_KEY]))
    )


def _is_client_info(info: Any) -> bool:
    return (
        isinstance(info, dict)
        and {"name", "version"} <= info.keys() <= CLIENT_INFO_NAMES
        and all(isinstance(text, str) for text in info.values())
    )


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, type):
        return isinstance(value, shape)
    if not isinstance(value, dict):
        return False
    if shape == OBJECTS_BY_NAME:
        return all(isinstance(item, dict) for item in value.values())
    return all(name in shape and _fits(item, shape[name]) for name, item in value.items())
