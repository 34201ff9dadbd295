"""What comes in over HTTP and what goes out: a request as received, a reply, and the platform's envelope."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

JSON_MEDIA_TYPE = "application/json"


def parse_query(query: str) -> dict[str, str]:
    """The decoded query; of a repeated key only the first value counts, as at the platform."""
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, value)
    return values


@dataclass(frozen=True)
class HttpRequest:
    """One request as it arrived: headers in lower case, the body's exact bytes."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Reply:
    """One answer: `code` is the envelope's, for the log."""

    status: int
    body: bytes
    content_type: str = JSON_MEDIA_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    code: int | None = None


class EnvelopeWriter:
    """Wraps answers as the platform does, and numbers them so that a run can be repeated to the byte."""

    def __init__(self) -> None:
        self._count = 0

    def make_request_id(self, now: float) -> str:
        """34 characters: the UTC time to the second, then hexadecimal digits."""
        self._count += 1
        moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d%H%M%S")
        return f"{moment}{self._count * 0x9E3779B97F4A7C15 % 16**20:020X}"

    def wrap(self, code: int, message: str, data: Json | None, now: float, status: int = 200) -> Reply:
        envelope = {"code": code, "message": message, "request_id": self.make_request_id(now), "data": data}
        body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        # Half a surrogate pair, sent as an escape, cannot be sent back as text.
        return Reply(status, body.encode(errors="replace"), code=code)

    def wrap_refusal(self, refusal: RefusalError, base_url: str, now: float) -> Reply:
        message = f"{refusal.message} For more details: {base_url}/help/{refusal.code}"
        reply = self.wrap(refusal.code, message, None, now, refusal.status)
        if refusal.retry_after is None:
            return reply
        return replace(reply, headers=(("retry-after", str(refusal.retry_after)),))
