"""Envelope parsing: an answer of the platform is data, an API error with its code, or unreadable."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite, nan
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mcp_server_tiktok_shop.errors import NestingError, RequestError
from mcp_server_tiktok_shop.json_text import parse_json
from mcp_server_tiktok_shop.logs import to_one_line
from mcp_server_tiktok_shop.platform.api_codes import (
    HTTP_CLIENT_ERROR,
    HTTP_REDIRECTION,
    HTTP_SERVER_ERROR,
    HTTP_TOO_MANY_REQUESTS,
    THROTTLE_CODE,
)
from mcp_server_tiktok_shop.private_struct import PrivateStruct

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2

    RedactWords = Callable[[str], str]

SMALLER_ANSWER_HINT = "Ask for less at once: a smaller page, a shorter time, fewer ids."
MAX_CODE_DIGITS = 18
MAX_REQUEST_ID_CHARS = 100
MAX_RETRY_AFTER_S = 3600.0  # a Retry-After in the year 9999 is no reason never to ask again


class HttpAnswer(PrivateStruct, frozen=True):
    """What was answered at `url`: the body unpacked, and the headers but those of the body as it was sent."""

    status_code: int
    headers: httpx2.Headers
    content: bytes
    url: str


class ApiResponse(PrivateStruct, frozen=True):
    """A success: the envelope's `data`, and its `request_id` where it has one; `size_bytes` is that of the body.

    `is_unread` says that its data was no object, and an empty one stands in its place.
    """

    data: dict[str, Any]
    request_id: str | None
    size_bytes: int = 0
    is_unread: bool = False


class ConnectError(RequestError):
    """The request surely did not arrive at the platform, so that nothing was done.

    `is_transient` is False where something on the way refused it, and would refuse it again.
    """

    def __init__(self, message: str, *, is_transient: bool = True) -> None:
        super().__init__(message)
        self.is_transient = is_transient


class UnknownOutcomeError(RequestError):
    """The request may have been carried out: its answer did not come or can't be read.

    `retry_after` is in seconds, where the platform named it. `is_transient` is False where something on the way
    answered in the platform's place, and would do so again.
    """

    def __init__(self, message: str, retry_after: float | None = None, *, is_transient: bool = True) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_transient = is_transient


class UnusableAnswerError(UnknownOutcomeError):
    """An answer came that can't be read here, for its size, depth or form: the next one would be so, too."""

    def __init__(self, message: str, hint: str = SMALLER_ANSWER_HINT) -> None:
        super().__init__(message, is_transient=False)
        self.hint = hint


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


def parse_response(response: HttpAnswer, *, redact_words: RedactWords) -> ApiResponse:
    """The data of a success: `code` 0, whatever the HTTP status.

    A refusal's message passes `redact_words`: it may repeat what buyers wrote, and errors are carried by many ways.

    Raises:
        ApiError: The envelope carries another code, or the status is 429.
        ConnectError: Without an envelope a refusal (4xx) or a redirect: it comes from something on the way.
        UnknownOutcomeError: A server fault, or nothing that can be read as an envelope.
        UnusableAnswerError: It is nested too deep.

    """
    status = response.status_code
    retry_after = parse_retry_after(response.headers.get("retry-after"))
    envelope = _parse_envelope(response.content)
    code = _read_code(envelope.get("code")) if envelope is not None else None
    if envelope is None or code is None:
        if status == HTTP_TOO_MANY_REQUESTS:
            raise ApiError(THROTTLE_CODE, "too many requests", None, status, retry_after)
        raise _make_gateway_error(response, retry_after)
    request_id = _read_request_id(envelope.get("request_id"))
    if code == 0:
        data = envelope.get("data")
        if not isinstance(data, dict):
            is_unread = data not in (None, [])  # some write an object without members as a list
            return ApiResponse({}, request_id, len(response.content), is_unread=is_unread)
        return ApiResponse(data, request_id, len(response.content))
    message = redact_words(str(envelope.get("message") or ""))
    raise ApiError(code, message, request_id, status, retry_after)


def _read_code(value: Any) -> int | None:
    """The platform's code, also one in quotes or with a fraction of nothing; None where it is none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= MAX_CODE_DIGITS:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _read_request_id(value: Any) -> str | None:
    """The platform's request id as a text of sane length; None where it is none."""
    is_id = isinstance(value, str | int) and not isinstance(value, bool)
    return (str(value)[:MAX_REQUEST_ID_CHARS] or None) if is_id else None


def _make_gateway_error(response: HttpAnswer, retry_after: float | None) -> ConnectError | UnknownOutcomeError:
    """What an answer without envelope means: it is a gateway's, a firewall's, or a part of the platform's."""
    import httpx2  # noqa: PLC0415 - it is loaded by who asked

    status, content = response.status_code, response.content
    source = f"{httpx2.URL(response.url).netloc.decode()} answered HTTP {status}"
    if HTTP_REDIRECTION <= status < HTTP_CLIENT_ERROR:
        return ConnectError(f"{source}{_describe_redirect(response.headers.get('location', ''))}", is_transient=False)
    is_page = content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    body = "an HTML page" if is_page else "what is not the platform's envelope" if content else "no content"
    if HTTP_CLIENT_ERROR <= status < HTTP_SERVER_ERROR:
        return ConnectError(f"{source} with {body}", is_transient=False)
    is_transient = status >= HTTP_SERVER_ERROR or not is_page
    return UnknownOutcomeError(f"{source} with {body}", retry_after, is_transient=is_transient)


def _describe_redirect(location: str) -> str:
    """Where a redirect leads: its host alone, since the rest may repeat what was signed."""
    try:
        target_host = urlsplit(location).hostname
    except ValueError:
        target_host = None
    return f", a redirect to {to_one_line(target_host)}" if target_host else ", a redirect"


def _parse_envelope(content: bytes) -> dict[str, Any] | None:
    try:
        parsed = parse_json(content)
    except NestingError as error:
        if content.lstrip().startswith(b"{"):
            raise UnusableAnswerError(f"its answer can't be used: {error}") from None
        return None
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def parse_retry_after(retry_after: str | None) -> float | None:
    """A `Retry-After` header, seconds or an HTTP date, as seconds from now, at most an hour; None if unreadable."""
    if not retry_after:
        return None
    try:
        delay_s = float(retry_after)
    except ValueError:
        moment = parse_http_date(retry_after)
        delay_s = nan if moment is None else moment - datetime.now(UTC).timestamp()
    return min(max(0.0, delay_s), MAX_RETRY_AFTER_S) if isfinite(delay_s) else None


def parse_http_date(text: str) -> float | None:
    """Unix seconds of an HTTP date; None where it is none that a calendar has."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):  # the second of a year or an offset of twenty digits
        return None
