"""What every request and every refusal must have in common, asserted in one place."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from tests.keys import ACCESS_TOKEN, APP_KEY, APP_SECRET, reply

from .recorder import TEA
from .verifier import expected_sign, sent_sign, split

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from mcp import Client
    from mcp.types import CallToolResult

    from .recorder import Recorder, Request
    from .requests_table import Row


FILLED = "idempotency_key"


class Connect(Protocol):
    """The fixture: a client in memory whose server sends to these hosts."""

    def __call__(self, *, api_url: str, auth_url: str, **settings: Any) -> AbstractAsyncContextManager[Client]: ...


def path_of(request: Request) -> str:
    return split(request.target)[0].decode()


def query_of(request: Request) -> dict[str, str]:
    """Give the decoded query; a repeated name is a fault: the platform signs its first value only."""
    pairs = split(request.target)[1]
    names = [name for name, _ in pairs]
    assert sorted(set(names)) == sorted(names), f"repeated in the query: {names}"
    return {name.decode(): value.decode() for name, value in pairs}


def assert_signed(request: Request, token: str = ACCESS_TOKEN, secret: str = APP_SECRET) -> None:
    """Whose the request is, when it was, that its signature fits, and the token in its header."""
    query = query_of(request)
    assert query["app_key"] == APP_KEY
    assert re.fullmatch(r"[0-9]{10}", query["timestamp"])
    assert -300 < int(query["timestamp"]) - time.time() < 30
    assert "access_token" not in query
    sign = sent_sign(request.target)
    assert sign == expected_sign(secret, request.target, request.body, request.header("content-type"))
    assert request.header("x-tts-access-token") == token


def assert_is(request: Request, row: Row, cipher: str = TEA["cipher"]) -> None:
    """The request is exactly the row's: method, path, query, body and content type."""
    assert_signed(request)
    assert (request.method, path_of(request)) == (row.endpoint.method, row.endpoint.path)
    expected = {**row.query, "shop_cipher": cipher} if row.endpoint.cipher else row.query
    assert own_query(request) == expected
    assert request.media_type == "application/json"
    if row.body is None:
        assert request.body == b""
    else:
        body = json.loads(request.body)
        if FILLED in body and FILLED not in row.body:  # the platform's own means against doing it twice
            assert UUID(body.pop(FILLED)).version == 4
        assert canonical(body) == canonical(row.body)


def own_query(request: Request) -> dict[str, str]:
    """The query but for what every signed request bears."""
    query = query_of(request)
    return {name: query[name] for name in query if name not in {"app_key", "timestamp", "sign"}}


def canonical(value: Any) -> str:
    """Compare JSON as JSON: to Python, true is 1 and 1.0 as well."""
    return json.dumps(value, sort_keys=True)


def data(result: CallToolResult) -> Any:
    """The platform's answer inside a result that succeeded."""
    told = reply(result)
    assert result.is_error is not True, told
    return told["data"]


def refused(result: CallToolResult, kind: str | None = None) -> dict[str, Any]:
    """The error inside a result that was refused because of its arguments."""
    told = reply(result)
    assert result.is_error is True, told
    assert {"error", "message", "hint", "retryable", "problems"} <= told.keys()
    assert told["message"]
    assert told["hint"]
    assert told["retryable"] is False
    if kind is not None:
        assert told["error"] == kind
    return told


def problem_with(argument: str, told: dict[str, Any]) -> dict[str, Any]:
    """The first problem that names the argument, wherever it stands in a payload."""
    for problem in told["problems"]:
        if re.search(rf"\b({argument})\b", problem["argument"]):
            found: dict[str, Any] = problem
            return found
    message = f"no problem names {argument}: {told['problems']}"
    raise AssertionError(message)


def assert_says(problem: dict[str, Any], patterns: tuple[str, ...]) -> None:
    """The problem says what is allowed. Numbers may be written with commas."""
    words = re.sub(r"(?<=\d),(?=\d{3})", "", f"{problem['message']} {problem.get('allowed', '')}")
    for pattern in patterns:
        assert re.search(rf"(?<!\w)({pattern})(?!\w)", words), f"{pattern!r} not in {words!r}"


def assert_silent(recorder: Recorder) -> None:
    """Nothing went over the wire but, at most, the question which shops there are."""
    assert recorder.calls == []
    assert len(recorder.shop_calls) <= 1
