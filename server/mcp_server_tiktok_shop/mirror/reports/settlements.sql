-- title = "Settlements"
-- answers = "What was earned: settlement, revenue, shipping, fees and adjustments of a period's statements, and how much of it is in paid statements."
-- period = "required"
-- tables = ["statements"]
-- keys = ["currency"]
-- compare = ["settlement_amount", "revenue_amount", "shipping_cost_amount", "fee_amount", "adjustment_amount", "statements"]
-- order = "settlement_amount desc"
-- time = "statement_time"
-- note = "By statement_time: a statement is cut at 00:00 UTC for the day before. What the platform keeps is negative. settlement_paid_by_now is of these statements, whenever it was paid. Money that came in the period: payouts, paid_to_bank; in no statement yet: unsettled."
--
-- [columns]
-- currency = "of the amounts"
-- statements = "statements; a payout may carry several"
-- settlement_amount = "what the seller gets: revenue, shipping, fees and adjustments together"
-- revenue_amount = "revenue after seller discounts and refunds"
-- shipping_cost_amount = "shipping, negative where it costs"
-- fee_amount = "the platform's fees, negative"
-- adjustment_amount = "corrections"
-- statements_paid = "statements of status PAID, or SETTLED to the shop's balance; not a number of payouts"
-- settlement_paid_by_now = "settlement_amount of them"
-- settlement_not_paid_yet = "settlement_amount of the others"
--
-- [warnings]
-- statements_without_amount = "statements tell no settlement"
--
-- [group_by.status]
-- keys.payment_status = "payment_status"
-- [group_by.payout]
-- keys.payment_id = "payment_id"
SELECT
    {group_by}
    currency,
    count(*) AS statements,
    coalesce(sum(settlement_amount), 0) AS settlement_amount,
    coalesce(sum(revenue_amount), 0) AS revenue_amount,
    coalesce(sum(shipping_cost_amount), 0) AS shipping_cost_amount,
    coalesce(sum(fee_amount), 0) AS fee_amount,
    coalesce(sum(adjustment_amount), 0) AS adjustment_amount,
    count(*) FILTER (WHERE payment_status IN ('PAID', 'SETTLED')) AS statements_paid,
    coalesce(sum(settlement_amount) FILTER (WHERE payment_status IN ('PAID', 'SETTLED')), 0) AS settlement_paid_by_now,
    coalesce(
        sum(settlement_amount) FILTER (WHERE payment_status IS NULL OR payment_status NOT IN ('PAID', 'SETTLED')), 0
    ) AS settlement_not_paid_yet,
    count(*) FILTER (WHERE settlement_amount IS NULL) AS statements_without_amount
FROM statements
WHERE statement_time >= $from AND statement_time < $until
GROUP BY ALL
