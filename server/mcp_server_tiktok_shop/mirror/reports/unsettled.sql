-- title = "Not settled yet"
-- answers = "What is still to come: orders and adjustments that no statement holds yet, why, how much and when, as the platform estimates it."
-- tables = ["unsettled_transactions"]
-- keys = ["currency"]
-- compare = []
-- order = "est_settlement_amount desc"
-- default_group = "day"
-- note = "As of now. Amounts and days are the platform's estimates; what it keeps is negative. On its settlement day an amount enters a statement, and the bank has it with a later payout (see payouts)."
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
--
-- [warnings]
-- transactions_without_amount = "of these transactions tell no amount"
--
-- [group_by.reason]
-- keys.unsettled_reason = "unsettled_reason"
-- [group_by.day]
-- keys.settlement_day = "estimated_settlement_time::DATE"
-- order = "settlement_day"
-- without = ["first_settlement_time", "last_settlement_time", "oldest_order_time"]
-- [group_by.week]
-- keys.settlement_week = "strftime(estimated_settlement_time, '%G-W%V')"
-- order = "settlement_week"
-- [group_by.order]
-- keys.order_id = "coalesce(order_id, adjustment_order_id)"
-- labels.unsettled_reason = "max(unsettled_reason)"
-- order = "oldest_order_time"
SELECT
    {group_by}
    currency,
    count(*) AS transactions,
    coalesce(sum(est_settlement_amount), 0) AS est_settlement_amount,
    coalesce(sum(est_revenue_amount), 0) AS est_revenue_amount,
    coalesce(sum(est_shipping_cost_amount), 0) AS est_shipping_cost_amount,
    coalesce(sum(est_fee_tax_amount), 0) AS est_fee_tax_amount,
    coalesce(sum(est_adjustment_amount), 0) AS est_adjustment_amount,
    min(estimated_settlement_time) AS first_settlement_time,
    max(estimated_settlement_time) AS last_settlement_time,
    min(order_create_time) AS oldest_order_time,
    count(*) FILTER (WHERE est_settlement_amount IS NULL) AS transactions_without_amount
FROM unsettled_transactions
GROUP BY ALL
