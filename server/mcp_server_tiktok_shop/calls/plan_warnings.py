"""Warns of a write that starts in the past, changes nothing, can't be taken back or divides an order wrongly."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.value_texts import to_single_line
from mcp_server_tiktok_shop.catalog.binding import encode_times
from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS, TIME_UNITS_PER_SECOND, is_time
from mcp_server_tiktok_shop.catalog.time_limits import START_WORDS
from mcp_server_tiktok_shop.catalog.undo import find_undo_rule
from mcp_server_tiktok_shop.json_paths import find_values
from mcp_server_tiktok_shop.money import parse_amount

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.calls.way_back import WayBack
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

SETTING_VERBS = ("update", "edit", "partial")
SPLITTING_OPERATION = "confirm_order_split"
MIN_GROUPS = 2  # that an order is divided into
ROW_SETTINGS = frozenset({"id", "warehouse_id", "price", "inventory", "quantity"})  # a row that says no more is a part
ROW_KEYS = ("id", "warehouse_id")  # by which a row of a list is known
EQUAL_FIELDS = {"amount": "sale_price"}  # of prices: what is sent as the one is answered as the other
MAX_NAMED_IDS = 3


def warn_of_past_times(
    operation: Operation, values: Json, items: list[Item], zone: ZoneInfo, now: float
) -> Iterator[str]:
    """Of each moment at which something is to begin, and which is over; one that stays as it is apart."""
    for path, moment in _iter_starts({"properties": operation.arguments}, values, zone, ""):
        is_kept = any(_to_comparable(item.data.get(path)) == int(moment.timestamp()) for item in items)
        if moment.timestamp() < now and not is_kept:
            yield f"in the past: {path} {moment.isoformat(timespec='minutes')}"


def warn_of_no_change(operation: Operation, values: Json, items: list[Item], zone: ZoneInfo) -> Iterator[str]:
    """Of settings that the one thing has already, all of them."""
    settings = {
        name: encode_times(operation.arguments[name], value, zone)
        for name, value in values.items()
        if name not in IDEMPOTENCY_KEY_ARGUMENTS and not name.endswith("_id")
    }
    if operation.name.startswith(SETTING_VERBS) and settings and len(items) == 1 and _holds(items[0].data, settings):
        yield "this changes nothing: all of it is so already"


def warn_of_no_way_back(operation: Operation, way_back: WayBack) -> list[str]:
    """Of a write that has no way back, though one like it has: who asks for it until a day will want one.

    It makes nobody be asked who is not asked otherwise.
    """
    rule = find_undo_rule(operation.name) if operation.record["asks"] else None
    is_lasting = rule is not None and not rule.is_idle and not way_back.steps
    return [f"This can't be taken back: {way_back.reason}"] if is_lasting else []


def warn_of_split(operation: Operation, values: Json, items: list[Item]) -> Iterator[str]:
    """Of groups that don't hold each line of the order once."""
    order = next((item for item in items if item.noun == "order"), None)
    if operation.name != SPLITTING_OPERATION or order is None:
        return
    groups = values.get("splittable_groups")
    given = [str(line_id) for line_id in find_values(values, ["splittable_groups", "order_line_item_ids"])]
    line_ids = [str(line_id) for line_id in find_values(order.data, ["line_items", "id"])]
    if isinstance(groups, list) and len(groups) < MIN_GROUPS:
        yield "there is one group alone: that divides nothing"
    for text, ids in {
        f"not a line of order {order.id}": [line_id for line_id in given if line_id not in line_ids],
        "in several groups": [line_id for line_id in dict.fromkeys(given) if given.count(line_id) > 1],
        "in no group, but a line of the order": [line_id for line_id in line_ids if line_id not in given],
    }.items():
        if ids:
            more = f" and {len(ids) - MAX_NAMED_IDS} more" if len(ids) > MAX_NAMED_IDS else ""
            yield f"{text}: {', '.join(map(to_single_line, ids[:MAX_NAMED_IDS]))}{more}"


def _iter_starts(schema: Json, value: Any, zone: ZoneInfo, path: str) -> Iterator[tuple[str, datetime]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _iter_starts(schema.get("items", {}), item, zone, f"{path}[{index}]")
    for name, inner in value.items() if isinstance(value, dict) else ():
        inner_schema = schema.get("properties", {}).get(name, {})
        inner_path = f"{path}.{name}" if path else name
        if not is_time(inner_schema):
            yield from _iter_starts(inner_schema, inner, zone, inner_path)
        elif set(START_WORDS) & {*name.split("_")}:
            seconds = int(encode_times(inner_schema, inner, zone)) / TIME_UNITS_PER_SECOND[inner_schema["x-unit"]]
            if seconds > 0:
                yield inner_path, datetime.fromtimestamp(seconds, zone)


def _holds(data: Any, settings: Any) -> bool:
    """Whether all that is to be set stands in the data already."""
    if isinstance(settings, dict):
        return isinstance(data, dict) and all(
            _holds(data.get(name, data.get(EQUAL_FIELDS.get(name, ""))), value) for name, value in settings.items()
        )
    if isinstance(settings, list):
        is_whole = isinstance(data, list) and (len(data) == len(settings) or _are_rows(settings))
        return is_whole and all(_holds_item(data, item) for item in settings)
    return data is not None and _to_comparable(data) == _to_comparable(settings)


def _are_rows(items: list[Any]) -> bool:
    """Whether a list names rows to be changed, and leaves the others as they are: of prices and stock alone."""
    return bool(items) and all(isinstance(item, dict) and ROW_SETTINGS.issuperset(item) for item in items)


def _holds_item(rows: list[Any], item: Any) -> bool:
    if not isinstance(item, dict):
        return item in rows
    key = next((key for key in ROW_KEYS if key in item), "")
    return bool(key) and any(
        isinstance(row, dict) and str(row.get(key)) == str(item[key]) and _holds(row, item) for row in rows
    )


def _to_comparable(value: Any) -> Any:
    """Numbers by their value, moments by theirs; true and false are no numbers."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and "T" in value:
        try:
            return int(datetime.fromisoformat(value).timestamp())
        except ValueError:
            return value
    number = parse_amount(value)
    return value if number is None else number
