"""Reasons for cancelling, returning and rejecting: the names that calls take, and what they say to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json

CANCEL, REFUND, RETURN = "CANCEL", "REFUND", "RETURN_AND_REFUND"
REQUEST_KINDS = (CANCEL, REFUND, RETURN)

# Who asks, and for what: reason names with their texts.
REASONS: dict[tuple[str, str], dict[str, str]] = {
    ("SELLER", CANCEL): {
        "seller_cancel_reason_out_of_stock": "Out of stock",
        "seller_cancel_reason_wrong_price": "Pricing error",
        "seller_cancel_paid_reason_address_not_deliver": "The address cannot be delivered to",
        "seller_cancel_paid_reason_buyer_requested_cancellation": "The buyer asked for it",
    },
    ("BUYER", CANCEL): {
        "ecom_order_to_ship_canceled_reason_created_by_mistake": "Ordered by mistake",
        "ecom_order_to_ship_canceled_reason_no_longer_needed": "No longer needed",
        "ecom_order_to_ship_canceled_reason_better_price": "Found it cheaper elsewhere",
    },
    ("SYSTEM", CANCEL): {"order_unpaid_overtime": "Payment was not received in time"},
    ("BUYER", REFUND): {
        "ecom_order_delivered_refund_reason_missing_item": "Something is missing from the parcel",
        "ecom_order_delivered_refund_reason_damaged": "It arrived damaged",
        "ecom_order_shipped_refund_reason_not_received": "The parcel has not arrived",
    },
    ("BUYER", RETURN): {
        "ecom_order_delivered_refund_and_return_reason_wrong_product": "The wrong product was sent",
        "ecom_order_delivered_refund_and_return_reason_defective": "It does not work as it should",
        "ecom_order_delivered_refund_and_return_reason_no_longer_needed": "No longer needed",
    },
    ("SELLER", REFUND): {
        "seller_refund_reason_goodwill": "Goodwill",
        "seller_refund_reason_package_lost": "The parcel was lost",
    },
    ("SELLER", RETURN): {
        "seller_return_reason_wrong_product": "The wrong product was sent",
        "seller_return_reason_agreed_with_buyer": "Agreed with the buyer",
    },
}
REJECT_REASONS: dict[str, dict[str, str]] = {
    CANCEL: {
        "seller_reject_apply_product_has_been_packed": "The parcel is packed",
        "seller_reject_apply_reached_agreement": "Agreed otherwise with the buyer",
    },
    REFUND: {
        "reverse_reject_request_reason_not_justified": "What the buyer says does not hold",
        "reverse_reject_request_reason_evidence_missing": "There is no evidence",
    },
    RETURN: {
        "reverse_reject_request_reason_outside_policy": "Not within the shop's policy",
        "reverse_reject_request_reason_used": "The product was used",
        "reverse_reject_request_reason_evidence_missing": "There is no evidence",
    },
}
REASON_TEXTS = {name: text for reasons in REASONS.values() for name, text in reasons.items()}


def find_reason_name(text: str, role: str) -> str:
    """The reason's name for a text as an order shows it."""
    return next((name for name, words in REASONS.get((role, CANCEL), {}).items() if words == text), text)


def list_reject_reasons(kind: str) -> list[Json]:
    return [{"name": name, "text": text} for name, text in REJECT_REASONS[kind].items()]
