"""Normalizes a response for an assistant: readable times, safe ids, no secrets, failed items in sight."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.catalog.coercion import SAFE_INTEGER_LIMIT, TIME_DIGITS_LIMIT
from mcp_server_tiktok_shop.catalog.operation import Json, is_time
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_values import (
    MAX_UNIX_SECONDS,
    MIN_UNIX_SECONDS,
    SkippedValues,
    parse_count,
    parse_time,
)
from mcp_server_tiktok_shop.platform.api_codes import TRANSIENT_CLASS
from mcp_server_tiktok_shop.platform.error_codes import UNKNOWN_OUTCOME_HINT, make_correction_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.platform.error_codes import ErrorCodeLookup

ERRORS_FIELD = "errors"  # the failures of single items, which the platform hides in a success
SECRET_FIELDS = frozenset({"access_token", "refresh_token", "cipher", "shop_cipher", "category_asset_cipher"})


class CompiledShape(Struct, frozen=True):
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


class Normalizer:
    """Normalizes the values of one response: readable times in `zone`, safe ids, no secrets.

    Times become ISO 8601, numbers in the place of a text (ids, amounts) and those too large for JSON text; secrets are
    dropped. `skipped` counts what can't be read, by field: a null in a list, NaN.
    """

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
                normalized[name] = self.normalize_value(value, field_shape, name)
        return normalized

    def normalize_value(self, value: Any, shape: CompiledShape, name: str) -> Any:
        """The value of the field of this name."""
        if isinstance(value, dict):
            return self.normalize_object(value, shape)
        if isinstance(value, list):
            item_shape = shape.items or UNKNOWN_SHAPE
            # An error without a word is an error all the same.
            kept = [item for item in value if item is not None or name == ERRORS_FIELD]
            items = [self.normalize_value(item, item_shape, name) for item in kept]
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
        if type(value) is int and MIN_UNIX_SECONDS <= value < MAX_UNIX_SECONDS:  # mostly so
            return datetime.fromtimestamp(value, self._zone).isoformat(timespec="seconds")
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


def extract_failures(
    result: Json,
    operation: Operation,
    values: Json,
    error_codes: ErrorCodeLookup,
    redact_text: Callable[[str], str],
) -> Json:
    """Move the failures of single items, which the platform hides in a success, from `data` to `failed`.

    Each has `code` and `message`, and `id` and `hint` where they are known; of a write whose code is a passing fault,
    so that it may have been done all the same, it has `outcome: "unknown"`. Of a batch there is `done`, too, the ids of
    the other items, and `again`, the arguments that send anew those that surely failed. `values` are the arguments
    that were sent; `redact_text` masks the platform's words, which may repeat them.

    Raises:
        ShopError: Where every item of the batch failed: `platform`, or `unknown_outcome` where one may have been done.

    """
    errors = result["data"].pop(ERRORS_FIELD, None)
    if not errors:
        return result
    failures = [
        _to_failure(error, operation, error_codes, redact_text)
        for error in (errors if isinstance(errors, list) else [errors])
    ]
    result = {**result, "failed": failures}
    batch = _find_batch(operation, values)
    if batch is None:
        return result
    argument, items = batch
    failed_ids = {failure["id"] for failure in failures if "id" in failure}
    item_texts = [set(_iter_texts(item)) for item in items]
    failed_items = [item for item, texts in zip(items, item_texts, strict=True) if failed_ids & texts]
    unknown_ids = {failure["id"] for failure in failures if "id" in failure and "outcome" in failure}
    unknown_items = [item for item, texts in zip(items, item_texts, strict=True) if unknown_ids & texts]
    # A failure may name several things in one item, or something that has another name in the arguments.
    unmatched_count = sum(
        "id" not in failure or not any(failure["id"] in texts for texts in item_texts) for failure in failures
    )
    if len(failed_items) + unmatched_count >= len(items):
        first_failure = failures[0]
        is_unknown = any("outcome" in failure for failure in failures)
        if is_unknown:
            first_failure = next(failure for failure in failures if "outcome" in failure)
            outcome = "Whether it was done is unknown" if len(items) == 1 else "Whether all were done is unknown"
        else:
            outcome = "It was not done" if len(items) == 1 else f"None of the {len(items)} was done"
        raise ShopError(
            "unknown_outcome" if is_unknown else "platform",
            f"{outcome}: {first_failure['message'] or 'no reason came with it'}",
            hint=UNKNOWN_OUTCOME_HINT if is_unknown else first_failure.get("hint") or make_correction_hint(operation),
            code=first_failure["code"],
            request_id=result.get("request_id"),
            failed=failures,
        )
    if unmatched_count:
        return result  # nobody knows which ones were done
    done_ids = [
        item if isinstance(item, str) else next(iter(_iter_texts(item)), "")
        for item in items
        if item not in failed_items
    ]
    result = {**result, "done": done_ids}
    surely_failed_items = [item for item in failed_items if item not in unknown_items]
    return result | {"again": {**values, argument: surely_failed_items}} if surely_failed_items else result


def _iter_texts(item: Any) -> Iterator[str]:
    """The texts in an item of a batch, ids first."""
    if isinstance(item, dict):
        for name in sorted(item, key=lambda name: not (name == "id" or name.endswith("_id"))):
            yield from _iter_texts(item[name])
    elif isinstance(item, list):
        for inner in item:
            yield from _iter_texts(inner)
    elif isinstance(item, str):
        yield item


def _to_failure(
    error: Any, operation: Operation, error_codes: ErrorCodeLookup, redact_text: Callable[[str], str]
) -> Json:
    is_write = operation.effect != "read"
    if not isinstance(error, dict):  # nobody can tell what it says, so of a write not that nothing was done
        failure: Json = {"code": None, "message": redact_text(str(error or ""))}
        return failure | {"outcome": "unknown"} if is_write else failure
    code = error.get("code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < TIME_DIGITS_LIMIT:
        code = int(code)
    item_id = _find_id(error.get("detail"))
    failure = {"id": item_id} if item_id else {}
    failure |= {"code": code, "message": redact_text(str(error.get("message") or ""))}
    code_info = error_codes.lookup_error_code(code) if isinstance(code, int) else {}
    if is_write and (not isinstance(code, int) or code_info.get("retry") == TRANSIENT_CLASS):
        failure["outcome"] = "unknown"
    hint = code_info.get("hint")
    return failure | {"hint": hint} if hint else failure


def _find_id(detail: Any) -> str | None:
    """The id of the item that an error is about: the first in its detail."""
    if not isinstance(detail, dict):
        return None
    for name, value in detail.items():
        if (name == "id" or name.endswith("_id")) and isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    return next(filter(None, map(_find_id, detail.values())), None)


def _find_batch(operation: Operation, values: Json) -> tuple[str, list[Any]] | None:
    """The argument that holds the items of a batch, and the items; None where there is no such list, or several."""
    lists = [(n, values[n]) for n in operation.required if isinstance(values.get(n), list)]
    if not lists and operation.effect != "read":  # the platform calls the list of many a batch optional
        lists = [(n, v) for n, v in values.items() if isinstance(v, list) and v]
    return lists[0] if len(lists) == 1 else None
