"""Shipping documents: who may have which, and the links that open them for a day without a token."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mcp_server_tiktok_shop.sandbox.durations import DAY_S
from mcp_server_tiktok_shop.sandbox.fulfillment import labels
from mcp_server_tiktok_shop.sandbox.fulfillment.labels import Sheet
from mcp_server_tiktok_shop.sandbox.fulfillment.shipping import require_package
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import CARRIERS
from mcp_server_tiktok_shop.sandbox.gateway.http_messages import Reply
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Package
    from mcp_server_tiktok_shop.sandbox.shop import State

LINK_TTL_S = DAY_S
PICTURE_TYPE = "SHIPPING_LABEL_PICTURE"
MEDIA_TYPES = {"pdf": "application/pdf", "zpl": "text/plain; charset=utf-8", "png": "image/png"}
STATUS_REFUSALS = {
    "TO_FULFILL": (21008109, "Arrange the shipment of this package first."),
    "FULFILLING": (21023046, "The carrier has collected this package: its documents are closed."),
    "COMPLETED": (21023046, "The carrier has collected this package: its documents are closed."),
    "CANCELLED": (21023059, "This package is cancelled: it has no documents."),
}


def get_package_shipping_document(call: Call) -> Json:
    arguments = call.arguments
    package = require_package(call, arguments["package_id"])
    if any(order.shipping_type == "SELLER" for order in package.orders):
        raise RefusalError(21008017, "Only packages shipped by the platform have documents.")
    status = "CANCELLED" if any(o.is_cancelled(call.now) for o in package.orders) else package.get_status(call.now)
    if status in STATUS_REFUSALS:
        raise RefusalError(*STATUS_REFUSALS[status])
    if arguments["document_type"] == "INVOICE_LABEL":
        raise RefusalError(21004010, "'INVOICE_LABEL' is not available in this market.")
    if call.faults.count_label_poll(package.id):
        raise RefusalError(11034037, "The document is still being rendered; ask again in a few seconds.")
    return {"doc_url": _make_link(call, package), "tracking_number": package.tracking_number}


def _make_link(call: Call, package: Package) -> str:
    kind, size = call.arguments["document_type"], call.arguments["document_size"]
    if kind == PICTURE_TYPE:
        ending = "png"
    else:
        ending = "pdf" if kind == "HAZMAT_LABEL" else call.arguments["document_format"].lower()
    size = "A4" if kind == "HAZMAT_LABEL" else size
    path = f"/documents/{call.shop.id}/{package.id}/{kind}-{size}.{ending}"
    expires = str(call.now + LINK_TTL_S)
    query = urlencode({"expires": expires, "signature": _sign_link(call.secret, path, expires)})
    return f"{call.base_url}{path}?{query}"


def _sign_link(secret: str, path: str, expires: str) -> str:
    return hmac.new(secret.encode(), f"{path}?{expires}".encode(), hashlib.sha256).hexdigest()


def serve_document(state: State, secret: str, path: str, query: Mapping[str, str], now: float) -> Reply:
    """The document behind a link: 403 for a link that is forged or too old."""
    expires = query.get("expires", "")
    if not hmac.compare_digest(query.get("signature", "").encode(), _sign_link(secret, path, expires).encode()):
        return Reply(403, b"The signature of this link does not match.", "text/plain")
    if int(expires) <= now:
        return Reply(403, b"This link has expired.", "text/plain")
    _, _, shop_id, package_id, name = path.split("/")
    package = state.find_shop(shop_id).packages.get(package_id)
    if package is None:
        return Reply(404, b"The package was repacked.", "text/plain")
    stem, _, ending = name.partition(".")
    kind, _, size = stem.rpartition("-")
    sheets = _make_sheets(kind, package)
    if ending == "png":
        body = labels.render_png(sheets[0], size)
    else:
        body = labels.render_zpl(sheets) if ending == "zpl" else labels.render_pdf(sheets, size)
    return Reply(200, body, MEDIA_TYPES[ending])


def _make_sheets(kind: str, package: Package) -> list[Sheet]:
    label = Sheet(
        (
            CARRIERS[package.provider_id].name.upper(),
            f"Tracking {package.tracking_number}",
            f"Package {package.id}",
            *(f"Order {order.id}" for order in package.orders),
            f"Items {len(package.lines)}",
            "Recipient: known to the carrier",
            "Simulated label - not for posting",
        ),
        package.tracking_number,
    )
    if kind == "HAZMAT_LABEL":
        return [Sheet(("LIMITED QUANTITY", f"Package {package.id}", "Simulated label - not for posting"))]
    slip = Sheet(("PACKING SLIP", f"Package {package.id}", *_list_contents(package)))
    if kind == "PACKING_SLIP":
        return [slip]
    return [label, slip] if kind == "SHIPPING_LABEL_AND_PACKING_SLIP" else [label]


def _list_contents(package: Package) -> list[str]:
    counts: dict[str, int] = {}
    for line in package.lines:
        text = f"{line.product.title} ({line.sku.name}) {line.sku.seller_sku}"
        counts[text] = counts.get(text, 0) + 1
    return [f"{count} x {named}"[:60] for named, count in counts.items()]
