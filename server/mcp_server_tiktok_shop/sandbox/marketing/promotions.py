"""Promotion activities and coupons: what they give, when they run, and which products take part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json

# An activity without an end is shown with the last second of this century.
NO_END_TIME = 4_102_444_799


@dataclass(eq=False)
class Activity:
    """`terms` are the parts that stand in the answer as they were given: discount, limits, who it is for."""

    id: str
    title: str
    kind: str
    level: str
    begin_time: int
    end_time: int
    create_time: int
    update_time: int
    duration: str = "NORMAL"
    deactivated: bool = False
    terms: Json = field(default_factory=dict)
    products: dict[str, Json] = field(default_factory=dict)
    benefit_products: list[str] = field(default_factory=list)

    def get_status(self, now: int) -> str:
        if self.deactivated:
            return "DEACTIVATED"
        return "NOT_START" if now < self.begin_time else "ONGOING" if now < self.end_time else "EXPIRED"

    def to_summary_json(self, now: int) -> Json:
        terms = {name: value for name, value in self.terms.items() if name != "target_user_info"}
        return {
            "id": self.id,
            "title": self.title,
            "activity_type": self.kind,
            "duration_type": self.duration,
            "begin_time": self.begin_time,
            "end_time": self.end_time,
            "status": self.get_status(now),
            "create_time": self.create_time * 1000,
            "update_time": self.update_time * 1000,
            "product_level": self.level,
            "activity_commands": [],
        } | terms

    def to_json(self, now: int, currency: str) -> Json:
        payload = self.to_summary_json(now) | self.terms
        payload["activity_id"] = payload.pop("id")
        payload["products"] = [_render_entry(entry, currency) for entry in self.products.values()]
        payload["benefit_products"] = [{"id": product_id} for product_id in self.benefit_products]
        return payload


def _render_entry(entry: Json, currency: str) -> Json:
    """A product or SKU as it takes part."""
    payload: Json = {
        "id": entry["id"],
        "quantity_limit": entry["quantity_limit"],
        "quantity_per_user": entry["quantity_per_user"],
        "used_quantity": entry.get("used_quantity", 0),
    }
    if entry.get("activity_price_amount"):
        payload["activity_price"] = {"amount": entry["activity_price_amount"], "currency": currency}
    if entry.get("discount"):
        payload["discount"] = entry["discount"]
    if "skus" in entry:
        payload["skus"] = [_render_entry(sku, currency) for sku in entry["skus"]]
    return payload


@dataclass(eq=False)
class Promotions:
    activities: dict[str, Activity] = field(default_factory=dict)
    coupons: dict[str, Coupon] = field(default_factory=dict)

    def find_by_product(
        self, product_id: str, now: int, except_id: str = "", statuses: tuple[str, ...] = ("ONGOING",)
    ) -> Activity | None:
        """The activity in which a product takes part, if there is one."""
        for activity in self.activities.values():
            if activity.id != except_id and product_id in activity.products and activity.get_status(now) in statuses:
                return activity
        return None


@dataclass(eq=False)
class Coupon:
    """`facts` are the parts of the answer that never change."""

    id: str
    title: str
    begin_time: int
    end_time: int
    facts: Json
    detail: Json

    def get_status(self, now: int) -> str:
        return "NOT_START" if now < self.begin_time else "ONGOING" if now < self.end_time else "EXPIRED"

    def to_summary_json(self, now: int) -> Json:
        return {"id": self.id, "title": self.title, "status": self.get_status(now)} | self.facts

    def to_json(self, now: int) -> Json:
        return self.to_summary_json(now) | self.detail
