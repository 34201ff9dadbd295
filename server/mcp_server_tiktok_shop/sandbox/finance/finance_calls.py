"""Reading the books: statements, payments, withdrawals, and transactions settled and not yet settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.finance.ledger import (
    Adjustment,
    Ledger,
    LedgerPayment,
    LedgerStatement,
    OrderSettlement,
    Reserve,
    Withdrawal,
    build_ledger,
)
from mcp_server_tiktok_shop.sandbox.finance.settlement import Earnings, render_breakdown, sum_earnings
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.money import ZERO, format_amount
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import require_order
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.gateway.pages import ResponsePage
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line
    from mcp_server_tiktok_shop.sandbox.sorted_items import Key


def _paginate(call: Call, items: Iterable[Any], key: Callable[[Any], Key]) -> ResponsePage[Any]:
    """Finance lists run from old to new unless asked otherwise."""
    order = call.arguments.get("sort_order", "ASC")
    return pages.paginate(SortedItems.sort(items, key), call.arguments, call.page_scope, descending=order == "DESC")


def _is_within(call: Call, field: str, time: int) -> bool:
    low, high = call.arguments.get(f"{field}_ge"), call.arguments.get(f"{field}_lt")
    return (low is None or time >= low) and (high is None or time < high)


def get_statements(call: Call) -> Json:
    ledger = build_ledger(call.shop, call.now)
    payment_status = call.arguments.get("payment_status")
    found = [
        statement
        for statement in ledger.statements
        if _is_within(call, "statement_time", statement.time)
        and payment_status in (None, _get_payment_status(ledger, statement, call.now))
    ]
    page = _paginate(call, found, lambda statement: (statement.time, statement.id))
    return pages.render_page(page, "statements", lambda s: _render_statement(call, ledger, s), counted=False)


def _get_payment_status(ledger: Ledger, statement: LedgerStatement, now: int) -> str:
    payment = ledger.find_payment(statement)
    return payment.get_status(now) if payment else "PROCESSING"


def _render_statement(call: Call, ledger: Ledger, statement: LedgerStatement) -> Json:
    payment, earnings = ledger.find_payment(statement), statement.earnings
    return {
        "id": statement.id,
        "statement_time": statement.time,
        "currency": call.shop.currency,
        "settlement_amount": format_amount(statement.settlement),
        "revenue_amount": format_amount(earnings.revenue),
        "net_sales_amount": format_amount(earnings.revenue),
        "shipping_cost_amount": format_amount(earnings.shipping),
        "fee_amount": format_amount(earnings.fees),
        "adjustment_amount": format_amount(statement.adjustment_total),
        "payment_status": _get_payment_status(ledger, statement, call.now),
        "payment_id": payment.id if payment else "",
        "payment_time": payment.paid_time if payment and payment.paid_time <= call.now else 0,
    }


def get_payments(call: Call) -> Json:
    found = [p for p in build_ledger(call.shop, call.now).payments if _is_within(call, "create_time", p.time)]
    page = _paginate(call, found, lambda payment: (payment.time, payment.id))
    return pages.render_page(page, "payments", lambda payment: _render_payment(call, payment), counted=False)


def _render_payment(call: Call, payment: LedgerPayment) -> Json:
    amount = {"value": format_amount(payment.amount), "currency": call.shop.currency}
    return {
        "id": payment.id,
        "create_time": payment.time,
        "status": payment.get_status(call.now),
        "amount": amount,
        "settlement_amount": {"value": format_amount(payment.settlement), "currency": call.shop.currency},
        "payment_amount_before_exchange": amount,
        "exchange_rate": "1.000000",
        "paid_time": payment.paid_time if payment.paid_time <= call.now else 0,
        "bank_account": "****0000",
    }


def get_withdrawals(call: Call) -> Json:
    found = [
        withdrawal
        for withdrawal in build_ledger(call.shop, call.now).withdrawals
        if withdrawal.kind in call.arguments["types"] and _is_within(call, "create_time", withdrawal.time)
    ]
    page = _paginate(call, found, lambda withdrawal: (withdrawal.time, withdrawal.id))
    return pages.render_page(page, "withdrawals", lambda withdrawal: _render_withdrawal(call, withdrawal))


def _render_withdrawal(call: Call, withdrawal: Withdrawal) -> Json:
    return {
        "id": withdrawal.id,
        "type": withdrawal.kind,
        "amount": format_amount(withdrawal.amount),
        "currency": call.shop.currency,
        "status": withdrawal.status,
        "create_time": withdrawal.time,
    }


def get_transactions_by_statement(call: Call) -> Json:
    ledger = build_ledger(call.shop, call.now)
    statement_id = call.arguments["statement_id"]
    statement = next((s for s in ledger.statements if s.id == statement_id), None)
    if statement is None:
        raise RefusalError(
            98001004, f"Invalid param 'statement_id': there is no statement '{statement_id}' in this shop."
        )
    entries = [*statement.settlements, *statement.adjustments, *statement.reserves]
    page = _paginate(call, entries, _make_sort_key)
    earnings = statement.earnings
    payload = pages.render_page(page, "transactions", _render_transaction)
    return payload | {
        "id": statement.id,
        "create_time": statement.time,
        "status": "SETTLED",
        "currency": call.shop.currency,
        "payable_amount": format_amount(statement.payable),
        "total_reserve_amount": format_amount(statement.reserve_total),
        "total_settlement_amount": format_amount(statement.settlement),
        "total_settlement_breakdown": {
            "total_revenue_amount": format_amount(earnings.revenue),
            "total_shipping_cost_amount": format_amount(earnings.shipping),
            "total_fee_tax_amount": format_amount(earnings.fees),
            "total_adjustment_amount": format_amount(statement.adjustment_total),
        },
    }


def _make_sort_key(entry: OrderSettlement | Adjustment | Reserve) -> Key:
    return (entry.order.create_time if isinstance(entry, OrderSettlement) else entry.time, entry.id)


def _render_transaction(entry: OrderSettlement | Adjustment | Reserve) -> Json:
    if isinstance(entry, OrderSettlement):
        return _render_settlement(entry)
    zero = Earnings()
    payload = {
        "id": make_id("16", "transaction", entry.id, entry.time),
        "revenue_amount": format_amount(zero.revenue),
        "shipping_cost_amount": format_amount(zero.shipping),
        "fee_tax_amount": format_amount(zero.fees),
    }
    if isinstance(entry, Adjustment):
        return payload | {
            "type": entry.kind,
            "adjustment_id": entry.id,
            "adjustment_amount": format_amount(entry.amount),
            "settlement_amount": format_amount(entry.amount),
        }
    return payload | {
        "type": "RESERVE",
        "adjustment_amount": "0.00",
        "settlement_amount": "0.00",
        "reserve_id": entry.id,
        "reserve_amount": format_amount(entry.amount),
        "reserve_status": entry.status,
        "estimated_release_time": str(entry.release_time),
    }


def _render_settlement(entry: OrderSettlement) -> Json:
    """What was paid stands on an order's first statement, what was given back on the one after the refund."""
    order, earnings = entry.order, entry.earnings
    is_first = entry.refunded is None
    lines = [line for line in order.lines if not line.cancel_time] if is_first else []
    return {
        "id": entry.id,
        "type": "ORDER",
        "order_id": order.id,
        "order_create_time": order.create_time,
        "adjustment_amount": "0.00",
        "settlement_amount": format_amount(earnings.settlement),
        "revenue_amount": format_amount(earnings.revenue),
        "shipping_cost_amount": format_amount(earnings.shipping),
        "fee_tax_amount": format_amount(earnings.fees),
        "supplementary_component": {
            "customer_payment_amount": format_amount(order.total_amount if is_first else ZERO),
            "customer_refund_amount": format_amount(-entry.refund.total),
            "platform_discount_amount": format_amount(sum((line.platform_discount for line in lines), ZERO)),
        },
    } | render_breakdown(earnings)


