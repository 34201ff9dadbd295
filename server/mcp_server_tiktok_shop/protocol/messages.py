"""Reads a client's lines as JSON-RPC messages; an invalid line is answered with an error, never with silence."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeGuard

from mcp.types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from pydantic import ValidationError
from pydantic_core import from_json

from mcp_server_tiktok_shop.protocol.lines import EDGE_BYTES, MAX_LINE_BYTES, Line, LongLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RequestId = str | int
MAX_ID_CHARS, MAX_ID_NUMBER = 1_000, 2**63
MAX_BATCH_ANSWERS = 1_000  # requests of a batch that are refused one by one
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ID_PATTERN = rb'"id"\s*:\s*(-?\d{1,40}|"[^"\\\x00-\x1f]{0,200}")\s*'
# The id in a line that can't be read as a whole: first or after plain members, or last, as clients write it.
LEADING_ID_PATTERN = re.compile(
    rb'\s*\{\s*(?:"(?:jsonrpc|method)"\s*:\s*"[^"\\]{0,200}"\s*,\s*){0,2}' + ID_PATTERN + rb"[,}]"
)
TRAILING_ID_PATTERN = re.compile(rb",\s*" + ID_PATTERN + rb"\}\s*\Z")

ONE_A_LINE = "Send one JSON-RPC 2.0 message per line, in UTF-8."
ID_RULE = f"`id` must be a whole number, or a text of at most {MAX_ID_CHARS:,} characters."


def read_message(line: Line) -> tuple[JSONRPCMessage | None, list[JSONRPCError]]:
    """The message in a line, if it is one, and the errors to answer the line with.

    Without either it is empty, or a notification: that is never answered. An answer to a request of ours that can't be
    read comes as an error, so that nobody waits for it any longer.
    """
    if isinstance(line, LongLine):
        return None, [_make_length_error(line)]
    line = line.removeprefix(BYTE_ORDER_MARK)
    if not line.strip():
        return None, []
    try:
        value = from_json(line)  # by the SDK's own parser, and once: its union of messages tries each on the whole line
    except ValueError:
        return _read_odd_line(line)
    message = _to_message(value)
    if message is not None:
        return message, []
    return _make_answer_error(value), list(_find_faults(value))


def _make_length_error(line: LongLine) -> JSONRPCError:
    match = LEADING_ID_PATTERN.match(line.head) or TRAILING_ID_PATTERN.search(line.tail)
    text = f"The line is longer than {MAX_LINE_BYTES // 2**20} MiB, which is not read. Send less at once."
    return _make_error(_parse_id(match), INVALID_REQUEST, text)


def _read_odd_line(line: bytes) -> tuple[JSONRPCMessage | None, list[JSONRPCError]]:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        reason = f"Byte {error.start + 1:,} of the line is not UTF-8. {ONE_A_LINE}"
        return None, [_make_error(_find_id(line.decode(errors="replace"), line), PARSE_ERROR, reason)]
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"The line is not JSON, from character {error.pos + 1:,} on. {ONE_A_LINE}"
        return None, [_make_error(_parse_id(LEADING_ID_PATTERN.match(line)), PARSE_ERROR, reason)]
    except (ValueError, RecursionError):
        match = LEADING_ID_PATTERN.match(line) or TRAILING_ID_PATTERN.search(line[-EDGE_BYTES:])
        return None, [_make_error(_parse_id(match), PARSE_ERROR, "The line is nested too deep, or a number too long.")]
    return _make_answer_error(value), list(_find_faults(value))


def _to_message(value: Any) -> JSONRPCMessage | None:
    """The message that a value is; None where it is none, or has an id that can't be answered to."""
    if not isinstance(value, dict):
        return None
    model: type[JSONRPCMessage] = JSONRPCResponse if "result" in value else JSONRPCError
    if "method" in value:
        model = JSONRPCRequest if "id" in value else JSONRPCNotification
    if model is JSONRPCRequest and not _is_id(value["id"]):
        return None
    try:
        return model.model_validate(value, by_name=False)
    except ValidationError:
        return None


def _make_answer_error(value: Any) -> JSONRPCError | None:
    """The error in the place of an answer that can't be read; None of anything else."""
    request_id = _get_id(value)
    if request_id is None or "method" in value:
        return None
    return _make_error(request_id, INVALID_REQUEST, "The answer can't be read.")


def _find_faults(value: Any) -> Iterator[JSONRPCError]:
    """The errors that answer what is JSON and no message; none where it is a notification, however odd."""
    if isinstance(value, list):
        yield from _refuse_batch(value)
        return
    if not isinstance(value, dict):
        yield _make_error(None, INVALID_REQUEST, f"A message is an object. {ONE_A_LINE}")
        return
    request_id = _get_id(value)
    method, params = value.get("method"), value.get("params")
    has_good_head = value.get("jsonrpc") == "2.0" and isinstance(method, str)
    if has_good_head and "id" not in value:
        return
    if "method" not in value and "params" not in value:  # its id may be one of ours
        request_id, reason = None, "The message has no `method`, and an answer has an object as `result` or `error`."
    elif value.get("jsonrpc") != "2.0":
        reason = '`jsonrpc` must be "2.0".'
    elif not isinstance(method, str):
        reason = "`method` must be a text."
    elif request_id is None:
        reason = ID_RULE
    elif params is not None and not isinstance(params, dict):
        yield _make_error(request_id, INVALID_PARAMS, "`params` must be an object.")
        return
    else:  # half a character in a text, or a depth that the SDK does not read
        reason = "A text in the line holds half a character, the line is nested too deep, or a number too long."
    yield _make_error(request_id, INVALID_REQUEST, reason)


def _refuse_batch(batch: Sequence[Any]) -> Iterator[JSONRPCError]:
    """An error for each request in a batch, so that nobody waits for an answer to one."""
    reason = f"Batches are not taken. {ONE_A_LINE}"
    ids = [_get_id(item) for item in batch if isinstance(item, dict) and "method" in item]
    known_ids = [request_id for request_id in ids if request_id is not None][:MAX_BATCH_ANSWERS]
    yield from (_make_error(request_id, INVALID_REQUEST, reason) for request_id in known_ids)
    if not known_ids:
        yield _make_error(None, INVALID_REQUEST, reason)


def _get_id(value: Any) -> RequestId | None:
    """The id of a message, if it is one that can be answered to."""
    request_id = value.get("id") if isinstance(value, dict) else None
    return request_id if _is_id(request_id) else None


def _is_id(value: Any) -> TypeGuard[RequestId]:
    """Whether it is an id of sane length, and can be written back: half a character can't."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    if isinstance(value, int):
        return abs(value) < MAX_ID_NUMBER
    return len(value) <= MAX_ID_CHARS and not any("\ud800" <= character <= "\udfff" for character in value)


def _find_id(text: str, line: bytes) -> RequestId | None:
    """The id in a line that was read with something put in the place of what can't be."""
    try:
        return _get_id(json.loads(text))
    except (ValueError, RecursionError):
        return _parse_id(LEADING_ID_PATTERN.match(line))


def _parse_id(match: re.Match[bytes] | None) -> RequestId | None:
    if match is None:
        return None
    try:
        return _get_id({"id": json.loads(match[1])})
    except ValueError:  # it is no text either
        return None


def _make_error(request_id: RequestId | None, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))
