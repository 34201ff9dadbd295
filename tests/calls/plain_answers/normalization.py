"""Normalizes a response for an assistant: readable times, safe ids, no secrets, failures of single items in sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.coercion import SAFE_INTEGER_LIMIT
from mcp_server_tiktok_shop.catalog.operation import Json, is_time
from mcp_server_tiktok_shop.json_values import SkippedValues, parse_count, parse_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.platform.envelope import ApiResponse

ERRORS_FIELD = "errors"  # the failures of single items, which the platform hides in a success
SECRET_FIELDS = frozenset({"access_token", "refresh_token", "cipher", "shop_cipher", "category_asset_cipher"})


@dataclass(frozen=True, slots=True)
class CompiledShape:
    """A response's shape, or that of a field in it, ready to normalize by."""

    fields: dict[str, CompiledShape]
    items: CompiledShape | None
    is_time: bool
    is_text: bool
    is_known: bool


def compile_shape(shape: Json) -> CompiledShape:
    """Compile a shape, the JSON Schema of an operation's `data`; `{}` where none is known."""
    fields = {name: compile_shape(field) for name, field in shape.get("properties", {}).items()}
    items = compile_shape(shape["items"]) if "items" in shape else None
    return CompiledShape(fields, items, is_time(shape), shape.get("type") == "string", bool(shape))


UNKNOWN_SHAPE = compile_shape({})


def normalize(response: ApiResponse, shape: CompiledShape, zone: ZoneInfo) -> Json:
    """Make a result of a response: `data`, and beside it `next_page_token`, `request_id`, `skipped` where it has them.

    Times become ISO 8601 in `zone`, numbers in the place of a text (ids, amounts) and those too large for JSON text;
    secrets are dropped. `skipped` counts what can't be read, by field: a null in a list, NaN.
    """
    normalizer = _Normalizer(zone)
    data: Json = normalizer.normalize_object(response.data, shape)
    token = data.pop("next_page_token", None)
    result: Json = {"data": data}
    if normalizer.skipped:
        result["skipped"] = normalizer.skipped
    if token:
        result["next_page_token"] = token
    if response.request_id:
        result["request_id"] = response.request_id
    return result


class _Normalizer:
    """Normalizes the values of one response."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.skipped = SkippedValues()

    def normalize_object(self, data: Json, shape: CompiledShape) -> Json:
        normalized: Json = {}
        fields = shape.fields
        for name, value in data.items():
            if name in SECRET_FIELDS:
                continue
            field_shape = fields.get(name, UNKNOWN_SHAPE)
            kind = type(value)
            if (
                (kind is str or kind is bool)
                and not field_shape.is_time
                and (field_shape.is_known or not name.endswith("_time"))
            ):
                normalized[name] = value  # most values stay as they are
            elif kind is dict:
                normalized[name] = self.normalize_object(value, field_shape)
            else:
                normalized[name] = self._normalize_value(value, field_shape, name)
        return normalized

    def _normalize_value(self, value: Any, shape: CompiledShape, name: str) -> Any:
        if isinstance(value, dict):
            return self.normalize_object(value, shape)
        if isinstance(value, list):
            item_shape = shape.items or UNKNOWN_SHAPE
            # An error without a word is an error all the same.
            kept = [item for item in value if item is not None or name == ERRORS_FIELD]
            items = [self._normalize_value(item, item_shape, name) for item in kept]
            self.skipped.add(name, len(value) - len(items))
            return items
        if isinstance(value, float) and not isfinite(value):
            self.skipped.add(name)
            return None
        if not isinstance(value, bool):
            if shape.is_time or (not shape.is_known and name.endswith("_time")):
                return self._format_time(value)
            if isinstance(value, int | float):
                return _normalize_number(value, shape)
        return value

    def _format_time(self, value: Any) -> Any:
        """Format a time as ISO 8601 with offset. 0 is the platform's "not yet"; an implausible one stays as it is."""
        if parse_count(value) == 0:
            return None
        moment = parse_time(value)
        if moment is None:
            return str(value) if isinstance(value, int) and abs(value) >= SAFE_INTEGER_LIMIT else value
        return datetime.fromtimestamp(moment, self._zone).isoformat(timespec="seconds")


def _normalize_number(value: float, shape: CompiledShape) -> float | str:
    """A number as text where a text belongs, as an id or an amount, or where clients would round it."""
    if isinstance(value, int):
        return str(value) if shape.is_text or abs(value) >= SAFE_INTEGER_LIMIT else value
    return str(value) if shape.is_text and "e" not in str(value) else value
