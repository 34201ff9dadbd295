"""Serves in the platform's place at almost no cost, for both servers: one shop, one order of 6 kB for every path."""

from __future__ import annotations

import asyncio
import json
from typing import Any

ORDER_BYTES = 6000
SHOPS_PATH = "/authorization/202309/shops"
SHOP = {
    "id": "7000714532876273420",
    "name": "Bench Tea",
    "region": "GB",
    "seller_type": "LOCAL",
    "cipher": "GCP_bench_cipher",
    "code": "GBBENCH1",
}


def _build_order() -> dict[str, Any]:
    """An order as get_order_detail answers it, with as many lines as fill 6 kB."""
    order: dict[str, Any] = {
        "id": "576461413038785752",
        "status": "AWAITING_SHIPMENT",
        "create_time": 1763800000,
        "update_time": 1763800300,
        "paid_time": 1763800060,
        "rts_sla_time": 1763986400,
        "buyer_message": "Please leave it with the neighbour — thank you",
        "payment": {"currency": "GBP", "sub_total": "24.50", "shipping_fee": "2.99", "total_amount": "27.49"},
        "recipient_address": {
            "name": "J*** S***",
            "phone_number": "(+44)7*******12",
            "full_address": "** High Street, London, Greater London, United Kingdom",
            "district_info": [{"address_level_name": "Country", "address_name": "United Kingdom"}],
            "region_code": "GB",
            "postal_code": "N1*",
        },
        "packages": [{"id": "1152321127278713123"}],
        "line_items": [],
    }
    while len(json.dumps(order)) < ORDER_BYTES:
        number = len(order["line_items"])
        line = {
            "id": str(577086512123755123 + number),
            "product_id": str(1729582718312380123 + number),
            "product_name": f"Assam loose leaf black tea, tin of {100 + number} g",
            "sku_id": str(1729592969712207012 + number),
            "sku_name": "Tin",
            "seller_sku": f"TEA-{number:04}",
            "currency": "GBP",
            "sale_price": "4.90",
            "original_price": "5.90",
            "platform_discount": "0.00",
            "seller_discount": "1.00",
            "display_status": "AWAITING_SHIPMENT",
            "package_id": "1152321127278713123",
            "package_status": "TO_FULFILL",
            "is_gift": False,
            "rts_time": 0,
        }
        order["line_items"].append(line)
    return order


def _encode_response(data: dict[str, Any]) -> bytes:
    envelope = {"code": 0, "message": "Success", "request_id": "202511220001010890050260ABCDEF12", "data": data}
    body = json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """Keep-alive HTTP for requests without a body."""

    shops_response = _encode_response({"shops": [SHOP]})
    order_response = _encode_response({"orders": [_build_order()]})

    def __init__(self) -> None:
        self._partial_request = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport if isinstance(transport, asyncio.Transport) else None

    def data_received(self, data: bytes) -> None:
        *requests, self._partial_request = (self._partial_request + data).split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1].partition(b"?")[0]
            if self._transport is not None:
                is_shop_list = path == SHOPS_PATH.encode()
                self._transport.write(self.shops_response if is_shop_list else self.order_response)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
