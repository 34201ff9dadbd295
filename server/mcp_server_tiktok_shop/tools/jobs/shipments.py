"""Plans how each parcel is shipped: by which write, carrier and handover, and how that is described."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.jobs.parcels import get_lines, get_package_id, parse_moment
from mcp_server_tiktok_shop.tools.jobs.refusals import explain_refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.jobs.parcels import Parcel

BATCH_OPERATION, MARK_OPERATION, BUY_OPERATION = "batch_ship_packages", "mark_package_as_shipped", "create_packages"
LABEL_MARKETS = frozenset({"US", "JP"})  # where a label is bought, and a parcel shipped by that
DROP_OFF = "DROP_OFF"
SHIPPED_WORD = "shipped"
# By whether the carrier can collect a parcel, and whether it can be dropped off: what its handover must be.
ONLY_PICKUP = (True, False)
ONLY_WAYS: dict[tuple[object, ...], str] = {
    ONLY_PICKUP: "shipped, collected by the carrier",
    (False, True): "shipped, to be brought to the carrier",
}
MAX_HANDOVER_READS = 50  # parcels whose possible handovers are looked up
WHOLE_ORDER, PART_OF_ORDER, ORDERS_TOGETHER = "1", "2", "3"
OWN_CARRIER_REASON = "the seller's own carrier takes it: give its tracking_number and shipping_provider in own_carrier"
NO_PARCEL_REASON = "TikTok has made no parcel of it yet: try again in some minutes"


class OwnCarrier(Struct, frozen=True):
    """What the seller says of a parcel that they send themselves."""

    tracking_number: str
    provider: str


class Shipment(Struct, frozen=True):
    """How one parcel is shipped: the write's name, the part of its arguments for this parcel, and how that is told.

    Of a label that is bought `price` and `currency` say what it costs, where that is known. `pickup` is from when to
    when the carrier comes for it; of a parcel that it collects in any case the first time that it can.
    """

    operation: str
    arguments: Json
    words: str
    price: Decimal | None = None
    currency: str = ""
    pickup: tuple[datetime, datetime] | None = None
    can_drop_off: bool = False


Shipments = tuple[dict[str, Shipment], dict[str, str]]


async def plan_shipments(
    parcels: list[Parcel], values: Json, known_parcels: list[Parcel], context: JobContext
) -> Shipments:
    """How each parcel is shipped, and of those that can't be why: both by the parcel's key.

    `known_parcels` are all that the call is about, those that are shipped already among them.

    Raises:
        ShopError: What is given for the seller's own carriers fits none of the parcels, or no carrier.

    """
    shipments: dict[str, Shipment] = {}
    problems: dict[str, str] = {}
    region = context.target.shop.region if context.target.shop else ""
    carriers = _parse_own_carriers(values, known_parcels, has_other_shops=context.has_other_shops)
    providers = await _read_providers([p for p in parcels if p.is_sellers and p.key in carriers], context)
    by_carrier = [p for p in parcels if not p.is_sellers and p.id and region not in LABEL_MARKETS]
    handovers, unfit = await _plan_handovers(by_carrier, values, context)
    bought = [p for p in parcels if not p.is_sellers and p not in by_carrier]
    for parcel in parcels:
        if parcel.is_sellers and parcel.key in carriers:
            shipments[parcel.key] = _ship_by_seller(parcel, carriers[parcel.key], providers, context)
        elif parcel.is_sellers:
            problems[parcel.key] = OWN_CARRIER_REASON
    purchases, unbought = await _plan_purchases(bought, region, context)
    return shipments | handovers | purchases, problems | unfit | unbought


def list_foreign_carriers(values: Json, parcels: Sequence[Parcel]) -> list[str]:
    """The ids of `own_carrier` that are none of the parcels that the seller ships here."""
    known = {thing_id for parcel in parcels if parcel.is_sellers for thing_id in (parcel.id, *parcel.order_ids)}
    return [entry["id"] for entry in values.get("own_carrier") or () if entry["id"] not in known]


def _parse_own_carriers(values: Json, parcels: list[Parcel], *, has_other_shops: bool) -> dict[str, OwnCarrier]:
    """What is given of parcels that the seller ships, by the parcel's key.

    Raises:
        ShopError: An entry names none of the parcels that the seller ships, unless it may be another shop's, or an
            order of several of them.

    """
    carriers: dict[str, OwnCarrier] = {}
    own_parcels = [parcel for parcel in parcels if parcel.is_sellers]
    for index, entry in enumerate(values.get("own_carrier") or ()):
        named = [parcel for parcel in own_parcels if entry["id"] in (parcel.id, *parcel.order_ids)]
        if not named and has_other_shops:
            continue
        if len(named) != 1:
            message = "has several parcels: name one" if named else "is none of the parcels that the seller ships"
            allowed = ", ".join(parcel.key for parcel in named or own_parcels) or None
            problem = Problem(f"own_carrier[{index}].id", message, allowed)
            text = f"{problem.argument} {entry['id']} {message}. Nothing was sent."
            raise ShopError("invalid_arguments", text, problems=(problem,))
        carriers[named[0].key] = OwnCarrier(entry["tracking_number"], entry["shipping_provider"])
    return carriers


async def _read_providers(parcels: list[Parcel], context: JobContext) -> dict[str, list[Json]]:
    """The carriers that a seller may use, by delivery option."""
    options = list(dict.fromkeys(str(p.orders[0].get("delivery_option_id", "")) for p in parcels))
    providers = {}
    for option in options:
        data = await context.read("get_shipping_providers", {"delivery_option_id": option})
        rows = data.get("shipping_providers") or ()
        providers[option] = [row for row in rows if isinstance(row, dict) and row.get("id")]
    return providers


def _ship_by_seller(
    parcel: Parcel, carrier: OwnCarrier, providers: dict[str, list[Json]], context: JobContext
) -> Shipment:
    """How a parcel is announced that the seller sends.

    Raises:
        ShopError: The carrier is none of those that there are for it.

    """
    rows = providers[str(parcel.orders[0].get("delivery_option_id", ""))]
    wanted = carrier.provider.casefold().strip()
    matches = [r for r in rows if wanted in (str(r.get("id")), str(r.get("name", "")).casefold())]
    matches = matches or [row for row in rows if wanted in str(row.get("name", "")).casefold()]
    if len(matches) != 1:
        allowed = ", ".join(f"{row.get('name')} ({row.get('id')})" for row in matches or rows)
        problem = Problem("own_carrier", f"{carrier.provider!r} is not one carrier for parcel {parcel.id}", allowed)
        raise ShopError("invalid_arguments", f"{problem.message}. Nothing was sent.", problems=(problem,))
    info = {"tracking_number": carrier.tracking_number, "shipping_provider_id": str(matches[0]["id"])}
    words = f"shipped with {matches[0].get('name')}, tracking number {carrier.tracking_number}"
    mark = context.operations.get(MARK_OPERATION)
    region = context.target.shop.region if context.target.shop else ""
    if region in mark.record["regions"]:
        lines = [{"order_line_id": str(line["id"])} for line in parcel.open_lines]
        arguments: Json = {"order_id": parcel.order_ids[0], "order_line_list": lines, "shipping_info_list": [info]}
        return Shipment(MARK_OPERATION, arguments, words)
    return Shipment(BATCH_OPERATION, {"id": parcel.id, "self_shipment": info}, words)


async def _plan_handovers(parcels: list[Parcel], values: Json, context: JobContext) -> Shipments:
    """How the platform's carrier gets each parcel, and of those that it can't get so why."""
    method = values.get("handover")
    if method is None:
        return await _leave_handovers(parcels, context), {}
    answers = await context.read_each("get_package_handover_time_slots", [{"package_id": p.id} for p in parcels])
    shipments: dict[str, Shipment] = {}
    problems: dict[str, str] = {}
    for parcel, answer in zip(parcels, answers, strict=True):
        if isinstance(answer, ShopError):
            problems[parcel.id] = explain_refusal(answer)
            continue
        arguments: Json = {"id": parcel.id, "handover_method": method}
        if method == DROP_OFF:
            if answer.get("can_drop_off") is False:
                problems[parcel.id] = "it can't be dropped off: use handover PICKUP for it"
            else:
                shipments[parcel.id] = Shipment(BATCH_OPERATION, arguments, SHIPPED_WORD)
            continue
        wanted = values.get("pickup_time")
        slots = [slot for slot in _read_slots(answer) if wanted is None or slot[0].timestamp() == wanted]
        if answer.get("can_pickup") is False or not slots:
            problems[parcel.id] = (
                "the carrier doesn't come then: get_package_handover_time_slots has the times"
                if wanted is not None and answer.get("can_pickup")
                else "the carrier doesn't collect it: use handover DROP_OFF for it"
            )
            continue
        start, end = slot = min(slots)
        arguments["pickup_slot"] = {"start_time": int(start.timestamp()), "end_time": int(end.timestamp())}
        words = f"shipped, collected {start.isoformat()} to {end.isoformat()}"
        can_drop_off = answer.get("can_drop_off") is True
        shipments[parcel.id] = Shipment(BATCH_OPERATION, arguments, words, pickup=slot, can_drop_off=can_drop_off)
    return shipments, problems


async def _leave_handovers(parcels: list[Parcel], context: JobContext) -> dict[str, Shipment]:
    """Parcels whose handover the platform chooses: it is known where there is one way alone for a parcel."""
    known = parcels[:MAX_HANDOVER_READS]
    answers = await context.read_each("get_package_handover_time_slots", [{"package_id": p.id} for p in known])
    shipments = {p.id: Shipment(BATCH_OPERATION, {"id": p.id}, SHIPPED_WORD) for p in parcels}
    for parcel, answer in zip(known, answers, strict=True):
        if isinstance(answer, ShopError):
            continue
        ways = (answer.get("can_pickup"), answer.get("can_drop_off"))
        if ways in ONLY_WAYS:
            pickup = min(_read_slots(answer), default=None) if ways == ONLY_PICKUP else None
            shipments[parcel.id] = replace(shipments[parcel.id], words=ONLY_WAYS[ways], pickup=pickup)
    return shipments


async def _plan_purchases(parcels: list[Parcel], region: str, context: JobContext) -> Shipments:
    """The labels that are bought for parcels, with their price, where that is how parcels are shipped."""
    if region not in LABEL_MARKETS:
        return {}, {p.key: NO_PARCEL_REASON for p in parcels}
    answers = await context.read_each(
        "get_eligible_shipping_services",
        [
            {"order_id": p.order_ids[0], "order_line_item_ids": [str(line["id"]) for line in p.open_lines]}
            for p in parcels
        ],
    )
    shipments = {}
    for parcel, answer in zip(parcels, answers, strict=True):
        services = [] if isinstance(answer, ShopError) else answer.get("shipping_services") or []
        service = next((s for s in services if isinstance(s, dict) and s.get("is_default")), None)
        terms = f": {service.get('name')}, {service.get('price')} {service.get('currency')}" if service else ""
        words = f"label bought{terms or ', at a price that could not be looked up'}, and so shipped"
        price, currency = _read_price(service or {})
        arguments: Json = {"ship_type": WHOLE_ORDER, "order_id": parcel.order_ids[0]}
        if len(parcel.orders) > 1:
            arguments = {"ship_type": ORDERS_TOGETHER, "order_list_ids": parcel.order_ids}
        elif {get_package_id(line) for line in get_lines(parcel.orders[0])} - {"", parcel.id}:
            lines = [{"order_line_id": str(line["id"])} for line in parcel.open_lines]
            arguments |= {"ship_type": PART_OF_ORDER, "order_line_item": lines}
        shipments[parcel.key] = Shipment(BUY_OPERATION, arguments, words, price, currency)
    return shipments, {}


def add_up_labels(shipments: Sequence[Shipment]) -> str:
    """What all labels that are bought cost, by currency; nothing where none is."""
    bought = [shipment for shipment in shipments if shipment.operation == BUY_OPERATION]
    sums: dict[str, Decimal] = {}
    for shipment in bought:
        if shipment.price is not None:
            sums[shipment.currency] = sums.get(shipment.currency, Decimal()) + shipment.price
    if not sums:
        return ""
    unknown = sum(shipment.price is None for shipment in bought)
    costs = " and ".join(f"{total} {currency}" for currency, total in sums.items())
    return f"The labels cost {costs} in all{f', without {unknown} of unknown price' if unknown else ''}."


def _read_price(service: Json) -> tuple[Decimal | None, str]:
    """What a shipping service costs; None where it does not say so."""
    try:
        price = Decimal(str(service["price"]))
    except (KeyError, InvalidOperation):
        return None, ""
    return (price, str(service.get("currency") or "")) if price.is_finite() else (None, "")


def _read_slots(answer: Json) -> list[tuple[datetime, datetime]]:
    """The times at which the carrier comes, from when to when."""
    rows = [row for row in answer.get("pickup_slots") or () if isinstance(row, dict) and row.get("avaliable", True)]
    slots = [(parse_moment(row.get("start_time")), parse_moment(row.get("end_time"))) for row in rows]
    return [(start, end) for start, end in slots if start is not None and end is not None]
