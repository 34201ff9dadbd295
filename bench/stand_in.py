"""Serves in the platform's place at almost no cost, for all servers: one shop, one order of 6 kB, pages of orders."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
from functools import cache
from typing import Any

ORDER_BYTES, LISTED_ORDER_BYTES = 6000, 3350
SHOPS_PATH = "/authorization/202309/shops"
SHOP = {
    "id": "7000714532876273420",
    "name": "Bench Tea",
    "region": "GB",
    "seller_type": "LOCAL",
    "cipher": "GCP_bench_cipher",
    "code": "GBBENCH1",
}


def _build_order(number: int = 0, size_bytes: int = ORDER_BYTES) -> dict[str, Any]:
    """An order as get_order_detail answers it, with as many lines as fill so many bytes."""
    order: dict[str, Any] = {
        "id": str(576461413038785752 + number),
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
    while len(json.dumps(order)) < size_bytes:
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


@cache
def _encode_page(size: int) -> bytes:
    orders = [_build_order(number, LISTED_ORDER_BYTES) for number in range(size)]
    return _encode_response({"orders": orders, "total_count": size, "next_page_token": ""})


class _Connection(asyncio.Protocol):
    """Keep-alive HTTP for requests that come whole, one after the other."""

    shops_response = _encode_response({"shops": [SHOP]})
    order_response = _encode_response({"orders": [_build_order()]})

    def __init__(self) -> None:
        self._partial_request = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport if isinstance(transport, asyncio.Transport) else None

    def data_received(self, data: bytes) -> None:
        self._partial_request += data
        while (end := self._partial_request.find(b"\r\n\r\n")) >= 0:
            head = self._partial_request[:end]
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._partial_request) < whole:
                return
            self._partial_request = self._partial_request[whole:]
            self._answer(head.split(b" ", 2)[1])

    def _answer(self, target: bytes) -> None:
        page_size = re.search(rb"[?&]page_size=(\d+)", target)
        if target.partition(b"?")[0] == SHOPS_PATH.encode():
            response = self.shops_response
        else:
            response = _encode_page(int(page_size[1])) if page_size else self.order_response
        if self._transport is not None:
            self._transport.write(response)


async def _serve(certificate: list[str]) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, ssl=context)
    print(f"http{'s' if context else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1:]))
