"""Warns before parcels are shipped: which stay, which are overdue, which are collected too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.tools.jobs.order_words import NOTE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.jobs.parcels import Parcel
    from mcp_server_tiktok_shop.tools.jobs.shipments import Shipment

MAX_NAMED_PARCELS = 20  # of many that one warning is about


def is_late(parcel: Parcel, now: float) -> bool:
    """Whether it should have been shipped before now."""
    return parcel.deadline is not None and parcel.deadline.timestamp() < now


def is_collected_late(parcel: Parcel, shipment: Shipment) -> bool:
    """Whether the carrier may not have it by the deadline, since the time of its pickup ends after that."""
    slot, deadline = shipment.pickup, parcel.handover_deadline
    return slot is not None and deadline is not None and slot[1] > deadline


def describe_handover(parcel: Parcel, shipment: Shipment, zone: ZoneInfo) -> Json:
    """On the line of a parcel that is collected too late: until when the carrier must have it."""
    deadline = parcel.handover_deadline
    if deadline is None or not is_collected_late(parcel, shipment):
        return {}
    return {"hand_over_by": _tell(deadline, zone), "collected": "too late"}


def find_shipment_warnings(
    parcels: Sequence[Parcel], shipments: Mapping[str, Shipment], now: datetime, zone: ZoneInfo
) -> list[str]:
    """The warnings for parcels that are meant, those with a shipment are going; the most harmful first."""
    going = [parcel for parcel in parcels if parcel.key in shipments]
    return [
        *_warn_of_requests(parcels),
        *_warn_of_pickups(going, shipments, now, zone),
        *_warn_of_late(going, now.timestamp()),
        *(warning for parcel in going for warning in _warn_of_cancelled_units(parcel)),
        *_warn_of_notes(going),
    ]


def _warn_of_requests(parcels: Sequence[Parcel]) -> list[str]:
    """Whose parcels stay here because their buyers asked to cancel: it stands first, where a person sees it."""
    order_ids = [i for parcel in parcels if parcel.has_cancellation_request for i in parcel.order_ids]
    ids = ", ".join(dict.fromkeys(order_ids))
    return [f"Not shipped, since the buyer asked to cancel: {ids}"] if ids else []


def _warn_of_pickups(
    parcels: Sequence[Parcel], shipments: Mapping[str, Shipment], now: datetime, zone: ZoneInfo
) -> Iterator[str]:
    """Which parcels the carrier gets after their deadline, each with both times; and the days on which it comes."""
    late = [parcel for parcel in parcels if is_collected_late(parcel, shipments[parcel.key])]
    lines = [_describe_late_pickup(parcel, shipments[parcel.key], zone) for parcel in late[:MAX_NAMED_PARCELS]]
    more = f"; and {len(late) - MAX_NAMED_PARCELS} more" if len(late) > MAX_NAMED_PARCELS else ""
    can_bring = any(shipments[parcel.key].can_drop_off and (parcel.handover_deadline or now) > now for parcel in late)
    hint = ". Dropped off at once (handover DROP_OFF), some can be in time" if can_bring else ""
    if late:
        yield f"Collected after the hand-over deadline, a late dispatch: {'; '.join(lines)}{more}{hint}"
    today = now.astimezone(zone).date()
    days: dict[str, int] = {}
    for parcel in parcels:
        slot = shipments[parcel.key].pickup
        if slot is not None and (day := slot[0].astimezone(zone).date()) != today:
            days[day.isoformat()] = days.get(day.isoformat(), 0) + 1
    if days:
        counts = ", ".join(f"{count} on {day}" for day, count in sorted(days.items()))
        yield f"Not collected today ({today.isoformat()}): of {len(parcels)} parcels {counts}"


def _describe_late_pickup(parcel: Parcel, shipment: Shipment, zone: ZoneInfo) -> str:
    if shipment.pickup is None or parcel.handover_deadline is None:
        return parcel.key
    start, end = shipment.pickup
    return f"{parcel.key} {_tell(start, zone)} to {_tell(end, zone)}, due {_tell(parcel.handover_deadline, zone)}"


def _tell(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="minutes")


def _warn_of_late(parcels: Sequence[Parcel], now: float) -> list[str]:
    """How many should have gone before now, and since when the first."""
    late = [parcel.deadline for parcel in parcels if parcel.deadline is not None and is_late(parcel, now)]
    if not late:
        return []
    return [
        f"{len(late)} of {len(parcels)} parcels are overdue: the first was to be announced by {min(late).isoformat()}"
    ]


def _warn_of_cancelled_units(parcel: Parcel) -> list[str]:
    """That not all of a parcel's units may be packed."""
    count, rest = len(parcel.lines), len(parcel.open_lines)
    if rest == count:
        return []
    return [f"{count - rest} of the {count} units of parcel {parcel.key} are cancelled: pack {rest}"]


def _warn_of_notes(parcels: Sequence[Parcel]) -> list[str]:
    """In how many something is to be read before they are packed, such as that it is a present."""
    count = sum(bool(parcel.notes) for parcel in parcels)
    names = " or ".join(NOTE_FIELDS)
    return [f"To be read before packing: {count} of {len(parcels)} parcels have a {names}"] if count else []
