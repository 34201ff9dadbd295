"""The jobs `pause_products` and `resume_products`: take products off sale, and put them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step, divide
from mcp_server_tiktok_shop.calls.value_texts import quote
from mcp_server_tiktok_shop.tools.jobs.product_matches import list_found, list_missing, match_products
from mcp_server_tiktok_shop.tools.pattern_words import TitleMatch, describe_patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.jobs.product_matches import ProductMatch

PRODUCTS_PER_WRITE = 20
MAX_NAMED_SKUS, MAX_TITLE_CHARS = 5, 60
ON_SALE, OFF_SALE, IN_REVIEW = "ACTIVATE", "SELLER_DEACTIVATED", "PENDING"
SKIP_REASONS = {
    "DELETED": "it is deleted",
    "FREEZE": "TikTok froze it",
    "PENDING": "TikTok reviews it now",
    "DRAFT": "it is a draft that was never on sale",
    "FAILED": "TikTok's review refused it: edit_product first",
    "PLATFORM_DEACTIVATED": "TikTok took it off sale: edit_product first",
}


class ProductSalesJob(Job, frozen=True):
    """Changes whether products are on sale: sends `write`, which leads from one status to another."""

    write: str
    status_from: str
    status_to: str
    status_after: str  # what the platform makes of it at once
    same_reason: str
    explanation: str
    other_skus: str  # what becomes of the SKUs of a product of which others were named

    async def plan(self, values: Json, context: JobContext) -> Plan:
        matches, state = await match_products(
            context, "products", values["products"], self.write, all_status=self.status_from
        )
        wanted = {match.product_id for match in matches}
        items = tuple(self._make_item(item) for item in state.items if item.id in wanted)
        is_any = any(not item.skip_reason for item in items)
        texts = (
            describe_patterns(values["products"], TitleMatch.from_products(state.items)),
            self.explanation if is_any else "",
        )
        missing = list_missing(values["products"], matches)
        going = {item.id for item in items if not item.skip_reason}
        others = _warn_of_other_skus([m for m in matches if m.product_id in going], state.items, self.other_skus)
        return Plan((*items, *missing), state, tuple(others), texts, list_found(matches))

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        return [
            Step(self.write, {"product_ids": [item.id for item in batch]}, batch)
            for batch in divide(items, PRODUCTS_PER_WRITE)
        ]

    def find_now(self, item: JobItem, state: Sequence[Json]) -> str | None:
        """Its status."""
        return next((thing.get("status") for thing in state if thing.get(item.noun) == item.id), None)

    def _make_item(self, product: Item) -> JobItem:
        status = str(product.data.get("status"))
        title = product.data.get("title")
        reason = ""
        if status != self.status_from:
            reason = self.same_reason if status == self.status_to else SKIP_REASONS.get(status, f"it is {status}")
        will_be = "" if reason else self.status_after
        return JobItem("product", product.id, {"title": title} if title else {}, status, will_be, reason)


def _warn_of_other_skus(matches: Sequence[ProductMatch], products: Sequence[Item], consequence: str) -> Iterator[str]:
    """Of products of which some SKUs were named and not all: a product is on sale with all of its SKUs or with none."""
    for product in products:
        named = {match.sku_id: match.name for match in matches if match.product_id == product.id}
        skus = [sku for sku in product.data.get("skus") or () if isinstance(sku, dict)]
        others = [str(sku.get("seller_sku") or sku.get("id")) for sku in skus if str(sku.get("id")) not in named]
        if named and "" not in named and others:
            more = f" and {len(others) - MAX_NAMED_SKUS} more" if len(others) > MAX_NAMED_SKUS else ""
            title = quote(str(product.data.get("title") or product.id), MAX_TITLE_CHARS)
            yield (
                f"{', '.join(named.values())} of {title} {consequence}: {', '.join(others[:MAX_NAMED_SKUS])}{more}. "
                "change_stock is for single SKUs: none is sold at stock 0"
            )


# Takes products off sale.
PAUSE_PRODUCTS = ProductSalesJob(
    write="deactivate_products",
    status_from=ON_SALE,
    status_to=OFF_SALE,
    status_after=OFF_SALE,
    same_reason="it is off sale already",
    explanation=(
        "At once, until resume_products: no dates can be set. Nobody can order them any more. "
        "Orders that were placed stay, and are to be shipped."
    ),
    other_skus="takes its other SKUs off sale, too",
)
# Puts products back on sale; TikTok reviews them first.
RESUME_PRODUCTS = ProductSalesJob(
    write="activate_products",
    status_from=OFF_SALE,
    status_to=ON_SALE,
    status_after=IN_REVIEW,
    same_reason="it is on sale already",
    explanation=(
        f"At once: no dates can be set. {IN_REVIEW}: TikTok reviews each first, and puts it on sale by itself once it "
        "has passed."
    ),
    other_skus="puts its other SKUs on sale, too",
)
