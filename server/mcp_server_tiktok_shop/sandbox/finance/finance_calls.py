"""Reading the books: statements, payments, withdrawals, and transactions settled and not yet settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.finance.ledger import Adjustment, Books, Payment, Statement, Withdrawal, books
from mcp_server_tiktok_shop.sandbox.finance.settlement import Earned, breakdown, by_line, of_order
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.money import ZERO, text
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import order_of
from mcp_server_tiktok_shop.sandbox.ordering.orders import Order
from mcp_server_tiktok_shop.sandbox.refusals import Refusal
from mcp_server_tiktok_shop.sandbox.sorted_items import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.gateway.pages import Page
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.sorted_items import Key


def _page(call: Call, items: Iterable[Any], key: Callable[[Any], Key]) -> Page[Any]:
    """Finance lists run from old to new unless asked otherwise."""
    order = call.arguments.get("sort_order", "ASC")
    seal = f"{call.operation.name}/{call.shop.id}"
    return pages.cut(View.of(items, key), call.arguments, seal, descending=order == "DESC")


def _within(call: Call, field: str, time: int) -> bool:
    low, high = call.arguments.get(f"{field}_ge"), call.arguments.get(f"{field}_lt")
    return (low is None or time >= low) and (high is None or time < high)


def get_statements(call: Call) -> Json:
    kept = books(call.shop, call.now)
    wanted = call.arguments.get("payment_status")
    found = [
        statement
        for statement in kept.statements
        if _within(call, "statement_time", statement.time)
        and wanted in (None, _payment_status(kept, statement, call.now))
    ]
    page = _page(call, found, lambda statement: (statement.time, statement.id))
    return pages.answer(page, "statements", lambda s: _statement(call, kept, s), counted=False)


def _payment_status(kept: Books, statement: Statement, now: int) -> str:
    payment = kept.payment_of(statement)
    return payment.status(now) if payment else "PROCESSING"


def _statement(call: Call, kept: Books, statement: Statement) -> Json:
    payment, earned = kept.payment_of(statement), statement.earned
    return {
        "id": statement.id,
        "statement_time": statement.time,
        "currency": call.shop.currency,
        "settlement_amount": text(statement.settlement),
        "revenue_amount": text(earned.revenue),
        "net_sales_amount": text(earned.revenue),
        "shipping_cost_amount": text(earned.shipping),
        "fee_amount": text(earned.fees),
        "adjustment_amount": text(statement.adjusted),
        "payment_status": _payment_status(kept, statement, call.now),
        "payment_id": payment.id if payment else "",
        "payment_time": payment.paid_time if payment and payment.paid_time <= call.now else 0,
    }


def get_payments(call: Call) -> Json:
    found = [p for p in books(call.shop, call.now).payments if _within(call, "create_time", p.time)]
    page = _page(call, found, lambda payment: (payment.time, payment.id))
    return pages.answer(page, "payments", lambda payment: _payment(call, payment), counted=False)


def _payment(call: Call, payment: Payment) -> Json:
    amount = {"value": text(payment.amount), "currency": call.shop.currency}
    return {
        "id": payment.id,
        "create_time": payment.time,
        "status": payment.status(call.now),
        "amount": amount,
        "settlement_amount": amount,
        "payment_amount_before_exchange": amount,
        "exchange_rate": "1.000000",
        "paid_time": payment.paid_time if payment.paid_time <= call.now else 0,
        "bank_account": "****0000",
    }


def get_withdrawals(call: Call) -> Json:
    found = [
        withdrawal
        for withdrawal in books(call.shop, call.now).withdrawals
        if withdrawal.kind in call.arguments["types"] and _within(call, "create_time", withdrawal.time)
    ]
    page = _page(call, found, lambda withdrawal: (withdrawal.time, withdrawal.id))
    return pages.answer(page, "withdrawals", lambda withdrawal: _withdrawal(call, withdrawal))


def _withdrawal(call: Call, withdrawal: Withdrawal) -> Json:
    return {
        "id": withdrawal.id,
        "type": withdrawal.kind,
        "amount": text(withdrawal.amount),
        "currency": call.shop.currency,
        "status": withdrawal.status,
        "create_time": withdrawal.time,
    }


def get_transactions_by_statement(call: Call) -> Json:
    kept = books(call.shop, call.now)
    wanted = call.arguments["statement_id"]
    statement = next((s for s in kept.statements if s.id == wanted), None)
    if statement is None:
        raise Refusal(98001004, f"Invalid param 'statement_id': there is no statement '{wanted}' in this shop.")
    page = _page(call, [*statement.orders, *statement.adjustments], _transaction_key)
    earned = statement.earned
    told = pages.answer(page, "transactions", lambda entry: _transaction(call, entry))
    return told | {
        "id": statement.id,
        "create_time": statement.time,
        "status": "SETTLED",
        "currency": call.shop.currency,
        "payable_amount": text(statement.settlement),
        "total_reserve_amount": "0.00",
        "total_settlement_amount": text(statement.settlement),
        "total_settlement_breakdown": {
            "total_revenue_amount": text(earned.revenue),
            "total_shipping_cost_amount": text(earned.shipping),
            "total_fee_tax_amount": text(earned.fees),
            "total_adjustment_amount": text(statement.adjusted),
        },
    }


def _transaction_key(entry: Order | Adjustment) -> Key:
    return (entry.create_time if isinstance(entry, Order) else entry.time, entry.id)


def _transaction(call: Call, entry: Order | Adjustment) -> Json:
    if isinstance(entry, Adjustment):
        nothing = Earned()
        return {
            "id": make_id("16", "transaction", entry.id),
            "type": entry.kind,
            "adjustment_id": entry.id,
            "adjustment_amount": text(entry.amount),
            "settlement_amount": text(entry.amount),
            "revenue_amount": text(nothing.revenue),
            "shipping_cost_amount": text(nothing.shipping),
            "fee_tax_amount": text(nothing.fees),
        }
    earned = of_order(entry, call.shop.region)
    return {
        "id": make_id("16", "transaction", entry.id),
        "type": "ORDER",
        "order_id": entry.id,
        "order_create_time": entry.create_time,
        "adjustment_amount": "0.00",
        "settlement_amount": text(earned.settlement),
        "revenue_amount": text(earned.revenue),
        "shipping_cost_amount": text(earned.shipping),
        "fee_tax_amount": text(earned.fees),
        "supplementary_component": {
            "customer_payment_amount": text(entry.total_amount),
            "platform_discount_amount": text(sum((line.platform_discount for line in entry.lines), ZERO)),
        },
    } | breakdown(earned)


def get_unsettled_transactions(call: Call) -> Json:
    found = [o for o in books(call.shop, call.now).unsettled if _within(call, "search_time", o.create_time)]
    total = Earned()
    for order in found:
        total += of_order(order, call.shop.region)
    page = _page(call, found, lambda order: (order.create_time, order.id))
    told = pages.answer(page, "transactions", lambda order: _unsettled(call, order))
    return told | {
        "sum_est_settlement_amount": text(total.settlement),
        "sum_est_revenue_amount": text(total.revenue),
        "sum_est_adjustment_amount": "0.00",
        "sum_est_fee_amount": text(total.fees),
    }


def _unsettled(call: Call, order: Order) -> Json:
    earned = of_order(order, call.shop.region)
    completes = order.completed_time()
    waiting = "The order completes when its after-sale window closes."
    return {
        "id": make_id("16", "transaction", order.id),
        "type": "ORDER",
        "status": "UNSETTLED",
        "currency": call.shop.currency,
        "order_id": order.id,
        "order_create_time": order.create_time,
        "order_delivery_time": order.delivered_time(),
        "estimated_settlement": str(completes),
        "unsettled_reason": waiting if call.now < completes else "The statement is cut at 00:00 UTC.",
        "est_adjustment_amount": "0.00",
        "est_settlement_amount": text(earned.settlement),
        "est_revenue_amount": text(earned.revenue),
        "est_shipping_cost_amount": text(earned.shipping),
        "est_fee_tax_amount": text(earned.fees),
    } | breakdown(earned)


def get_transactions_by_order(call: Call) -> Json:
    """Settled amounts by SKU; nothing is there before the order's statement is cut."""
    order = order_of(call, call.arguments["order_id"], unknown=98001004)
    statement = books(call.shop, call.now).statement_of(order)
    told: Json = {"order_id": order.id, "order_create_time": order.create_time, "currency": call.shop.currency}
    if statement is None:
        return told | {"sku_transactions": [], "total_count": 0}
    by_sku: dict[str, list[Any]] = {}
    for line, earned in by_line(order, call.shop.region):
        held = by_sku.setdefault(line.sku.id, [line, 0, Earned()])
        held[1] += 1
        held[2] += earned
    whole = of_order(order, call.shop.region)
    transactions = [
        {
            "sku_id": line.sku.id,
            "sku_name": line.sku.name,
            "product_name": line.product.title,
            "statement_id": statement.id,
            "quantity": str(count),
        }
        | _settled(earned)
        | {"fee_tax_amount": text(earned.fees)}
        | breakdown(earned)
        for line, count, earned in by_sku.values()
    ]
    return (
        told
        | _settled(whole)
        | {"fee_and_tax_amount": text(whole.fees), "sku_transactions": transactions, "total_count": len(transactions)}
    )


def _settled(earned: Earned) -> Json:
    return {
        "settlement_amount": text(earned.settlement),
        "revenue_amount": text(earned.revenue),
        "shipping_cost_amount": text(earned.shipping),
    }
