#!/usr/bin/env bash
# A peer's tools show every order without a status and every statement without its amounts.
#
# Library: tiktok-shop-mcp 0.3.0 (PyPI), a server for the same platform
# Guess:   what a server shows of an order or a statement is what the platform sent, perhaps less of it.
# Really:  it picks fields by names that the answers of its own API version (202309) do not have: order_status for
#          status, quantity where a line is one unit, revenue, fee, adjustment and total_amount for revenue_amount,
#          fee_amount, adjustment_amount and settlement_amount. All of them are null, beside ids and times that are
#          right, so a model reads "no status, nothing earned". Periods of get_statements go out as create_time_ge,
#          which that operation does not have (statement_time_ge), so they filter nothing.
# Matters: nulls beside right values are taken for an answer. Fields are better passed through, or checked against the
#          shape that is expected.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check tiktok-shop-mcp==0.3.0

# The answers have the platform's names; what was asked is kept to be looked at.
cd "$dir" && "$dir/venv/bin/python" - <<'PY'
import asyncio

from tiktok_shop_mcp.tools.get_finance import get_statements
from tiktok_shop_mcp.tools.get_orders import get_orders

LINE = {"id": "1", "sku_id": "17", "sale_price": "12.50"}
ORDER = {
    "id": "576461413038785752",
    "status": "AWAITING_SHIPMENT",
    "payment": {"currency": "GBP", "total_amount": "25.00"},
    "line_items": [LINE, LINE | {"id": "2"}],
}
STATEMENT = {
    "id": "7294",
    "statement_time": 1764288000,
    "currency": "GBP",
    "settlement_amount": "91.20",
    "revenue_amount": "100.00",
    "fee_amount": "-8.80",
    "adjustment_amount": "0",
    "payment_status": "PAID",
}


class Platform:
    asked = None

    async def _make_request(self, _method, _resource, action, params=None, body=None):
        self.asked = params
        return {"code": 0, "data": {"orders": [ORDER]} if action == "orders/search" else {"statements": [STATEMENT]}}


platform = Platform()
order = asyncio.run(get_orders(platform))["orders"][0]
statement = asyncio.run(get_statements(platform, create_time_ge=1764201600))["statements"][0]
print(order)
print(statement)
print(platform.asked)
assert (order["order_id"], order["total_amount"]) == (ORDER["id"], "25.00")
assert order["status"] is None
assert [line["quantity"] for line in order["line_items"]] == [None, None]
assert statement["payment_status"] == "PAID"
assert [statement[name] for name in ("total_amount", "revenue", "fee", "adjustment")] == [None] * 4
assert "create_time_ge" in platform.asked
assert "statement_time_ge" not in platform.asked
PY
