"""Finds the parcels to ship, each with its orders, and says why others must not go."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.jobs.order_reads import has_id, read_open_cancellations, read_orders
from mcp_server_tiktok_shop.tools.jobs.order_words import CANCELLED_STATUS, count_units, find_notes, find_town
from mcp_server_tiktok_shop.tools.jobs.refusals import explain_refusal, is_of_other_shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_SHIPPED_AGO_S = 30 * 60  # since when a parcel may have been shipped by a call that was cut off
TO_SHIP_STATUSES = ("AWAITING_SHIPMENT", "PARTIALLY_SHIPPING")
SHIPPED_STATUSES = ("AWAITING_COLLECTION", "PARTIALLY_SHIPPING")  # of orders with parcels that may wait for the carrier
WAITING_STATUS, ARRANGED_STATUS = "TO_FULFILL", "PROCESSING"
# Until when a parcel must be announced, or it is overdue; older answers have the later ones alone.
DEADLINE_FIELDS = ("rts_sla_time", "shipping_due_time", "tts_sla_time")
# Until when the carrier must have a parcel, or it is a late dispatch.
HANDOVER_DEADLINE_FIELDS = ("tts_sla_time", "pick_up_cut_off_time")
ORDER_REASONS = {
    "UNPAID": "is not paid yet",
    "ON_HOLD": "is on hold: TikTok lets nothing be shipped within the first hour",
    "CANCELLED": "is cancelled",
}
UNKNOWN_REASON = "this shop has no order and no parcel of that id"


class Parcel(Struct, frozen=True):
    """A parcel with all the orders in it, as `get_order_detail` answers them; `id` is empty where it has none yet.

    `cancel_ids` are the open requests to cancel, by order id.
    """

    id: str
    orders: tuple[Json, ...]
    cancel_ids: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What it is called by here: its own id, or else its order's."""
        return self.id or self.order_ids[0]

    @property
    def order_ids(self) -> list[str]:
        return [str(order["id"]) for order in self.orders]

    @property
    def lines(self) -> list[Json]:
        """Its units, those that were called off among them."""
        return [line for order in self.orders for line in get_lines(order) if get_package_id(line) == self.id]

    @property
    def open_lines(self) -> list[Json]:
        return [line for line in self.lines if line.get("display_status") != CANCELLED_STATUS]

    @property
    def status(self) -> str:
        """The parcel's status, as its units tell it."""
        return next((str(line["package_status"]) for line in self.lines if line.get("package_status")), WAITING_STATUS)

    @property
    def tracking_number(self) -> str:
        return next((str(line["tracking_number"]) for line in self.lines if line.get("tracking_number")), "")

    @property
    def is_sellers(self) -> bool:
        """Whether the seller sends it with a carrier of their own, without a label of the platform's."""
        return any(order.get("shipping_type") == "SELLER" for order in self.orders)

    @property
    def is_collectable(self) -> bool:
        """Whether it is shipped and waits for the platform's carrier: its label can be had."""
        return self.status == ARRANGED_STATUS and not self.is_sellers and not self.is_cancelled

    @property
    def is_cancelled(self) -> bool:
        return not self.open_lines or any(order.get("status") == CANCELLED_STATUS for order in self.orders)

    @property
    def deadline(self) -> datetime | None:
        """Until when it must be shipped: the earliest of its orders'."""
        return min(filter(None, map(find_deadline, self.orders)), default=None)

    @property
    def handover_deadline(self) -> datetime | None:
        """Until when the carrier must have it: the earliest of its orders'."""
        times = (parse_moment(order.get(name)) for order in self.orders for name in HANDOVER_DEADLINE_FIELDS)
        return min(filter(None, times), default=None)

    @property
    def town(self) -> str:
        """Where it goes, as far as buyers' data may be shown."""
        return next(filter(None, map(find_town, self.orders)), "")

    @property
    def contents(self) -> str:
        return count_units(self.open_lines)

    @property
    def notes(self) -> Json:
        """What buyer and seller wrote on its orders, for who packs it."""
        return find_notes(self.orders)

    @property
    def has_cancellation_request(self) -> bool:
        return any(_has_cancellation_request(order, self.cancel_ids) for order in self.orders)

    def find_obstacle(self) -> str:
        """Why it must not be shipped, in words; empty where it may."""
        for order in self.orders:
            if reason := _find_order_obstacle(order, self.cancel_ids):
                return f"order {order['id']} {reason}"
        if self.is_cancelled or self.status == CANCELLED_STATUS:
            return "all that was in it is cancelled"
        if self.status != WAITING_STATUS:
            number = f", tracking number {self.tracking_number}" if self.tracking_number else ""
            return f"it is shipped already ({self.status}){number}"
        if not any(order.get("status") in TO_SHIP_STATUSES for order in self.orders):
            return f"order {self.order_ids[0]} is {self.orders[0].get('status')}: there is nothing left to ship"
        return ""


