"""The job `change_stock`: how many units of many SKUs can be sold from which warehouse."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step, divide, group_by_product
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.jobs.change_lists import list_names, read_changes, refuse_changes
from mcp_server_tiktok_shop.tools.jobs.sku_matches import match_skus
from mcp_server_tiktok_shop.tools.pattern_words import TitleMatch, describe_patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.jobs.change_lists import Change
    from mcp_server_tiktok_shop.tools.jobs.sku_matches import SkuMatch

WRITE = "update_inventory"
LOCKED_REASONS = {"DELETED": "its product is deleted", "FREEZE": "TikTok froze its product"}
SKUS_PER_READ = 600  # that one inventory_search takes
# A person who counted a shelf has counted these, and would sell them twice.
COMMITTED_TEXT = (
    "committed units are sold and not sent yet: TikTok holds them apart, none is in the stock that is set here. A "
    "count of the shelf has them in it: take them off it first."
)
UNIT = Decimal(1)
MAX_STOCK = 99_999
COMMITTED = "committed"


class WarehouseStock(Struct, frozen=True):
    """The units of one SKU in the warehouse that a change means, and in all of its own, as they are sent."""

    warehouse_id: str
    quantity: int
    inventory: list[Json]


class ChangeStockJob(Job, frozen=True):
    """`files` are those that a table of stock may be read from."""

    files: AllowedFiles

    async def plan(self, values: Json, context: JobContext) -> Plan:
        change_list = await read_changes(values, "stock", self.files)
        named = await match_skus(context, change_list, WRITE)
        matches, state = named.matches, named.state
        needs_names = any(match.change.warehouse or len(match.sku.get("inventory") or ()) > 1 for match in matches)
        names = await _read_warehouse_names(context, are_needed=needs_names)
        committed, unread = await _read_committed(context, [m.id for m in matches if m.change.rule.fixed])
        faults: list[tuple[Change, str]] = []
        items: dict[str, JobItem] = {}
        for match in matches:
            stock = _choose_warehouse(match, names)
            if isinstance(stock, str):
                faults.append((match.change, stock))
                continue
            item = _make_item(match, stock, names, committed.get((match.id, stock.warehouse_id), 0))
            earlier = items.setdefault(item.id, item)
            if earlier.parameters["quantity"] != item.parameters["quantity"]:
                faults.append((match.change, f"means SKU {item.id}, which gets another stock before"))
        if faults:
            raise refuse_changes(change_list.argument, faults)
        if broken := [m for m in matches if m.change.rule.fixed is not None and m.change.rule.fixed % UNIT]:
            raise refuse_changes(
                change_list.argument, [(m.change, f"would have {m.change.rule.fixed}") for m in broken], "whole units"
            )
        patterns = describe_patterns(list_names(change_list.changes), TitleMatch.from_products(state.items))
        has_committed = any(COMMITTED in item.details for item in items.values())
        texts = (patterns, COMMITTED_TEXT if has_committed else "")
        return Plan((*items.values(), *named.missing), state, unread, texts, named.found)

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """One write for each product; the warehouses of a SKU that are left alone are sent with what they hold."""
        return [
            Step(WRITE, {"product_id": product_id, "skus": _merge_inventories(some)}, some)
            for product_id, some in group_by_product(items).items()
        ]

    def find_now(self, item: JobItem, state: Sequence[Json]) -> str | None:
        """Its units in the warehouse that was meant."""
        rows = (row for thing in state for row in thing.get("skus") or ())
        row: Json = next((row for row in rows if str(row.get("id")) == item.parameters["sku_id"]), {})
        places, counts = (
            str(row.get(name, "")).split(", ") for name in ("inventory.warehouse_id", "inventory.quantity")
        )
        quantities = dict(zip(places, counts, strict=False))
        return quantities.get(item.parameters["warehouse_id"])


async def _read_warehouse_names(context: JobContext, *, are_needed: bool) -> dict[str, str]:
    """The names of the shop's warehouses, by id; none where they can't be read, unless they `are_needed`.

    Raises:
        ShopError: They are needed, and can't be read.

    """
    (answer,) = await context.read_each("get_warehouse_list", [{}])
    if isinstance(answer, ShopError):
        if are_needed:
            raise answer
        return {}
    return {str(row["id"]): str(row.get("name") or "") for row in answer.get("warehouses") or () if row.get("id")}


async def _read_committed(
    context: JobContext, sku_ids: Iterable[str]
) -> tuple[Mapping[tuple[str, str], int], tuple[str, ...]]:
    """The units of these SKUs that are sold and not sent, by SKU and warehouse; a warning where they can't be read."""
    answers = await context.read_each(
        "inventory_search", [{"sku_ids": list(some)} for some in divide(list(dict.fromkeys(sku_ids)), SKUS_PER_READ)]
    )
    committed: dict[tuple[str, str], int] = {}
    for answer in answers:
        if isinstance(answer, ShopError):
            reason = answer.message.rstrip(".")
            return {}, (
                f"Can't read how many units are sold and not sent ({reason}): a count of the shelf has them in it",
            )
        for product in answer.get("inventory") or ():
            for sku in product.get("skus") or ():
                for row in sku.get("warehouse_inventory") or ():
                    committed[str(sku.get("id")), str(row.get("warehouse_id"))] = row.get("committed_quantity") or 0
    return committed, ()


