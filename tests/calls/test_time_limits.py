"""A time beyond what the platform takes is refused before anything is sent, and the limit is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.time_limits import describe_time_limits, validate_times
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_previews import list_products, run
from tests.calls.test_writes import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Connect

CATALOG = Catalog()
ZONE = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 20, 9, tzinfo=ZONE)


@pytest.fixture
def era() -> str:
    return "auto"


def list_limited_times(fields: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each field with a limit on its time, by its path, with its schema."""
    for name, schema in fields.items():
        inner = schema.get("items", schema)
        here = (*path, name + "[]" * ("items" in schema))
        if describe_time_limits(schema):
            yield here, schema
        yield from list_limited_times(inner.get("properties", {}), here)


LIMITED = [
    (operation.name, path, schema)
    for operation in CATALOG.operations.values()
    for path, schema in list_limited_times(operation.arguments)
]


def wrap(path: tuple[str, ...], row: dict[str, Any]) -> dict[str, Any]:
    """A row with a time, inside the objects and lists of its path."""
    for name in reversed(path[:-1]):
        row = {name.removesuffix("[]"): [row] if name.endswith("[]") else row}
    return row


def write_time(schema: dict[str, Any], moment: datetime) -> Any:
    match schema["x-unit"]:
        case "iso-date":
            return moment.date().isoformat()
        case "rfc3339":
            return moment.isoformat()
    return int(moment.timestamp()) * (1000 if schema["x-unit"] == "unix-milliseconds" else 1)


def list_edges(schema: dict[str, Any]) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The farthest moment on each side, from where it is counted, and the step that leaves it."""
    for rule in schema["x-limits-when"]:
        for key, value in rule.items():
            if key.endswith(("_min", "_max")):
                unit = timedelta(days=1) if key.startswith("days") else timedelta(minutes=1)
                yield NOW + value * unit, NOW, -unit if key.endswith("_min") else unit


@pytest.mark.parametrize(("name", "path", "schema"), LIMITED, ids=[f"{name}-{path[-1]}" for name, path, _ in LIMITED])
def test_each_limit_of_a_time_holds_to_its_edge_and_not_beyond(
    name: str, path: tuple[str, ...], schema: dict[str, Any]
) -> None:
    operation = CATALOG.operations[name]
    edges = list(list_edges(schema))
    assert edges
    for edge, origin, step in edges:
        row = {rule["after"]: int(origin.timestamp()) for rule in schema["x-limits-when"] if "after" in rule}
        validate_times(operation, wrap(path, row | {path[-1]: write_time(schema, edge)}), ZONE, NOW.timestamp())
        with pytest.raises(ShopError, match="out of range") as refusal:
            validate_times(
                operation, wrap(path, row | {path[-1]: write_time(schema, edge + step)}), ZONE, NOW.timestamp()
            )
        assert refusal.value.problems[0].allowed in describe_time_limits(schema)


async def test_a_day_that_the_platform_would_refuse_is_not_sent(connect: Connect) -> None:
    sandbox = Sandbox(shops=1)
    today = datetime.now(UTC)

    def days(count: float) -> str:
        return (today + timedelta(days=count)).isoformat()

    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        product_id = (await list_products(client))[0]["id"]
        later = {"is_enabled_scheduled_sale": True, "schedule_sale_time": days(120)}
        refused = await run(client, "partial_edit_product", {"product_id": product_id, "scheduled_sale": later})
        assert refused["error"] == "invalid_arguments"
        assert refused["message"].startswith("scheduled_sale.schedule_sale_time is 2")
        assert refused["message"].endswith("at most 90 days from now")
        refused = await told(client, "get_shop_performance_per_hour", date=days(3)[:10])
        assert "not in the future" in refused["message"]
        refused = await told(client, "search_sessions", begin_time_ge=days(-120), begin_time_lt=days(0))
        assert "at most 90 days ago" in refused["message"]
        described = await told(client, "describe_operation", name="create_product")
    assert "3-60 days from now" in str(described)


def test_a_day_counts_by_the_calendar_where_that_allows_more() -> None:
    product = {"skus": [{"pre_sale": {"fulfillment_type": {"release_date": "2026-11-23T00:00"}}}]}
    validate_times(CATALOG.operations["create_product"], product, ZONE, NOW.timestamp())


def test_an_end_without_its_beginning_and_a_time_of_zero_have_no_distance() -> None:
    promotion = CATALOG.operations["create_promotion_activity"]
    for values in ({"end_time": 5}, {"begin_time": 0, "end_time": 0}):
        validate_times(promotion, values, ZONE, NOW.timestamp())


def test_times_between_which_the_clock_is_set_back_are_as_far_apart_as_time_passes() -> None:
    """01:30 of summer time is 40 minutes before 01:10 of winter time."""
    promotion = CATALOG.operations["create_promotion_activity"]
    begin, end = "2026-10-25T01:30:00+01:00", "2026-10-25T01:10:00+00:00"
    values = {"begin_time": to_seconds(begin), "end_time": to_seconds(end)}
    validate_times(promotion, values, ZONE, to_seconds("2026-10-24T09:00:00+01:00"))
    with pytest.raises(ShopError, match="lies before begin_time"):
        validate_times(promotion, {"begin_time": to_seconds(end), "end_time": to_seconds(begin)}, ZONE, NOW.timestamp())
    campaign = CATALOG.operations["create_affiliate_partner_campaign"]  # which may not begin in the past
    validate_times(campaign, {"campaign_start_time": to_seconds(end)}, ZONE, to_seconds(begin))
    with pytest.raises(ShopError, match="not in the past"):
        validate_times(campaign, {"campaign_start_time": to_seconds(begin)}, ZONE, to_seconds(end))


def to_seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