class FoundParcels(Struct, frozen=True):
    """The parcels that are meant, and of ids that mean none why, by id; `missing_ids` are those that are not here."""

    parcels: list[Parcel]
    problems: dict[str, str] = field(default_factory=dict)
    missing_ids: frozenset[str] = frozenset()


def get_lines(order: Json) -> list[Json]:
    return [line for line in order.get("line_items") or () if isinstance(line, dict) and line.get("id")]


def get_package_id(line: Json) -> str:
    return str(line.get("package_id") or "")


def find_deadline(order: Json) -> datetime | None:
    """Until when an order must be shipped; None where that is not told."""
    return next(filter(None, (parse_moment(order.get(name)) for name in DEADLINE_FIELDS)), None)


def parse_moment(value: object) -> datetime | None:
    """A time as answers have it; None of what is none."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _has_cancellation_request(order: Json, cancel_ids: dict[str, str]) -> bool:
    """Whether the buyer's wish to cancel waits for an answer; of a cancelled order it does not."""
    is_asked = order.get("is_buyer_request_cancel") and order.get("status") != CANCELLED_STATUS
    return bool(cancel_ids.get(str(order["id"])) or is_asked)


def _find_order_obstacle(order: Json, cancel_ids: dict[str, str]) -> str:
    """Why nothing of an order must be shipped, as what is said of it; empty where it may."""
    if _has_cancellation_request(order, cancel_ids):
        what = cancel_ids.get(str(order["id"]), "that")
        return f"is one that the buyer asked to cancel: decide {what} first, with decide_returns"
    if order.get("fulfillment_type") == "FULFILLMENT_BY_TIKTOK":
        return "is shipped by TikTok's warehouse"
    return ORDER_REASONS.get(str(order.get("status")), "")


async def find_parcels_by_id(ids: Sequence[str], context: JobContext) -> FoundParcels:
    """The parcels that ids of orders or of parcels mean: of an order all of its parcels.

    Raises:
        ShopError: As `read_orders`.

    """
    distinct_ids = list(dict.fromkeys(ids))
    orders = await read_orders(distinct_ids, context)
    other_ids = [thing_id for thing_id in distinct_ids if thing_id not in orders]
    details, problems = await _read_packages(other_ids, context)
    found = await _read_parcels(list(orders.values()), context, details)
    by_id = {parcel.id: parcel for parcel in found}
    wanted = [p for p in found if any(order_id in orders for order_id in p.order_ids) or p.id in details]
    parcels = list({id(p): p for p in wanted}.values())
    return FoundParcels(parcels, problems | _find_lost(details, by_id), frozenset(problems))


async def find_parcels_due(due: str, now: float, context: JobContext) -> FoundParcels:
    """The parcels that must be shipped by a day's end, earliest first: `late`, by `today`'s or by `tomorrow`'s.

    Among them are those that were shipped a moment ago, perhaps by a call that was cut off.
    """
    moment = datetime.fromtimestamp(now, context.zone)
    days = {"today": 1, "tomorrow": 2}.get(due)
    end = moment
    if days is not None:
        end = datetime.combine(moment.date() + timedelta(days), time.min, context.zone)
    orders: list[Json] = []
    for status in TO_SHIP_STATUSES:
        orders += await context.read_rows("get_order_list", {"order_status": status, "page_size": 100})
    shipped_since = int(now) - MAX_SHIPPED_AGO_S
    shipped = await context.read_rows(
        "get_order_list",
        {"order_status": "AWAITING_COLLECTION", "update_time_ge": shipped_since, "page_size": 100},
    )
    orders += [order for order in shipped if order.get("rts_time")]
    due_orders = [
        order for order in orders if has_id(order) and (deadline := find_deadline(order)) is not None and deadline < end
    ]
    parcels = await _read_parcels(due_orders, context, {})
    parcels = [p for p in parcels if p.deadline is not None and p.deadline < end]
    parcels = [p for p in parcels if p.status == WAITING_STATUS or _is_newly_shipped(p, shipped_since)]
    return FoundParcels(sorted(parcels, key=lambda p: (p.deadline or end, p.id)))


