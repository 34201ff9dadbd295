"""Binds valid arguments to their places in a request; pure, so that a request can be previewed before it is sent."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mcp_server_tiktok_shop.catalog.coercion import to_unix_time
from mcp_server_tiktok_shop.catalog.operation import TIME_UNITS_PER_SECOND, Json, is_time
from mcp_server_tiktok_shop.private_struct import PrivateStruct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Operation


class Upload(PrivateStruct, frozen=True):
    """A file part of a multipart body."""

    filename: str
    content: bytes
    media_type: str


class ApiCall(Struct, frozen=True):
    """A request as the platform wants it, but for credentials, time and signature.

    `query` holds the decoded values; `body` the exact bytes, None where there is none. A multipart call has
    `form` and `files` instead of a body.
    """

    operation: Operation
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def is_read(self) -> bool:
        return self.operation.effect == "read"


def bind(operation: Operation, values: Json, zone: ZoneInfo, files: Mapping[str, Upload] | None = None) -> ApiCall:
    """Build the request of an operation: path and query as text, the body as bytes of compact JSON.

    `values` are valid arguments, as `coerce_arguments` gives them and `validate` lets them through, without the
    server's own; of a multipart operation `files` are the file parts by their name there. Times without offset are
    read in `zone`.
    """
    path: str = operation.record["path"]
    query: dict[str, str] = {}
    body: Json = {}
    for name, value in values.items():
        encoded = encode_times(operation.arguments[name], value, zone)
        for location in operation.get_locations(name):
            if location == "path":
                path = path.replace("{" + name + "}", encoded)
            elif location == "query":
                query[name] = _encode_query_value(encoded)
            elif location == "body":
                body[name] = encoded
    method: str = operation.record["method"]
    if operation.is_multipart:
        form = {name: _encode_query_value(value) for name, value in body.items()}
        return ApiCall(operation, method, path, query, form=form, files=files or {})
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() if body else None
    return ApiCall(operation, method, path, query, raw)


def has_local_time(schema: Json, value: Any) -> bool:
    """Whether a time without offset stands in a coerced value, so that the zone decides what it means."""
    if is_time(schema):
        return isinstance(value, str)
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        return any(has_local_time(fields.get(name, {}), field) for name, field in value.items())
    return isinstance(value, list) and any(has_local_time(schema.get("items", {}), item) for item in value)


def encode_times(schema: Json, value: Any, zone: ZoneInfo) -> Any:
    """A value with every time in it as the platform takes it; those without offset are read in `zone`."""
    if is_time(schema):
        if isinstance(value, str):
            value = to_unix_time(
                datetime.fromisoformat(value).replace(tzinfo=zone), TIME_UNITS_PER_SECOND[schema["x-unit"]]
            )
        return str(value) if schema.get("type") == "string" else value
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        return {name: encode_times(fields.get(name, {}), field, zone) for name, field in value.items()}
    if isinstance(value, list):
        return [encode_times(schema.get("items", {}), item, zone) for item in value]
    return value


def show_times(schema: Json, value: Any, zone: ZoneInfo) -> Any:
    """A value with every time in it as people read it: ISO 8601 in `zone`; 0, which stands for none, as it is."""
    if is_time(schema):
        text = str(value)
        if not text.isdigit() or not int(text):
            return value
        moment = datetime.fromtimestamp(int(text) // TIME_UNITS_PER_SECOND[schema["x-unit"]], zone)
        return moment.isoformat()
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        return {name: show_times(fields.get(name, {}), field, zone) for name, field in value.items()}
    if isinstance(value, list):
        return [show_times(schema.get("items", {}), item, zone) for item in value]
    return value


def _encode_query_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_encode_query_value(item) for item in value)
    return str(value)
