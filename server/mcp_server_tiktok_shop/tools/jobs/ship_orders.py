"""Ships parcels with one yes, waits for their labels, and joins them in one file with a page table."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.jobs.parcels import (
    ARRANGED_STATUS,
    WAITING_STATUS,
    Parcel,
    find_parcels_by_id,
    find_parcels_due,
)
from mcp_server_tiktok_shop.tools.jobs.separate_parcels import find_separate_parcels
from mcp_server_tiktok_shop.tools.jobs.shipment_warnings import describe_handover, find_shipment_warnings, is_late
from mcp_server_tiktok_shop.tools.jobs.shipments import (
    BATCH_OPERATION,
    BUY_OPERATION,
    SHIPPED_WORD,
    add_up_labels,
    list_foreign_carriers,
    plan_shipments,
)
from mcp_server_tiktok_shop.tools.pdf.page_format import DEFAULT_PAPER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.calls.jobs.job import Outcome, ShopOutcomes
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.jobs.shipments import Shipment
    from mcp_server_tiktok_shop.tools.label_files import LabelFileMaker

LABEL_WAIT_S = 20.0  # for labels that the platform is still making
MIN_LABEL_WAIT_S = 3.0  # also where the time for the call is up
MAX_PARCELS_PER_WRITE = 20  # one wrong parcel may refuse a whole write
MAX_LABELS_OF_TOOL = 50  # that `resize_pdf` takes
MAX_PARCELS = 200  # of one job
MAX_IDLE_PARCELS = 300  # that are not shipped now, and told
NOT_SENT_REASON = "it is none of the parcels that the seller ships here"
MORE_REASON = f"only {MAX_PARCELS} parcels are shipped at once: call it again for this one"
SHOWN_FACTS = (
    "package_status",
    "handover_method",
    "tracking_number",
    "shipping_provider_name",
)  # of a parcel that was shipped
# How the platform's carriers get parcels, by the argument; without it the platform chooses, and no setting tells what.
# Where a label is bought, it chooses in any case: `create_packages` takes no handover.
CHOSEN_HANDOVER = "TikTok tells only afterwards whether {which} collected or dropped off: {setting}."
NO_HANDOVER_WARNING = "TikTok takes no handover with labels that are bought: {handover} is not told to it"
HANDOVER_SETS, NOTHING_SETS = "handover sets it", "of labels that are bought nothing sets it"
HANDOVERS = {
    "DROP_OFF": "Handover DROP_OFF: the seller brings them to the carrier.",
    "PICKUP": "Handover PICKUP: the carrier collects them.",
}
IS_SHOWN, HAS_SLIPS = "show_page", "packing_slips"  # arguments that the making of labels goes by
HAS_LABEL = "has_label"  # of an item: its label can be had once it is shipped, or can be had already


class ShipOrdersJob(Job, frozen=True):
    """The tool `ship_orders`."""

    label_files: LabelFileMaker

    async def plan(self, values: Json, context: JobContext) -> Plan:
        """Every parcel that is meant: shipped as asked for, or skipped with the reason."""
        if ("ids" in values) == ("due" in values):
            problem = Problem("ids", "give ids or due, one of them", "order or parcel ids, or late, today, tomorrow")
            raise ShopError("invalid_arguments", "give ids or due, one of them", problems=(problem,))
        if "ids" in values:
            found = await find_parcels_by_id(values["ids"], context)
        else:
            found = await find_parcels_due(values["due"], self.label_files.runtime.clock(), context)
        shippable = [parcel for parcel in found.parcels if not parcel.find_obstacle()]
        shipments, problems = await plan_shipments(shippable[:MAX_PARCELS], values, found.parcels, context)
        now, paper = self.label_files.runtime.clock(), values.get("paper_size", DEFAULT_PAPER)
        items, idle = [], 0
        for parcel in found.parcels:
            shipment = shipments.get(parcel.key)
            obstacle = parcel.find_obstacle() or problems.get(parcel.key, "") or ("" if shipment else MORE_REASON)
            idle += bool(obstacle)
            if not obstacle or idle <= MAX_IDLE_PARCELS:
                item = _make_item(parcel, shipment, obstacle, paper, now, context.zone)
                wishes = {IS_SHOWN: bool(values.get(IS_SHOWN)), HAS_SLIPS: bool(values.get(HAS_SLIPS))}
                items.append(replace(item, parameters=item.parameters | wishes))
        items += [
            JobItem("id", unknown_id, skip_reason=reason, is_missing=unknown_id in found.missing_ids)
            for unknown_id, reason in found.problems.items()
        ]
        foreign_ids = list_foreign_carriers(values, found.parcels) if context.has_other_shops else []
        items += [JobItem("own_carrier", i, skip_reason=NOT_SENT_REASON, is_missing=True) for i in foreign_ids]
        going = [parcel for parcel in found.parcels if parcel.key in shipments]
        moment = datetime.fromtimestamp(now, context.zone)
        warnings = find_shipment_warnings(found.parcels, shipments, moment, context.zone)
        warnings += await find_separate_parcels(going, context)
        if "handover" in values and any(s.operation == BUY_OPERATION for s in shipments.values()):
            warnings.insert(0, NO_HANDOVER_WARNING.format(handover=values["handover"]))
        if idle > MAX_IDLE_PARCELS:
            warnings.append(f"{idle - MAX_IDLE_PARCELS} more parcels that are not shipped now are not shown")
        ways = [shipments[parcel.key] for parcel in going]
        return Plan(tuple(items), _make_state(going), tuple(warnings), _explain(ways, values.get("handover"), paper))

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """Parcels that the platform's carriers take in batches, others one by one."""
        steps = []
        batch_items = [item for item in items if item.parameters["operation"] == BATCH_OPERATION]
        for start in range(0, len(batch_items), MAX_PARCELS_PER_WRITE):
            chunk = batch_items[start : start + MAX_PARCELS_PER_WRITE]
            packages = [item.parameters["arguments"] for item in chunk]
            steps.append(Step(BATCH_OPERATION, {"packages": packages}, tuple(chunk)))
        return steps + [
            Step(item.parameters["operation"], item.parameters["arguments"], (item,))
            for item in items
            if item.parameters["operation"] != BATCH_OPERATION
        ]

    def find_now(self, item: JobItem, state: Sequence[Json]) -> Any:
        """How the parcel stands; of one that was packed anew, the new one, with its id."""
        things = [thing for thing in state if "package" in thing]
        own = next((thing for thing in things if thing["package"] == item.id), None)
        if own is None and item.parameters["operation"] != BATCH_OPERATION:
            order_ids = set(item.parameters["order_ids"])
            own = next((t for t in things if order_ids & set(str(t.get("orders.id", "")).split(", "))), None)
        if own is None:
            return None
        names = ("package", *SHOWN_FACTS) if own["package"] != item.id else SHOWN_FACTS
        return {name: own[name] for name in names if name in own}

    async def finish(self, shop_outcomes: Sequence[ShopOutcomes]) -> Json:
        """One PDF of the labels of all parcels that are shipped and wait for the carrier, the pages told with each."""
        parcels: dict[str, Outcome] = {}
        shops: dict[str, str | None] = {}
        for each in shop_outcomes:
            own = _find_labelled(each.outcomes)
            parcels |= own
            shops |= dict.fromkeys(own, each.context.target.shop.id if each.context.target.shop else None)
        if not parcels:
            return {}
        paper = next((str(o.item.parameters["paper"]) for o in parcels.values()), DEFAULT_PAPER)
        context = shop_outcomes[0].context
        wait_s = max(min(LABEL_WAIT_S, context.platform.time_remaining(context.deadline)), MIN_LABEL_WAIT_S)
        is_shown = any(outcome.item.parameters.get(IS_SHOWN) for outcome in parcels.values())
        has_slips = any(outcome.item.parameters.get(HAS_SLIPS) for outcome in parcels.values())
        labels = await self.label_files.make(
            shops, paper, wait_s, context.caller, is_shown=is_shown, has_slips=has_slips
        )
        data: Json = {"path": str(labels.path), "paper_size": paper} if labels.path else {}
        if labels.picture:
            data["picture"] = labels.picture
        if labels.pages:
            data["pages"] = sum(map(len, labels.pages.values()))
        if labels.missing:
            data["missing"] = [{"package": package_id, "reason": r} for package_id, r in labels.missing.items()]
            data["later"] = _make_label_call(shops, paper, has_slips=has_slips)
        places = {
            parcels[package_id].item.key: _describe_label(parcels[package_id], pages)
            for package_id, pages in labels.pages.items()
        }
        return {"labels": data, "is_settled": not labels.missing, "item_values": places}


