"""Reads from a call what a made-up answer keeps to: the period and the ids that are asked for, the shop's market."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.durations import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

LOWER_PATTERN = re.compile(r"_(ge|gt)$|^min_|(^|_)start(_|$)")
UPPER_PATTERN = re.compile(r"_(le|lt)$|^max_|(^|_)end(_|$)")
LOCAL_CURRENCY = "LOCAL"
METRIC_UNITS = ("GRAM", "KILOGRAM", "CENTIMETER", "CM", "METRIC", "METER")
US_UNITS = ("POUND", "POUNDS", "INCH", "IMPERIAL", "FOOT")


@dataclass(frozen=True)
class AskedIds:
    """The ids of a list of arguments, and what they are ids of: `product` of `product_ids`, nothing of `ids`."""

    noun: str
    ids: Sequence[str]


@dataclass(frozen=True)
class AskedPeriod:
    """Unix seconds from `start` to `end`, not included."""

    start: int
    end: int


def find_ids(call: Call) -> AskedIds | None:
    """The first list of ids that a call narrows a list by."""
    for name, value in call.arguments.items():
        if (name == "ids" or name.endswith("_ids")) and isinstance(value, list) and value:
            return AskedIds(name.removesuffix("ids").strip("_"), [str(each) for each in value])
    return None


def find_period(call: Call) -> AskedPeriod | None:
    """The period that a call names, as far as it lies before now; None where it names none."""
    arguments = {**call.operation.in_query, **call.operation.in_body}
    moments = [*_iter_moments(arguments, call.arguments)]
    start = max((moment for name, moment in moments if LOWER_PATTERN.search(name)), default=None)
    end = min((moment for name, moment in moments if UPPER_PATTERN.search(name)), default=None)
    if start is None and end is None:
        return None
    end = min(end if end is not None else call.now, max(call.now, (start or 0) + 1))
    start = start if start is not None else end - 28 * DAY_S
    return AskedPeriod(start, end) if start < end else None


def _iter_moments(schemas: Json, values: Json) -> Iterator[tuple[str, int]]:
    for name, value in values.items():
        schema = schemas.get(name, {})
        unit = schema.get("x-unit", "")
        if isinstance(value, dict):
            yield from _iter_moments(schema.get("properties", {}), value)
        elif unit.startswith("unix-") and str(value).isdigit() and int(value):
            yield name, int(value) // (1000 if unit == "unix-milliseconds" else 1)
        elif unit.startswith("iso-date"):
            try:
                yield name, int(datetime.fromisoformat(str(value)).replace(tzinfo=UTC).timestamp())
            except ValueError:
                continue  # refused elsewhere, or no date at all


def choose_for_market(name: str, choices: Sequence[Any], call: Call) -> Any:
    """Of the values that a field may have the one of the shop's own market; None where the field tells no market."""
    wanted: tuple[str, ...] = ()
    if name.endswith("currency"):
        wanted = (call.shop.currency,)
    elif is_region(name):
        wanted = (call.shop.region,)
    elif "unit" in name:
        wanted = US_UNITS if call.shop.region == "US" else METRIC_UNITS
    return next((choice for choice in wanted if choice in choices), None)


def is_region(name: str) -> bool:
    """Whether a field of this name holds a country, or countries."""
    return name in ("country", "countries") or name.endswith(("region", "regions", "region_code"))
