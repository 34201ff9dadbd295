"""Normalizes a response for an assistant: readable times, safe ids, no secrets, failures of single items in sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.coercion import MIN_UNIX_MILLISECONDS, SAFE_INTEGER_LIMIT, TIME_DIGITS_LIMIT
from mcp_server_tiktok_shop.catalog.operation import TIME_UNITS_PER_SECOND, Json, is_time
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.api_codes import TRANSIENT_CLASS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.platform.error_codes import ErrorCodeLookup

SECRET_FIELDS = frozenset({"access_token", "refresh_token", "cipher", "shop_cipher", "category_asset_cipher"})
MIN_RESPONSE_UNIX_SECONDS = 10**9  # 2001: a smaller number in a field called …_time is a duration, not a time


@dataclass(frozen=True, slots=True)
class CompiledShape:
    """A response's shape, or that of a field in it, ready to normalize by."""

    fields: dict[str, CompiledShape]
    items: CompiledShape | None
    units_per_second: int  # of a Unix time; 0 where it is no time
    is_known: bool


def compile_shape(shape: Json) -> CompiledShape:
    """Compile a shape, the JSON Schema of an operation's `data`; `{}` where none is known."""
    fields = {name: compile_shape(field) for name, field in shape.get("properties", {}).items()}
    items = compile_shape(shape["items"]) if "items" in shape else None
    return CompiledShape(fields, items, TIME_UNITS_PER_SECOND[shape["x-unit"]] if is_time(shape) else 0, bool(shape))


UNKNOWN_SHAPE = compile_shape({})


def normalize(response: ApiResponse, shape: CompiledShape, zone: ZoneInfo) -> Json:
    """Make a result of a response: `data`, and beside it `next_page_token` and `request_id` where it has them.

    Times become ISO 8601 in `zone`, ids too large for a JSON number text; secrets are dropped.
    """
    data: Json = _normalize_object(response.data, shape, zone)
    token = data.pop("next_page_token", None)
    result: Json = {"data": data}
    if token:
        result["next_page_token"] = token
    if response.request_id:
        result["request_id"] = response.request_id
    return result


def _normalize_object(data: Json, shape: CompiledShape, zone: ZoneInfo) -> Json:
    normalized: Json = {}
    fields = shape.fields
    for name, value in data.items():
        if name in SECRET_FIELDS:
            continue
        field_shape = fields.get(name, UNKNOWN_SHAPE)
        kind = type(value)
        if (
            (kind is str or kind is bool)
            and not field_shape.units_per_second
            and (field_shape.is_known or not name.endswith("_time"))
        ):
            normalized[name] = value  # most values stay as they are
        elif kind is dict:
            normalized[name] = _normalize_object(value, field_shape, zone)
        else:
            normalized[name] = _normalize_value(value, field_shape, zone, name)
    return normalized


def _normalize_value(value: Any, shape: CompiledShape, zone: ZoneInfo, name: str) -> Any:
    if isinstance(value, dict):
        return _normalize_object(value, shape, zone)
    if isinstance(value, list):
        item_shape = shape.items or UNKNOWN_SHAPE
        return [_normalize_value(item, item_shape, zone, name) for item in value]
    if isinstance(value, bool):
        return value
    if shape.units_per_second or (not shape.is_known and name.endswith("_time")):
        return _format_time(value, shape.units_per_second or 1, zone)
    if isinstance(value, int) and abs(value) >= SAFE_INTEGER_LIMIT:
        return str(value)
    return value


def _format_time(value: Any, units_per_second: int, zone: ZoneInfo) -> Any:
    """Format a time as ISO 8601 with offset. 0 is the platform's "not yet"; an implausible one stays as it is."""
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < TIME_DIGITS_LIMIT
    number = int(value) if is_digits else value
    if number == 0:
        return None
    if (
        not isinstance(number, int)
        or not MIN_RESPONSE_UNIX_SECONDS * units_per_second <= number < MIN_UNIX_MILLISECONDS * units_per_second
    ):
        return str(value) if isinstance(value, int) and abs(value) >= SAFE_INTEGER_LIMIT else value
    return datetime.fromtimestamp(number / units_per_second, zone).isoformat(timespec="seconds")


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
    errors = result["data"].pop("errors", None)
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
            f"{outcome}: {first_failure['message']}",
            hint=first_failure.get("hint", ""),
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
    if not isinstance(error, dict):
        return {"code": None, "message": redact_text(str(error or ""))}
    code = error.get("code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < TIME_DIGITS_LIMIT:
        code = int(code)
    item_id = _find_id(error.get("detail"))
    failure: Json = {"id": item_id} if item_id else {}
    failure |= {"code": code, "message": redact_text(str(error.get("message") or ""))}
    code_info = error_codes.lookup_error_code(code) if isinstance(code, int) else {}
    if operation.effect != "read" and code_info.get("retry") == TRANSIENT_CLASS:
        failure["outcome"] = "unknown"
    hint = code_info.get("hint")
    return failure | {"hint": hint} if hint else failure


def _find_id(detail: Any) -> str | None:
    """The id of the item that an error is about: the first in its detail."""
    if not isinstance(detail, dict):
        return None
    for name, value in detail.items():
        if (name == "id" or name.endswith("_id")) and isinstance(value, str | int):
            return str(value)
    return next(filter(None, map(_find_id, detail.values())), None)


def _find_batch(operation: Operation, values: Json) -> tuple[str, list[Any]] | None:
    """The argument that holds the items of a batch, and the items; None where there is no such list, or several."""
    lists = [(n, values[n]) for n in operation.required if isinstance(values.get(n), list)]
    if not lists and operation.effect != "read":  # the platform calls the list of many a batch optional
        lists = [(n, v) for n, v in values.items() if isinstance(v, list) and v]
    return lists[0] if len(lists) == 1 else None