async def find_parcels_waiting(context: JobContext) -> list[Parcel]:
    """The parcels that are shipped and wait for the platform's carrier, none that a buyer asked to cancel."""
    orders: list[Json] = []
    for status in SHIPPED_STATUSES:
        orders += await context.read_rows("get_order_list", {"order_status": status, "page_size": 100})
    parcels = [p for p in await _read_parcels(list(filter(has_id, orders)), context, {}) if p.id]
    parcels = [parcel for parcel in parcels if parcel.is_collectable and not parcel.has_cancellation_request]
    return sorted(parcels, key=lambda p: (p.deadline or datetime.max.replace(tzinfo=UTC), p.id))


async def _read_packages(ids: Sequence[str], context: JobContext) -> tuple[dict[str, Json], dict[str, str]]:
    """The parcels of this shop among the ids, and why the others are none."""
    answers = await context.read_each("get_package_detail", [{"package_id": package_id} for package_id in ids])
    details: dict[str, Json] = {}
    problems: dict[str, str] = {}
    for package_id, answer in zip(ids, answers, strict=True):
        if isinstance(answer, ShopError) and is_of_other_shop(answer, context):
            problems[package_id] = UNKNOWN_REASON
        elif isinstance(answer, ShopError):
            problems[package_id] = f"{UNKNOWN_REASON}: {explain_refusal(answer)}"
        else:
            details[package_id] = answer
    return details, problems


async def _read_parcels(orders: list[Json], context: JobContext, details: dict[str, Json]) -> list[Parcel]:
    """The parcels of orders, and those of `details`, with whatever other orders are in them.

    `details` are answers of `get_package_detail` by id.
    """
    by_id = {str(order["id"]): order for order in orders}
    combined_ids = dict.fromkeys(
        get_package_id(line)
        for order in orders
        if order.get("split_or_combine_tag") == "COMBINED"
        for line in get_lines(order)
        if get_package_id(line)
    )
    combined, _ = await _read_packages([i for i in combined_ids if i not in details], context)
    inner_ids = chain.from_iterable(_list_order_ids(detail) for detail in (*details.values(), *combined.values()))
    by_id |= await read_orders([order_id for order_id in inner_ids if order_id not in by_id], context)
    cancel_ids = await read_open_cancellations(by_id, context)
    orders_by_parcel: dict[str, dict[str, Json]] = {}
    for order_id, order in by_id.items():
        package_ids = [get_package_id(line) for line in get_lines(order)]
        own_ids = [package_id for package_id in package_ids if package_id]
        for key in own_ids or [""]:
            orders_by_parcel.setdefault(key or f"order {order_id}", {})[order_id] = order
    return [
        Parcel("" if key.startswith("order ") else key, tuple(parcel_orders.values()), cancel_ids)
        for key, parcel_orders in orders_by_parcel.items()
    ]


def _list_order_ids(detail: Json) -> list[str]:
    return [str(order["id"]) for order in detail.get("orders") or () if has_id(order)]


def _find_lost(details: dict[str, Json], by_id: dict[str, Parcel]) -> dict[str, str]:
    """Parcels that the platform knows, and none of whose orders names them."""
    return {i: "none of its orders has a unit in it" for i in details if i not in by_id}


def _is_newly_shipped(parcel: Parcel, seconds: int) -> bool:
    times = filter(None, (parse_moment(line.get("rts_time")) for line in parcel.lines))
    return any(time.timestamp() >= seconds for time in times)