def get_unsettled_transactions(call: Call) -> Json:
    unsettled = build_ledger(call.shop, call.now).unsettled
    found = [entry for entry in unsettled if _is_within(call, "search_time", entry.order.create_time)]
    total = sum_earnings(entry.earnings for entry in found)
    page = _paginate(call, found, lambda entry: (entry.order.create_time, entry.order.id))
    payload = pages.render_page(page, "transactions", lambda entry: _render_unsettled(call, entry))
    return payload | {
        "sum_est_settlement_amount": format_amount(total.settlement),
        "sum_est_revenue_amount": format_amount(total.revenue),
        "sum_est_adjustment_amount": "0.00",
        "sum_est_fee_amount": format_amount(total.fees),
    }


def _render_unsettled(call: Call, entry: OrderSettlement) -> Json:
    order, earnings = entry.order, entry.earnings
    completes = order.completed_time
    waiting = "The order completes when its after-sale window closes."
    return {
        "id": entry.id,
        "type": "ORDER",
        "status": "UNSETTLED",
        "currency": call.shop.currency,
        "order_id": order.id,
        "order_create_time": order.create_time,
        "order_delivery_time": order.delivered_time,
        "estimated_settlement": str(completes),
        "unsettled_reason": waiting if call.now < completes else "The statement is cut at 00:00 UTC.",
        "est_adjustment_amount": "0.00",
        "est_settlement_amount": format_amount(earnings.settlement),
        "est_revenue_amount": format_amount(earnings.revenue),
        "est_shipping_cost_amount": format_amount(earnings.shipping),
        "est_fee_tax_amount": format_amount(earnings.fees),
    } | render_breakdown(earnings, is_estimate=True)


