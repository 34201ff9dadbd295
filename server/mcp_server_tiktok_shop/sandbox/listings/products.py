"""Products and their SKUs: what the shop lists, and how the platform shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.listings import categories
from mcp_server_tiktok_shop.sandbox.money import format_amount

if TYPE_CHECKING:
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.uploads import UploadedFile

AUDIT_S = 60
VARIANT_ATTRIBUTE = ("100000", "Variant")
# What the platform finds wrong with a listing that it turned down.
AUDIT_FAILURES: list[Json] = [
    {
        "listing_platform": "TIKTOK_SHOP",
        "position": "main_images",
        "reasons": ["The main image shows text or a border."],
        "suggestions": ["Use a plain picture of the product."],
    }
]
AUDIT_STATUSES = {"PENDING": "AUDITING", "FAILED": "FAILED", "DRAFT": "NONE"}


@dataclass(eq=False)
class Sku:
    id: str
    product_id: str
    seller_sku: str
    price: Decimal
    stock: dict[str, int]
    attributes: list[Json]
    weight: str = ""
    extras: Json = field(default_factory=dict)

    @property
    def name(self) -> str:
        return ", ".join(a["value_name"] for a in self.attributes) or "Default"

    def to_json(self, currency: str, *, whole: bool) -> Json:
        amount = format_amount(self.price)
        payload: Json = {
            "id": self.id,
            "seller_sku": self.seller_sku,
            "price": {"currency": currency, "sale_price": amount, "tax_exclusive_price": amount},
            "inventory": [{"warehouse_id": w, "quantity": q} for w, q in self.stock.items()],
            "status_info": {"status": "NORMAL"},
        }
        return payload | {"sales_attributes": self.attributes} | self.extras if whole else payload


@dataclass(eq=False)
class Product:
    """A listing. `status` is what the seller or the platform last set; an audit ends by itself after a minute."""

    id: str
    title: str
    description: str
    category_id: str
    status: str
    create_time: int
    update_time: int
    skus: list[Sku]
    images: list[UploadedFile]
    currency: str
    region: str
    weight: Json = field(default_factory=dict)
    extras: Json = field(default_factory=dict)
    audit_from: int = 0

    def find_sku(self, sku_id: str) -> Sku | None:
        return next((sku for sku in self.skus if sku.id == sku_id), None)

    def get_status(self, now: int) -> str:
        return "ACTIVATE" if self.status == "PENDING" and not self.is_in_audit(now) else self.status

    def is_in_audit(self, now: int) -> bool:
        return bool(self.audit_from) and now < self.audit_from + AUDIT_S

    def get_update_time(self, now: int) -> int:
        if self.audit_from and not self.is_in_audit(now):
            return max(self.update_time, self.audit_from + AUDIT_S)
        return self.update_time

    def set_status(self, status: str, now: int) -> None:
        self.status, self.update_time, self.audit_from = status, now, 0

    def submit(self, now: int) -> None:
        """Goes to the audit; what is live stays live meanwhile."""
        status = "ACTIVATE" if self.get_status(now) == "ACTIVATE" else "PENDING"
        self.status, self.update_time, self.audit_from = status, now, now

    def _render_head(self, now: int) -> Json:
        status = self.get_status(now)
        return {
            "id": self.id,
            "title": self.title,
            "status": status,
            "create_time": self.create_time,
            "update_time": self.get_update_time(now),
            "audit": {"status": "AUDITING" if self.is_in_audit(now) else AUDIT_STATUSES.get(status, "APPROVED")},
            "has_draft": status == "DRAFT",
            "is_not_for_sale": False,
            "selling_format": "FIXED_PRICE",
        }

    def to_summary_json(self, now: int) -> Json:
        """As a search shows it."""
        skus = [sku.to_json(self.currency, whole=False) for sku in self.skus]
        return self._render_head(now) | {"skus": skus, "sales_regions": [self.region], "listing_quality_tier": "GOOD"}

    def to_json(self, now: int, base_url: str) -> Json:
        """In full."""
        return (
            self._render_head(now)
            | {
                "description": self.description,
                "category_chains": categories.list_chain(self.category_id),
                "main_images": [image.to_json(base_url) for image in self.images],
                "skus": [sku.to_json(self.currency, whole=True) for sku in self.skus],
                "package_weight": self.weight,
                "is_cod_allowed": False,
                "is_replicated": False,
                "shipping_insurance_requirement": "OPTIONAL",
                "product_types": [],
            }
            | ({"audit_failed_reasons": AUDIT_FAILURES} if self.get_status(now) == "FAILED" else {})
            | self.extras
        )