def _choose_warehouse(match: SkuMatch, names: dict[str, str]) -> WarehouseStock | str:
    """The warehouse that is meant, or what must be said about it."""
    rows = [row for row in match.sku.get("inventory") or () if isinstance(row, dict) and row.get("warehouse_id")]
    inventory: list[Json] = [{"warehouse_id": str(row["warehouse_id"]), "quantity": _to_count(row)} for row in rows]
    wanted = match.change.warehouse.strip()
    fits = [row for row in inventory if _is_named(row["warehouse_id"], wanted, names)]
    if len(fits) == 1:
        return WarehouseStock(fits[0]["warehouse_id"], fits[0]["quantity"], inventory)
    known = ", ".join(_describe_warehouse(row["warehouse_id"], names) for row in inventory)
    if not inventory:
        return f"means SKU {match.id}, which is in no warehouse"
    if wanted and not fits:
        return f"means SKU {match.id}, which is not in the warehouse {wanted!r}, but in {known}"
    return f"means SKU {match.id}, which is in several warehouses: name one of {known}"


def _is_named(warehouse_id: str, wanted: str, names: dict[str, str]) -> bool:
    return wanted in ("", warehouse_id) or wanted.casefold() == names.get(warehouse_id, "").casefold()


def _describe_warehouse(warehouse_id: str, names: dict[str, str]) -> str:
    return f"{names[warehouse_id]} ({warehouse_id})" if names.get(warehouse_id) else warehouse_id


def _make_item(match: SkuMatch, stock: WarehouseStock, names: dict[str, str], committed: int) -> JobItem:
    rule = match.change.rule
    has_several = len(stock.inventory) > 1
    will_be = int(rule.apply(Decimal(stock.quantity), UNIT))
    reason = LOCKED_REASONS.get(match.status, "")
    if not reason and will_be < 0:
        reason = f"it has {stock.quantity}, and would come to {will_be}"
    if not reason and will_be > MAX_STOCK:
        reason = f"it would come to {will_be}: TikTok takes {MAX_STOCK} at most"
    if not reason and will_be == stock.quantity:
        reason = "it has that many already"
    committed_detail = {COMMITTED: str(committed)} if committed else {}
    name = names.get(stock.warehouse_id, "")
    warehouse = _describe_warehouse(stock.warehouse_id, names) if has_several else name
    return JobItem(
        "sku",
        f"{match.id} in {stock.warehouse_id}" if has_several else match.id,
        match.names | ({"warehouse": warehouse} if warehouse else {}),
        str(stock.quantity),
        "" if reason else str(will_be),
        reason,
        rule.is_relative,
        {
            "product_id": match.product.id,
            "sku_id": match.id,
            "warehouse_id": stock.warehouse_id,
            "quantity": will_be,
            "inventory": stock.inventory,
        },
        details={} if reason else {"change": f"{will_be - stock.quantity:+d}"} | committed_detail,
    )


def _merge_inventories(items: Sequence[JobItem]) -> list[Json]:
    """Each SKU once, with every warehouse that it is in."""
    quantities: dict[str, dict[str, int]] = {}
    for item in items:
        parameters = item.parameters
        now = {row["warehouse_id"]: row["quantity"] for row in parameters["inventory"]}
        quantities.setdefault(parameters["sku_id"], now)[parameters["warehouse_id"]] = parameters["quantity"]
    return [
        {"id": sku_id, "inventory": [{"warehouse_id": w, "quantity": quantity} for w, quantity in stock.items()]}
        for sku_id, stock in quantities.items()
    ]


def _to_count(row: dict[str, Any]) -> int:
    quantity = row.get("quantity")
    return int(quantity) if isinstance(quantity, int | str) and str(quantity).isdecimal() else 0