def get_transactions_by_order(call: Call) -> Json:
    """Settled amounts by statement and SKU; nothing is there before the order's first statement is cut."""
    order = require_order(call, call.arguments["order_id"], unknown_code=98001004)
    settlements = build_ledger(call.shop, call.now).find_settlements(order)
    payload: Json = {"order_id": order.id, "order_create_time": order.create_time, "currency": call.shop.currency}
    if not settlements:
        return payload | {"sku_transactions": [], "total_count": 0}
    transactions = [row for statement, entry in settlements for row in _render_skus(statement, entry)]
    total = sum_earnings(entry.earnings for _, entry in settlements)
    return (
        payload
        | _render_settled(total)
        | {
            "fee_and_tax_amount": format_amount(total.fees),
            "sku_transactions": transactions,
            "total_count": len(transactions),
        }
    )


def _render_skus(statement: LedgerStatement, entry: OrderSettlement) -> list[Json]:
    """One row for each SKU; of a later statement only those of which something was given back."""
    by_sku: dict[str, list[tuple[Line, Earnings]]] = {}
    for line, earnings in entry.lines:
        if entry.refunded is None or earnings != Earnings():
            by_sku.setdefault(line.sku.id, []).append((line, earnings))
    rows = []
    for lines in by_sku.values():
        line, earned = lines[0][0], sum_earnings(earnings for _, earnings in lines)
        names = {"sku_id": line.sku.id, "sku_name": line.sku.name, "product_name": line.product.title}
        place = {"statement_id": statement.id, "quantity": str(len(lines))}
        fees = {"fee_tax_amount": format_amount(earned.fees)}
        rows.append(names | place | _render_settled(earned) | fees | render_breakdown(earned))
    return rows


def _render_settled(earnings: Earnings) -> Json:
    return {
        "settlement_amount": format_amount(earnings.settlement),
        "revenue_amount": format_amount(earnings.revenue),
        "shipping_cost_amount": format_amount(earnings.shipping),
    }