def _find_labelled(outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
    """What came of the parcels whose labels can be had now, by package id."""
    parcels: dict[str, Outcome] = {}
    for outcome in outcomes:
        parameters = outcome.item.parameters
        is_shipped = outcome.state == "done" or parameters.get("status") == ARRANGED_STATUS
        if parameters.get(HAS_LABEL) and is_shipped:
            now = outcome.now if isinstance(outcome.now, dict) else {}
            parcels[str(now.get("package") or outcome.item.id)] = outcome
    return parcels


def _make_item(
    parcel: Parcel, shipment: Shipment | None, obstacle: str, paper: str, now: float, zone: ZoneInfo
) -> JobItem:
    """The parcel on a line: its orders, what is in it, where it goes, what is written on it, until when it must go."""
    names: Json = {"order": ", ".join(parcel.order_ids)} | ({"contents": parcel.contents} if parcel.contents else {})
    names |= ({"town": parcel.town} if parcel.town else {}) | parcel.notes
    details: Json = {}
    if (deadline := parcel.deadline) is not None and parcel.status == WAITING_STATUS:
        details = {"ship_by": deadline.isoformat()} | ({"overdue": "yes"} if is_late(parcel, now) else {})
    details |= describe_handover(parcel, shipment, zone) if shipment and not obstacle else {}
    parameters: Json = {
        "order_ids": parcel.order_ids,
        "status": parcel.status,
        "paper": paper,
        "tracking_number": parcel.tracking_number,
        HAS_LABEL: (parcel.is_collectable and not parcel.has_cancellation_request)
        or (shipment is not None and not parcel.is_sellers),
    }
    parameters |= {"operation": shipment.operation, "arguments": shipment.arguments} if shipment else {}
    return JobItem(
        "package" if parcel.id else "order",
        parcel.key,
        names,
        parcel.status if parcel.id else str(parcel.orders[0].get("status", "")),
        shipment.words if shipment and not obstacle else "",
        obstacle,
        parameters=parameters,
        details=details,
    )


def _explain(shipments: Sequence[Shipment], handover: str | None, paper: str) -> tuple[str, ...]:
    """How parcels get to the carrier, what labels cost and on what they are printed; nothing where none goes."""
    if not shipments:
        return ()
    by_carrier = [s for s in shipments if s.operation == BATCH_OPERATION and "self_shipment" not in s.arguments]
    ways = [HANDOVERS[handover]] if by_carrier and handover else []
    open_counts = {
        HANDOVER_SETS: sum(s.words == SHIPPED_WORD for s in by_carrier) if not handover else 0,
        NOTHING_SETS: sum(s.operation == BUY_OPERATION for s in shipments),
    }
    for setting, count in open_counts.items():
        which = "they are" if count == len(shipments) else f"{count} of them are"
        which = which if len(shipments) > 1 else "it is"
        ways += [CHOSEN_HANDOVER.format(which=which, setting=setting)] if count else []
    return *ways, add_up_labels(shipments), f"Labels are laid out on {paper}."


def _make_state(parcels: Sequence[Parcel]) -> CurrentState:
    """The parcels and their orders as they were read, for warnings and for what was there before."""
    items = []
    for parcel in parcels:
        if parcel.id:
            facts: Json = {"package_status": parcel.status, "orders.id": ", ".join(parcel.order_ids)}
            data: Json = {"package_status": parcel.status, "orders": [{"id": i} for i in parcel.order_ids]}
            items.append(Item("package", parcel.id, facts, data))
        for order in parcel.orders:
            facts = {"status": order.get("status")}
            items.append(Item("order", str(order["id"]), facts, order))
    return CurrentState(tuple({item.key: item for item in items}.values()))


def _make_label_call(shops: Mapping[str, str | None], paper: str, *, has_slips: bool) -> Json:
    """The call that makes the whole file later: of many parcels or shops this job's own, which ships none again."""
    package_ids, shop = list(shops), ",".join(dict.fromkeys(filter(None, shops.values())))
    is_small = len(package_ids) <= MAX_LABELS_OF_TOOL and "," not in shop
    tool, argument = ("resize_pdf", "package_ids") if is_small else ("ship_orders", "ids")
    arguments: Json = {argument: package_ids, "paper_size": paper} | ({"shop": shop} if shop else {})
    arguments |= {HAS_SLIPS: True} if has_slips else {}
    return {"tool": tool, "arguments": arguments}


def _describe_label(outcome: Outcome, pages: Sequence[int]) -> Json:
    """The pages of a parcel's label, and its tracking number where the item does not tell it: shipped before."""
    now = outcome.now if isinstance(outcome.now, dict) else {}
    number = "" if now.get("tracking_number") else outcome.item.parameters.get("tracking_number")
    return {"label_pages": list(pages)} | ({"tracking_number": number} if number else {})
