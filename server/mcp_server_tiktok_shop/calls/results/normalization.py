"""Makes of the platform's data what an assistant reads: readable times, safe ids, no secrets, failures in sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.catalog.coercion import LONGEST, MILLISECONDS, SAFE
from mcp_server_tiktok_shop.catalog.operation import TIMES, Json, is_time
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Operation
    from mcp_server_tiktok_shop.platform.envelope import Answer
    from mcp_server_tiktok_shop.platform.error_codes import Meaning

SECRET_FIELDS = frozenset({"access_token", "refresh_token", "cipher", "shop_cipher", "category_asset_cipher"})
EARLIEST = 10**9  # 2001: a smaller number in a field called …_time is a duration, not a moment.


@dataclass(frozen=True, slots=True)
class Form:
    """An answer's shape made ready: what is in a field, and whether it is a time (`unit` a second's parts, else 0)."""

    fields: dict[str, Form]
    items: Form | None
    unit: int
    known: bool


def form(shape: Json) -> Form:
    fields = {name: form(field) for name, field in shape.get("properties", {}).items()}
    items = form(shape["items"]) if "items" in shape else None
    return Form(fields, items, TIMES[shape["x-unit"]] if is_time(shape) else 0, bool(shape))


UNKNOWN = form({})


def shaped(answer: Answer, form: Form, zone: ZoneInfo) -> Json:
    """`data` and what belongs beside it: `request_id`, `next_page_token`."""
    data: Json = _fields(answer.data, form, zone)
    token = data.pop("next_page_token", None)
    told: Json = {"data": data}
    if token:
        told["next_page_token"] = token
    if answer.request_id:
        told["request_id"] = answer.request_id
    return told


def _fields(given: Json, form: Form, zone: ZoneInfo) -> Json:
    made: Json = {}
    fields = form.fields
    for name, value in given.items():
        if name in SECRET_FIELDS:
            continue
        field = fields.get(name, UNKNOWN)
        kind = type(value)
        if (kind is str or kind is bool) and not field.unit and (field.known or not name.endswith("_time")):
            made[name] = value  # most values stay as they are
        elif kind is dict:
            made[name] = _fields(value, field, zone)
        else:
            made[name] = _shaped(value, field, zone, name)
    return made


def _shaped(value: Any, form: Form, zone: ZoneInfo, name: str) -> Any:
    if isinstance(value, dict):
        return _fields(value, form, zone)
    if isinstance(value, list):
        items = form.items or UNKNOWN
        return [_shaped(item, items, zone, name) for item in value]
    if isinstance(value, bool):
        return value
    if form.unit or (not form.known and name.endswith("_time")):
        return _moment(value, form.unit or 1, zone)
    if isinstance(value, int) and abs(value) >= SAFE:
        return str(value)
    return value


def _moment(value: Any, unit: int, zone: ZoneInfo) -> Any:
    """ISO with offset. 0 is how the platform says "not yet"; what is no plausible time is left as it is."""
    digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < LONGEST
    number = int(value) if digits else value
    if number == 0:
        return None
    if not isinstance(number, int) or not EARLIEST * unit <= number < MILLISECONDS * unit:
        return str(value) if isinstance(value, int) and abs(value) >= SAFE else value
    return datetime.fromtimestamp(number / unit, zone).isoformat(timespec="seconds")


def with_failures(told: Json, operation: Operation, values: Json, meaning: Meaning, said: Callable[[str], str]) -> Json:
    """Faults of single items, which the platform hides in a success, brought up as `failed`.

    Of a batch it is told, too, which items were `done`, and `again` holds the arguments that send the failed ones anew.
    `said` makes the platform's words fit to be told: they may repeat what was sent.

    Raises:
        ShopError: `platform`, where every item of the batch failed.

    """
    faults = told["data"].pop("errors", None)
    if not faults:
        return told
    failed = [_failure(fault, meaning, said) for fault in (faults if isinstance(faults, list) else [faults])]
    told = {**told, "failed": failed}
    batch = _batch(operation, values)
    if batch is None:
        return told
    name, asked = batch
    named = {item["id"] for item in failed if "id" in item}
    texts = [set(_texts(item)) for item in asked]
    again = [item for item, held in zip(asked, texts, strict=True) if named & held]
    # A fault may name several things in one item, or something that was not asked for by that name.
    astray = sum("id" not in item or not any(item["id"] in held for held in texts) for item in failed)
    if len(again) + astray >= len(asked):
        first = failed[0]
        count = "It was not done" if len(asked) == 1 else f"None of the {len(asked)} was done"
        raise ShopError(
            "platform",
            f"{count}: {first['message']}",
            hint=first.get("hint", ""),
            code=first["code"],
            request_id=told.get("request_id"),
            failed=failed,
        )
    if astray:
        return told  # which ones were done can't be told
    done = [item if isinstance(item, str) else next(iter(_texts(item)), "") for item in asked if item not in again]
    return {**told, "done": done, "again": {**values, name: again}}


def _texts(item: Any) -> Iterator[str]:
    """The texts in an item of a batch, that which names it first."""
    if isinstance(item, dict):
        for name in sorted(item, key=lambda name: not (name == "id" or name.endswith("_id"))):
            yield from _texts(item[name])
    elif isinstance(item, list):
        for inner in item:
            yield from _texts(inner)
    elif isinstance(item, str):
        yield item


def _failure(fault: Any, meaning: Meaning, said: Callable[[str], str]) -> Json:
    if not isinstance(fault, dict):
        return {"code": None, "message": said(str(fault or ""))}
    code = fault.get("code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < LONGEST:
        code = int(code)
    found = _id(fault.get("detail"))
    told: Json = {"id": found} if found else {}
    told |= {"code": code, "message": said(str(fault.get("message") or ""))}
    hint = meaning(code).get("hint") if isinstance(code, int) else None
    return told | {"hint": hint} if hint else told


def _id(detail: Any) -> str | None:
    """The item a fault is about: the first id in its detail."""
    if not isinstance(detail, dict):
        return None
    for name, value in detail.items():
        if (name == "id" or name.endswith("_id")) and isinstance(value, str | int):
            return str(value)
    return next(filter(None, map(_id, detail.values())), None)


def _batch(operation: Operation, values: Json) -> tuple[str, list[Any]] | None:
    """The list of things that a write was asked to do, with its argument, if it was asked for one."""
    lists = [(n, values[n]) for n in operation.required if isinstance(values.get(n), list)]
    if not lists and operation.effect != "read":  # the platform calls the list of many a batch optional
        lists = [(n, v) for n, v in values.items() if isinstance(v, list) and v]
    return lists[0] if len(lists) == 1 else None
