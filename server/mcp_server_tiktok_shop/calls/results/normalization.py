"""Makes of the platform's data what an assistant reads: readable times, safe ids, no secrets, failures in sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.coercion import MIN_UNIX_MILLISECONDS, SAFE_INTEGER_LIMIT, TIME_DIGITS_LIMIT
from mcp_server_tiktok_shop.catalog.operation import TIME_UNITS_PER_SECOND, Json, is_time
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.platform.error_codes import ErrorCodeLookup

SECRET_FIELDS = frozenset({"access_token", "refresh_token", "cipher", "shop_cipher", "category_asset_cipher"})
MIN_TIMESTAMP_S = 10**9  # 2001: a smaller number in a field called …_time is a duration, not a moment.


@dataclass(frozen=True, slots=True)
class CompiledShape:
    """An answer's shape made ready: what is in a field, and whether it is a time (`unit` a second's parts, else 0)."""

    fields: dict[str, CompiledShape]
    items: CompiledShape | None
    units_per_second: int
    is_known: bool


def compile_shape(shape: Json) -> CompiledShape:
    fields = {name: compile_shape(field) for name, field in shape.get("properties", {}).items()}
    items = compile_shape(shape["items"]) if "items" in shape else None
    return CompiledShape(fields, items, TIME_UNITS_PER_SECOND[shape["x-unit"]] if is_time(shape) else 0, bool(shape))


UNKNOWN_SHAPE = compile_shape({})


def normalize(response: ApiResponse, shape: CompiledShape, zone: ZoneInfo) -> Json:
    """`data` and what belongs beside it: `request_id`, `next_page_token`."""
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
    """ISO with offset. 0 is how the platform says "not yet"; what is no plausible time is left as it is."""
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < TIME_DIGITS_LIMIT
    number = int(value) if is_digits else value
    if number == 0:
        return None
    if (
        not isinstance(number, int)
        or not MIN_TIMESTAMP_S * units_per_second <= number < MIN_UNIX_MILLISECONDS * units_per_second
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
    """Faults of single items, which the platform hides in a success, brought up as `failed`.

    Of a batch it is told, too, which items were `done`, and `again` holds the arguments that send the failed ones anew.
    `said` makes the platform's words fit to be told: they may repeat what was sent.

    Raises:
        ShopError: `platform`, where every item of the batch failed.

    """
    faults = result["data"].pop("errors", None)
    if not faults:
        return result
    failed = [
        _to_failure(fault, error_codes, redact_text) for fault in (faults if isinstance(faults, list) else [faults])
    ]
    result = {**result, "failed": failed}
    batch = _find_batch(operation, values)
    if batch is None:
        return result
    name, requested = batch
    failed_ids = {item["id"] for item in failed if "id" in item}
    item_texts = [set(_iter_texts(item)) for item in requested]
    failed_items = [item for item, names in zip(requested, item_texts, strict=True) if failed_ids & names]
    # A fault may name several things in one item, or something that was not asked for by that name.
    unmatched_count = sum("id" not in item or not any(item["id"] in names for names in item_texts) for item in failed)
    if len(failed_items) + unmatched_count >= len(requested):
        first_failure = failed[0]
        outcome = "It was not done" if len(requested) == 1 else f"None of the {len(requested)} was done"
        raise ShopError(
            "platform",
            f"{outcome}: {first_failure['message']}",
            hint=first_failure.get("hint", ""),
            code=first_failure["code"],
            request_id=result.get("request_id"),
            failed=failed,
        )
    if unmatched_count:
        return result  # which ones were done can't be told
    done_items = [
        item if isinstance(item, str) else next(iter(_iter_texts(item)), "")
        for item in requested
        if item not in failed_items
    ]
    return {**result, "done": done_items, "again": {**values, name: failed_items}}


def _iter_texts(item: Any) -> Iterator[str]:
    """The texts in an item of a batch, that which names it first."""
    if isinstance(item, dict):
        for name in sorted(item, key=lambda name: not (name == "id" or name.endswith("_id"))):
            yield from _iter_texts(item[name])
    elif isinstance(item, list):
        for inner in item:
            yield from _iter_texts(inner)
    elif isinstance(item, str):
        yield item


def _to_failure(fault: Any, error_codes: ErrorCodeLookup, redact_text: Callable[[str], str]) -> Json:
    if not isinstance(fault, dict):
        return {"code": None, "message": redact_text(str(fault or ""))}
    code = fault.get("code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < TIME_DIGITS_LIMIT:
        code = int(code)
    item_id = _find_id(fault.get("detail"))
    failure: Json = {"id": item_id} if item_id else {}
    failure |= {"code": code, "message": redact_text(str(fault.get("message") or ""))}
    hint = error_codes.lookup_error_code(code).get("hint") if isinstance(code, int) else None
    return failure | {"hint": hint} if hint else failure


def _find_id(detail: Any) -> str | None:
    """The item a fault is about: the first id in its detail."""
    if not isinstance(detail, dict):
        return None
    for name, value in detail.items():
        if (name == "id" or name.endswith("_id")) and isinstance(value, str | int):
            return str(value)
    return next(filter(None, map(_find_id, detail.values())), None)


def _find_batch(operation: Operation, values: Json) -> tuple[str, list[Any]] | None:
    """The list of things that a write was asked to do, with its argument, if it was asked for one."""
    lists = [(n, values[n]) for n in operation.required if isinstance(values.get(n), list)]
    if not lists and operation.effect != "read":  # the platform calls the list of many a batch optional
        lists = [(n, v) for n, v in values.items() if isinstance(v, list) and v]
    return lists[0] if len(lists) == 1 else None
