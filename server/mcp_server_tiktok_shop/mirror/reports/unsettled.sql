-- title = "Not settled yet"
-- answers = "What is still to come: orders and adjustments that no statement holds yet, why, how much and when, as the platform estimates it."
-- tables = ["unsettled_transactions", "orders"]
-- recent_tables = ["orders"]
-- without = ["oldest_order_time"]
-- keys = ["currency"]
-- compare = []
-- order = "est_settlement_amount desc"
-- default_group = "day"
-- note = "TikTok's estimates. Orders come in when they are delivered: orders_not_delivered are in no amount yet, not_delivered_total is what buyers paid for them. On its day an amount enters a statement (where that has passed, the next one), later a payout: report payouts, not_paid_out."
--
-- [columns]
-- currency = "of the amounts"
-- transactions = "orders and adjustments"
-- est_settlement_amount = "what the seller will get"
-- est_revenue_amount = "revenue in that"
-- est_shipping_cost_amount = "shipping in that"
-- est_fee_tax_amount = "fees and taxes in that"
-- est_adjustment_amount = "corrections in that"
-- first_settlement_time = "when the first of them is settled, as estimated; empty where it is not told"
-- last_settlement_time = "when the last of them is settled, as estimated"
-- oldest_order_time = "when the oldest of the orders was placed"
-- orders_not_delivered = "orders on their way or to be sent: in no other count or sum"
-- not_delivered_total = "what buyers paid for them"
--
-- [warnings]
-- transactions_without_amount = "of these transactions tell no amount"
--
-- [fill]
-- shown = "true"
--
-- [group_by.reason]
-- keys.unsettled_reason = "unsettled_reason"
-- without = ["orders_not_delivered", "not_delivered_total"]
-- fill.shown = "transactions > 0"
-- [group_by.day]
-- keys.settlement_day = "estimated_settlement_time::DATE"
-- order = "settlement_day"
-- shows = ["transactions", "est_settlement_amount", "orders_not_delivered", "not_delivered_total"]
-- without = ["first_settlement_time", "last_settlement_time", "oldest_order_time", "est_revenue_amount", "est_shipping_cost_amount", "est_fee_tax_amount", "est_adjustment_amount", "orders_not_delivered", "not_delivered_total"]
-- fill.shown = "transactions > 0"
-- [group_by.week]
-- keys.settlement_week = "strftime(estimated_settlement_time, '%G-W%V')"
-- order = "settlement_week"
-- without = ["orders_not_delivered", "not_delivered_total"]
-- fill.shown = "transactions > 0"
-- [group_by.order]
-- keys.order_id = "coalesce(order_id, adjustment_order_id)"
-- labels.unsettled_reason = "max(unsettled_reason)"
-- order = "oldest_order_time"
-- without = ["orders_not_delivered", "not_delivered_total"]
-- fill.shown = "transactions > 0"
WITH waiting AS (
    SELECT id AS transaction_id, unsettled_transactions.* FROM unsettled_transactions
    UNION ALL BY NAME
    SELECT id AS waiting_id, currency, total_amount FROM orders
    WHERE
        status NOT IN ('UNPAID', 'CANCELLED', 'DELIVERED', 'COMPLETED')
        AND id NOT IN (SELECT order_id FROM unsettled_transactions WHERE order_id IS NOT NULL)
),
sums AS (
    SELECT
        {group_by}
        currency,
        count(transaction_id) AS transactions,
        coalesce(sum(est_settlement_amount), 0) AS est_settlement_amount,
        coalesce(sum(est_revenue_amount), 0) AS est_revenue_amount,
        coalesce(sum(est_shipping_cost_amount), 0) AS est_shipping_cost_amount,
        coalesce(sum(est_fee_tax_amount), 0) AS est_fee_tax_amount,
        coalesce(sum(est_adjustment_amount), 0) AS est_adjustment_amount,
        min(estimated_settlement_time) AS first_settlement_time,
        max(estimated_settlement_time) AS last_settlement_time,
        min(order_create_time) AS oldest_order_time,
        count(waiting_id) AS orders_not_delivered,
        coalesce(sum(total_amount), 0) AS not_delivered_total,
        count(transaction_id) FILTER (WHERE est_settlement_amount IS NULL) AS transactions_without_amount
    FROM waiting
    GROUP BY ALL
)
SELECT * FROM sums WHERE {shown}
