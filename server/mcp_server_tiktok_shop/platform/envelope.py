"""Envelope parsing: an answer of the platform is data, an API error with its code, or nothing that can be read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from mcp_server_tiktok_shop.errors import RequestError
from mcp_server_tiktok_shop.platform.api_codes import HTTP_TOO_MANY_REQUESTS, THROTTLE_CODE

if TYPE_CHECKING:
    from collections.abc import Callable

    RedactWords = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A success: the envelope's `data`, and its `request_id` where it has one."""

    data: dict[str, Any] = field(repr=False)
    request_id: str | None


class ConnectError(RequestError):
    """The request surely did not arrive, so that nothing was done."""


class UnknownOutcomeError(RequestError):
    """The request may have been carried out: its answer did not come or can't be read.

    `retry_after` is in seconds, where the platform named it.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ApiError(RequestError):
    """The platform refused: the envelope's `code`, `message` and `request_id`, and the HTTP `status`.

    `retry_after` is in seconds, where the platform named it.
    """

    def __init__(self, code: int, message: str, request_id: str | None, status: int, retry_after: float | None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id
        self.status = status
        self.retry_after = retry_after


def parse_response(
    status: int, content: bytes, retry_after: str | None = None, *, redact_words: RedactWords
) -> ApiResponse:
    """The data of a success: `code` 0, whatever the HTTP status.

    `content` is the body, `retry_after` the header of that name. A refusal's message passes `redact_words`: it may
    repeat what buyers wrote, and errors are carried by many ways.

    Raises:
        ApiError: The envelope carries another code, or the status is 429.
        UnknownOutcomeError: A server fault, or nothing that can be read as an envelope.

    """
    envelope = _parse_envelope(content)
    code = envelope.get("code") if envelope is not None else None
    if envelope is None or not isinstance(code, int):
        if status == HTTP_TOO_MANY_REQUESTS:
            reason = "too many requests"
            raise ApiError(THROTTLE_CODE, reason, None, status, parse_retry_after(retry_after))
        raise UnknownOutcomeError(
            f"HTTP {status} with an answer that is not the platform's envelope", parse_retry_after(retry_after)
        )
    request_id = envelope.get("request_id")
    if code == 0:
        data = envelope.get("data")
        return ApiResponse(data if isinstance(data, dict) else {}, request_id)
    message = redact_words(str(envelope.get("message") or ""))
    raise ApiError(code, message, request_id, status, parse_retry_after(retry_after))


def _parse_envelope(content: bytes) -> dict[str, Any] | None:
    try:
        try:
            parsed = from_json(content)
        except ValueError:  # stricter than it need be: half a character is no reason to lose an answer
            parsed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def parse_retry_after(retry_after: str | None) -> float | None:
    """A `Retry-After` header, seconds or an HTTP date, as seconds from now; None where it is absent or unreadable."""
    if not retry_after:
        return None
    try:
        delay_s = float(retry_after)
    except ValueError:
        delay_s = _compute_wait_seconds(retry_after)
    return max(0.0, delay_s) if isfinite(delay_s) else None


def _compute_wait_seconds(date: str) -> float:
    """Seconds from now to an HTTP date; not a number where it is none."""
    try:
        parsed_date = parsedate_to_datetime(date)
    except ValueError:
        return nan
    return (parsed_date.replace(tzinfo=parsed_date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
