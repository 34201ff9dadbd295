-- title = "Settlement journal"
-- answers = "What each payout settled, by statement and kind of amount, for an accountant; as double entry for Xero or QuickBooks with format."
-- period = "last month"
-- tables = ["statements", "statement_transactions", "statement_fees", "payments"]
-- keys = ["currency"]
-- compare = []
-- order = "amount desc"
-- default_group = "payout"
-- formats = ["xero", "quickbooks"]
-- note = "Payouts that reached the bank in the period, with all their statements, in the platform's signs: what the seller gets is positive. bank_amount, in bank_currency, is what reached the bank: it is not payout_settlement where money was exchanged or kept in reserve, which the report payouts tells. format xero or quickbooks writes a balanced journal a payout, split at month ends; without it a saved table is no journal to import. amount - dated_before + in_later_payouts is what the report settlements tells of the period."
--
-- [columns]
-- currency = "of the amounts"
-- payouts = "payouts"
-- statements = "their statements"
-- amount = "what the seller gets: sales, shipping, fees and adjustments together"
-- dated_before = "the part of amount whose statements are dated before the period: its journals bear those days"
-- in_later_payouts = "what statements dated in the period settled that none of these payouts carries: a later payout's journal has it, dated in the period"
--
-- [fill]
-- later = "later"
--
-- [group_by.payout]
-- keys.payout_id = "payout_id"
-- labels.payout_time = "max(payout_time)"
-- labels.payout_settlement = "max(payout_settlement)"
-- labels.bank_amount = "max(bank_amount)"
-- labels.bank_currency = "max(bank_currency)"
-- order = "payout_time"
-- without = ["payouts", "dated_before", "in_later_payouts"]
-- fill.later = "(SELECT * FROM later WHERE false)"
-- [group_by.statement]
-- keys.payout_id = "payout_id"
-- keys.statement_id = "statement_id"
-- labels.statement_day = "max(statement_day)"
-- order = "statement_day"
-- without = ["payouts", "statements", "dated_before", "in_later_payouts"]
-- fill.later = "(SELECT * FROM later WHERE false)"
-- [group_by.kind]
-- keys.section = "section"
-- keys.kind = "kind"
-- without = ["dated_before", "in_later_payouts"]
-- fill.later = "(SELECT * FROM later WHERE false)"
-- [group_by.month]
-- keys.month = "strftime(statement_day, '%Y-%m')"
-- order = "month"
-- without = ["dated_before", "in_later_payouts"]
-- fill.later = "(SELECT * FROM later WHERE false)"
-- [group_by.line]
-- keys.payout_id = "payout_id"
-- keys.statement_id = "statement_id"
-- keys.section = "section"
-- keys.kind = "kind"
-- labels.statement_day = "max(statement_day)"
-- labels.payout_time = "max(payout_time)"
-- labels.payout_settlement = "max(payout_settlement)"
-- labels.paid = "max(paid)"
-- labels.paid_currency = "max(paid_currency)"
-- labels.bank_amount = "max(bank_amount)"
-- labels.bank_currency = "max(bank_currency)"
-- order = "payout_time"
-- without = ["payouts", "statements", "dated_before", "in_later_payouts"]
-- fill.later = "(SELECT * FROM later WHERE false)"
WITH paid AS (
    SELECT
        id AS payout_id, coalesce(paid_time, create_time) AS payout_time, settlement_amount AS payout_settlement,
        payment_amount_before_exchange AS paid, before_exchange_currency AS paid_currency, amount AS bank_amount,
        currency AS bank_currency
    FROM payments
    WHERE status = 'PAID' AND coalesce(paid_time, create_time) >= $from AND coalesce(paid_time, create_time) < $until
    UNION ALL
    -- Where money is settled to a balance and no payout is listed, each statement is its own.
    SELECT id, statement_time, settlement_amount, NULL, NULL, NULL, NULL
    FROM statements
    WHERE
        payment_status = 'SETTLED' AND coalesce(payment_id, '') = '' AND NOT EXISTS (SELECT 1 FROM payments)
        AND statement_time >= $from AND statement_time < $until
),
-- A payout whose statements the copy does not hold stays, to be told.
books AS (
    SELECT
        paid.*, statements.id AS statement_id, statement_time::DATE AS statement_day,
        coalesce(statements.currency, paid_currency) AS currency, settlement_amount AS settlement
    FROM paid LEFT JOIN statements ON coalesce(nullif(statements.payment_id, ''), statements.id) = paid.payout_id
),
itemised AS (
    SELECT statement_id, section, kind, sum(amount) AS amount FROM statement_fees GROUP BY ALL
    UNION ALL
    SELECT statement_id, 'adjustment', lower(coalesce(nullif(type, ''), 'adjustment')), sum(adjustment_amount)
    FROM statement_transactions WHERE adjustment_amount <> 0 GROUP BY ALL
),
sections AS (
    SELECT statement_id, 'revenue' AS section, sum(revenue_amount) AS amount FROM statement_transactions GROUP BY ALL
    UNION ALL
    SELECT statement_id, 'shipping_cost', sum(shipping_cost_amount) FROM statement_transactions GROUP BY ALL
    UNION ALL
    SELECT statement_id, 'fee', sum(fee_tax_amount) FROM statement_transactions GROUP BY ALL
),
-- What a section of transactions holds and nothing names; fees and taxes are one section there.
named AS (
    SELECT * FROM itemised
    UNION ALL
    SELECT
        sections.statement_id, sections.section, 'not itemised',
        any_value(sections.amount) - coalesce(sum(itemised.amount), 0)
    FROM sections LEFT JOIN itemised ON
        itemised.statement_id = sections.statement_id
        AND CASE WHEN itemised.section = 'tax' THEN 'fee' ELSE itemised.section END = sections.section
    WHERE sections.amount IS NOT NULL
    GROUP BY ALL
),
lines AS (
    SELECT books.*, section, kind, amount FROM books JOIN named ON named.statement_id = books.statement_id
    UNION ALL BY NAME
    -- What a statement says beyond its transactions.
    SELECT
        books.*, 'other' AS section, 'not itemised' AS kind,
        settlement - coalesce((SELECT sum(amount) FROM named WHERE named.statement_id = books.statement_id), 0) AS amount
    FROM books
),
-- Of a month the last statements are paid in the next one.
later AS (
    SELECT currency, settlement_amount AS later_amount
    FROM statements
    WHERE
        statement_time >= $from AND statement_time < $until
        AND coalesce(nullif(payment_id, ''), id) NOT IN (SELECT payout_id FROM paid)
)
SELECT
    {group_by}
    currency,
    count(DISTINCT payout_id) AS payouts,
    count(DISTINCT statement_id) AS statements,
    coalesce(sum(amount), 0) AS amount,
    coalesce(sum(amount) FILTER (WHERE statement_day < $from::DATE), 0) AS dated_before,
    coalesce(sum(later_amount), 0) AS in_later_payouts
FROM (SELECT * FROM lines UNION ALL BY NAME SELECT * FROM {later})
WHERE amount <> 0 OR statement_id IS NULL
GROUP BY ALL
