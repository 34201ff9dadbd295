-- title = "Payouts"
-- answers = "What was paid out, which statements are in each payout, and whether all agrees to the cent: statements with their transactions, payouts with their statements, transactions with the orders."
-- period = "last 30 days"
-- tables = ["statements", "statement_transactions", "payments", "orders"]
-- keys = ["currency"]
-- compare = []
-- order = "payout_time desc"
-- default_group = "payout"
-- beside = ["difference"]
-- note = "Payouts made in the period with all their statements; those that none carries yet are in the row without payment_id. settlement + reserve (kept back -, released +) = paid_to_bank, the money that came in the period whatever the dates of its statements, + not_paid_out. A payout day without an open statement has no payout. group_by difference names what differs. Fees by kind of the statements that payouts made in a period paid: query_shop SELECT f.section, f.kind, f.currency, sum(f.amount) AS amount FROM payments p JOIN statements s ON s.payment_id = p.id AND s.shop = p.shop JOIN statement_fees f ON f.statement_id = s.id AND f.shop = s.shop WHERE p.create_time >= '2026-10-01' AND p.create_time < '2026-11-01' GROUP BY ALL; adjustments stand in statements."
--
-- [columns]
-- currency = "of settlement"
-- statements = "statements; grouped by payout, those that it carries"
-- transactions = "their transactions"
-- settlement = "what the statements say that the seller gets"
-- transactions_difference = "what their transactions add up to more than that; empty where it is the same"
-- reserve = "what was kept back (-) of the payouts for later, or released (+) with them: part of paid_to_bank, not of settlement"
-- payouts = "payouts to the bank in the period"
-- paid_to_bank = "what they paid, in paid_out_currency"
-- paid_out_currency = "of the bank account where money was exchanged; empty where it is currency"
-- not_paid_out = "settlement and reserve that no payout carries yet"
-- payout_time = "when the bank had the payout, or, until then, when it was made (the last of several)"
-- differences = "places where something does not agree: group_by difference names them"
-- agrees = "whether there is none, reserves reckoned in; empty where not all could be checked. Orders placed before the copy begins are not looked for, and where payments are settled to a balance and none is listed, statements are not held against them"
--
-- [warnings]
-- payouts_below_zero = "payouts are below zero: refunds, fees or corrections came to more than sales, and nothing came to the bank"
--
-- [parameters]
-- statement_id = "one statement alone, whatever the period"
--
-- [fill]
-- counts_payout = "is_first"
-- rows = "(SELECT *, NULL AS kind, NULL AS transaction_id, NULL AS order_id, NULL AS expected, NULL AS found, NULL::DECIMAL(38, 2) AS difference, NULL AS message FROM checked)"
--
-- [group_by.payout]
-- keys.payment_id = "payment_id"
-- labels.status = "coalesce(max(payout_status), max(payment_status))"
-- labels.statement_ids = "CASE WHEN sum(own_differences + payout_differences) > 0 THEN string_agg(DISTINCT statement_id, ', ' ORDER BY statement_id) END"
-- without = ["payouts", "not_paid_out"]
-- [group_by.statement]
-- keys.statement_id = "statement_id"
-- labels.statement_time = "max(statement_time)"
-- labels.payment_id = "max(payment_id)"
-- labels.payment_status = "max(payment_status)"
-- order = "statement_time"
-- fill.counts_payout = "true"
-- without = ["statements", "payouts", "paid_to_bank", "paid_out_currency", "not_paid_out", "payout_time"]
-- [group_by.status]
-- keys.payment_status = "payment_status"
-- order = "settlement desc"
-- [group_by.difference]
-- keys.kind = "kind"
-- keys.statement_id = "statement_id"
-- keys.transaction_id = "transaction_id"
-- keys.order_id = "order_id"
-- keys.payment_id = "payment_id"
-- keys.message = "message"
-- labels.expected = "max(expected)"
-- labels.found = "max(found)"
-- labels.difference = "max(difference)"
-- order = "statement_id"
-- without = ["statements", "transactions", "settlement", "transactions_difference", "reserve", "payouts", "paid_to_bank", "paid_out_currency", "not_paid_out", "payout_time", "differences", "agrees"]
-- fill.rows = "found_differences"
WITH scope AS (
    SELECT statements.* FROM statements LEFT JOIN payments ON payments.id = statements.payment_id
    WHERE
        CASE
            WHEN $statement_id::VARCHAR IS NOT NULL THEN statements.id = $statement_id::VARCHAR
            ELSE coalesce(payments.create_time, statement_time) >= $from
                AND coalesce(payments.create_time, statement_time) < $until
        END
),
-- All statements of a payout count for it, also where one alone is asked for.
covered AS (
    SELECT
        payment_id,
        count(*) AS statements,
        CASE WHEN count(settlement_amount) = count(*) THEN sum(settlement_amount) END AS settlement
    FROM statements WHERE payment_id <> '' GROUP BY payment_id
),
contents AS (
    SELECT
        transactions.statement_id,
        count(*) AS transactions,
        any_value(transactions.currency) AS currency,
        any_value(statement_settlement_amount) AS statement_settlement,
        any_value(statement_reserve_amount) AS statement_reserve,
        any_value(statement_payable_amount) AS statement_payable,
        any_value(statement_transaction_count) AS statement_count,
        coalesce(sum(transactions.settlement_amount) FILTER (WHERE NOT is_reserve), 0) AS settlement,
        coalesce(bool_and(transactions.settlement_amount IS NOT NULL) FILTER (WHERE NOT is_reserve), true) AS is_whole,
        sum(transactions.revenue_amount) FILTER (WHERE NOT is_reserve) AS revenue,
        sum(transactions.shipping_cost_amount) FILTER (WHERE NOT is_reserve) AS shipping,
        sum(transactions.fee_tax_amount) FILTER (WHERE NOT is_reserve) AS fees,
        sum(transactions.adjustment_amount) FILTER (WHERE NOT is_reserve) AS adjustments,
        sum(transactions.reserve_amount) FILTER (WHERE is_reserve) AS reserve
    FROM (SELECT *, type IS NOT DISTINCT FROM 'RESERVE' AS is_reserve FROM statement_transactions) AS transactions
    GROUP BY transactions.statement_id
),
lines AS (
    SELECT
        moves.* EXCLUDE (order_id),
        type IS NOT DISTINCT FROM 'RESERVE' AS is_reserve,
        coalesce(moves.order_id, adjustment_order_id, associated_order_id) AS order_id,
        coalesce(moves.order_id, adjustment_id, concat_ws('/', reserve_id, reserve_status)) AS subject,
        CASE WHEN type = 'RESERVE' THEN moves.reserve_amount ELSE moves.settlement_amount END AS moved,
        coalesce(moves.revenue_amount, 0) + coalesce(moves.shipping_cost_amount, 0) + coalesce(moves.fee_tax_amount, 0)
        + coalesce(moves.adjustment_amount, 0) AS parts,
        coalesce(moves.revenue_amount, moves.shipping_cost_amount, moves.fee_tax_amount, moves.adjustment_amount)
            IS NOT NULL AS has_parts,
        statement_time,
        scope.currency AS statement_currency,
        scope.payment_id
    FROM statement_transactions AS moves JOIN scope ON scope.id = moves.statement_id
),
books AS (
    SELECT
        scope.id AS statement_id,
        scope.payment_id,
        scope.currency,
        scope.statement_time,
        scope.payment_status,
        scope.settlement_amount AS settlement,
        scope.revenue_amount AS revenue,
        scope.net_sales_amount AS net_sales,
        scope.shipping_cost_amount AS shipping,
        scope.fee_amount AS fees,
        scope.adjustment_amount AS adjustments,
        contents.settlement AS found_settlement,
        contents.revenue AS found_revenue,
        contents.shipping AS found_shipping,
        contents.fees AS found_fees,
        contents.adjustments AS found_adjustments,
        contents.* EXCLUDE (statement_id, currency, settlement, revenue, shipping, fees, adjustments),
        contents.currency AS found_currency,
        payments.status AS payout_status,
        coalesce(payments.paid_time, payments.create_time) AS payout_time,
        payments.amount AS paid_to_bank,
        payments.currency AS paid_out_currency
    FROM scope
    LEFT JOIN contents ON contents.statement_id = scope.id
    LEFT JOIN payments ON payments.id = scope.payment_id
),
-- A payout's own checks are made once for all its statements.
paid AS (
    SELECT
        payments.id AS payment_id,
        covered.statements,
        covered.settlement,
        any_value(scope.currency) AS statement_currency,
        coalesce(sum(contents.statement_reserve), 0) AS reserve,
        any_value(payments.create_time) AS payout_time,
        any_value(payments.reserve_amount) AS payout_reserve,
        any_value(payments.settlement_amount) AS payout_settlement,
        any_value(payments.settlement_currency) AS settlement_currency,
        any_value(payments.payment_amount_before_exchange) AS before_exchange,
        any_value(payments.before_exchange_currency) AS before_exchange_currency,
        any_value(payments.amount) AS amount,
        any_value(payments.currency) AS currency,
        any_value(payments.exchange_rate) AS exchange_rate,
        -- What statements do not tell themselves: older payouts name it without a sign.
        any_value(
            CASE WHEN abs(payment_amount_before_exchange - covered.settlement) = abs(payments.reserve_amount)
                THEN payment_amount_before_exchange - covered.settlement
            END
        ) - coalesce(sum(contents.statement_reserve), 0) AS untold_reserve
    FROM payments
    JOIN scope ON scope.payment_id = payments.id
    JOIN covered ON covered.payment_id = payments.id
    LEFT JOIN statements AS members ON members.payment_id = payments.id
    LEFT JOIN contents ON contents.statement_id = members.id AND scope.id = (
        SELECT min(first.id) FROM scope AS first WHERE first.payment_id = payments.id
    )
    GROUP BY payments.id, covered.statements, covered.settlement
),
repeated AS (
    SELECT
        *,
        first_value(statement_id) OVER (PARTITION BY id ORDER BY statement_time, statement_id) AS first_with_id,
        row_number() OVER (PARTITION BY id ORDER BY statement_time, statement_id) AS occurrence,
        first_value(statement_id) OVER same AS first_same,
        row_number() OVER same AS same_occurrence
    FROM lines
    WINDOW same AS (PARTITION BY type, subject, moved ORDER BY statement_time, statement_id, id)
),
amounts AS (
    SELECT
        'missing' AS kind, statement_id, NULL AS transaction_id, NULL AS order_id, payment_id, currency,
        NULL::DECIMAL(38, 2) AS expected, CASE WHEN is_whole THEN found_settlement END AS found,
        'The statement tells no settlement.' AS message
    FROM books WHERE settlement IS NULL
    UNION ALL
    SELECT
        'wrong_amount', statement_id, NULL, NULL, payment_id, currency, settlement, coalesce(found_settlement, 0),
        'The transactions add up to something else than the statement''s settlement.'
    FROM books
    WHERE
        coalesce(is_whole, true) AND coalesce(found_settlement, 0) <> settlement
        AND NOT list_contains($lacking_tables::VARCHAR[], 'statement_transactions')
    UNION ALL
    SELECT
        'wrong_amount', statement_id, NULL, NULL, payment_id, currency, settlement, statement_settlement,
        'get_transactions_by_statement tells another settlement than get_statements.'
    FROM books WHERE found_settlement = settlement AND statement_settlement <> settlement
    UNION ALL
    -- In some markets revenue is from before the seller's discounts, net sales from after them.
    SELECT
        'wrong_amount', statement_id, NULL, NULL, payment_id, currency, revenue, found_revenue,
        'The transactions'' revenue adds up to something else than the statement''s.'
    FROM books WHERE found_revenue <> revenue AND found_revenue IS DISTINCT FROM net_sales
    UNION ALL
    SELECT
        'wrong_amount', statement_id, NULL, NULL, payment_id, currency, shipping, found_shipping,
        'The transactions'' shipping adds up to something else than the statement''s.'
    FROM books WHERE found_shipping <> shipping
    UNION ALL
    -- In South-East Asia a statement's fees hold its shipping.
    SELECT
        'wrong_amount', statement_id, NULL, NULL, payment_id, currency, fees, found_fees,
        'The transactions'' fees add up to something else than the statement''s.'
    FROM books WHERE found_fees <> fees AND NOT (shipping IS NULL AND found_fees + coalesce(found_shipping, 0) = fees)
    UNION ALL
    SELECT
        'wrong_amount', statement_id, NULL, NULL, payment_id, currency, adjustments, found_adjustments,
        'The transactions'' adjustments add up to something else than the statement''s.'
    FROM books WHERE found_adjustments <> adjustments
    UNION ALL
    SELECT
        'wrong_amount', statement_id, NULL, NULL, payment_id, currency,
        statement_settlement + coalesce(statement_reserve, 0), statement_payable,
        'What is payable is not settlement and reserve.'
    FROM books WHERE statement_payable <> statement_settlement + coalesce(statement_reserve, 0)
    UNION ALL
    SELECT
        'wrong_amount', statement_id, NULL, NULL, payment_id, currency, statement_reserve, reserve,
        'The reserve transactions add up to something else than the statement''s reserve.'
    FROM books WHERE reserve <> statement_reserve
    UNION ALL
    SELECT
        CASE WHEN transactions < statement_count THEN 'missing' ELSE 'doubled' END, statement_id, NULL, NULL,
        payment_id, NULL, statement_count, transactions, 'The platform counts other transactions than it lists.'
    FROM books WHERE transactions <> statement_count
    UNION ALL
    SELECT
        'missing', statement_id, id, order_id, payment_id, statement_currency, parts, NULL,
        'A transaction tells no settlement.'
    FROM lines WHERE NOT is_reserve AND settlement_amount IS NULL
    UNION ALL
    SELECT
        'wrong_amount', statement_id, id, order_id, payment_id, statement_currency, parts, settlement_amount,
        'A transaction''s revenue, shipping, fees and adjustment add up to something else than its settlement.'
    FROM lines WHERE NOT is_reserve AND has_parts AND parts <> settlement_amount
    UNION ALL
    -- An order may rightly be settled again for another amount, as after a refund; for the same amount it is told.
    SELECT
        'doubled', statement_id, id, order_id, payment_id, statement_currency, 0, moved,
        'The same transaction is already in statement '
        || CASE WHEN occurrence > 1 THEN first_with_id ELSE first_same END || '.'
    FROM repeated WHERE occurrence > 1 OR (same_occurrence > 1 AND subject <> '' AND moved <> 0)
    UNION ALL
    SELECT
        'not_paid', statement_id, NULL, NULL, payment_id, currency, settlement, 0,
        'The payout failed: the seller''s bank details may need a look.'
    FROM books WHERE payment_status = 'FAILED'
    UNION ALL
    SELECT
        'missing', statement_id, NULL, NULL, payment_id, currency, settlement, 0,
        'The statement is PAID, but names no payment.'
    FROM books WHERE payment_status = 'PAID' AND coalesce(payment_id, '') = '' AND settlement <> 0
    UNION ALL
    SELECT
        'missing', NULL, NULL, NULL, covered.payment_id, any_value(scope.currency), any_value(covered.settlement), 0,
        'Statements name a payment that get_payments does not list.'
    FROM covered JOIN scope ON scope.payment_id = covered.payment_id
    WHERE
        NOT EXISTS (SELECT 1 FROM payments WHERE payments.id = covered.payment_id)
        AND NOT list_contains($lacking_tables::VARCHAR[], 'payments')
        AND (scope.region NOT IN ('ID', 'MY', 'PH', 'SG', 'TH', 'VN') OR EXISTS (SELECT 1 FROM payments))
    GROUP BY covered.payment_id
    UNION ALL
    -- Statements of a payout made soon after the copy begins may lie before it.
    SELECT
        CASE WHEN payout_time < $history_from::TIMESTAMPTZ + INTERVAL 31 DAY THEN 'unexplained' ELSE 'wrong_amount' END,
        NULL, NULL, NULL, payment_id, statement_currency, settlement, payout_settlement,
        'The payment settles something else than the ' || statements || ' statements that name it.'
    FROM paid WHERE payout_settlement <> settlement AND settlement_currency IS NOT DISTINCT FROM statement_currency
    UNION ALL
    -- Older payouts tell their reserve themselves, without a sign.
    SELECT
        'wrong_amount', NULL, NULL, NULL, payment_id, statement_currency, settlement + reserve, before_exchange,
        'What was paid is not the settlement of the payment''s statements and their reserve.'
    FROM paid
    WHERE
        coalesce(payout_settlement, settlement) = settlement
        AND before_exchange_currency IS NOT DISTINCT FROM statement_currency
        AND CASE
            WHEN payout_reserve IS NULL THEN before_exchange <> settlement + reserve
            ELSE before_exchange NOT IN (settlement - abs(payout_reserve), settlement + abs(payout_reserve))
        END
    UNION ALL
    SELECT
        'wrong_amount', NULL, NULL, NULL, payment_id, currency, before_exchange, amount,
        'Another amount arrived than was paid out.'
    FROM paid WHERE before_exchange_currency = currency AND amount <> before_exchange
    UNION ALL
    SELECT
        'unexplained', NULL, NULL, NULL, payment_id, currency, NULL, amount,
        'The payment was exchanged at a rate that is not told.'
    FROM paid WHERE before_exchange_currency <> currency AND coalesce(exchange_rate, 0) = 0
    UNION ALL
    -- Half a step of the rate, which has six decimals, and a cent of the amount.
    SELECT
        'wrong_amount', NULL, NULL, NULL, payment_id, currency,
        (before_exchange::DOUBLE * exchange_rate::DOUBLE)::DECIMAL(38, 2), amount,
        'What arrived is not what was paid out in ' || before_exchange_currency || ' times the exchange rate.'
    FROM paid
    WHERE
        before_exchange_currency <> currency AND exchange_rate > 0
        AND abs(amount::DOUBLE - before_exchange::DOUBLE * exchange_rate::DOUBLE)
            > abs(before_exchange::DOUBLE) * 0.0000005 + 0.01
    UNION ALL
    SELECT
        'unknown_order', statement_id, id, order_id, payment_id, statement_currency, NULL, moved,
        'The shop has no order of this id, or no longer.'
    FROM lines
    WHERE
        order_id <> '' AND NOT list_contains($lacking_tables::VARCHAR[], 'orders')
        AND order_create_time >= coalesce($history_from::TIMESTAMPTZ, order_create_time)
        AND NOT EXISTS (SELECT 1 FROM orders WHERE orders.id = lines.order_id)
    UNION ALL
    SELECT
        'cancelled_order', statement_id, lines.id, order_id, payment_id, statement_currency, 0, moved,
        'The order is cancelled, and yet it was settled.'
    FROM lines JOIN orders ON orders.id = lines.order_id
    WHERE orders.status = 'CANCELLED' AND moved > 0
),
words AS (
    SELECT
        'wrong_currency' AS kind, statement_id, payment_id, currency, currency AS expected, found_currency AS found,
        'The transactions are in another currency than the statement.' AS message
    FROM books WHERE found_currency <> currency
    UNION ALL
    SELECT
        'wrong_status', statement_id, payment_id, currency, payment_status, payout_status,
        'Statement and payment tell different statuses (expected: the statement''s).'
    FROM books
    WHERE payout_status <> payment_status AND NOT (payment_status = 'SETTLED' AND payout_status = 'PAID')
    UNION ALL
    SELECT
        'wrong_currency', NULL, payment_id, statement_currency, statement_currency,
        CASE WHEN settlement_currency <> statement_currency THEN settlement_currency ELSE before_exchange_currency END,
        'The payment is in another currency than its statements.'
    FROM paid WHERE settlement_currency <> statement_currency OR before_exchange_currency <> statement_currency
),
differences AS (
    SELECT
        * EXCLUDE (expected, found), expected::DECIMAL(38, 2)::VARCHAR AS expected,
        found::DECIMAL(38, 2)::VARCHAR AS found, found - expected AS difference
    FROM amounts
    UNION ALL BY NAME
    SELECT * FROM words
),
counted AS (
    SELECT
        books.*,
        paid.untold_reserve,
        books.payout_status AS status,
        (
            SELECT count(*) FROM differences WHERE
                differences.statement_id = books.statement_id
        ) AS own_differences,
        (
            SELECT count(*) FROM differences WHERE
                differences.statement_id IS NULL AND differences.payment_id = books.payment_id
        ) AS payout_differences
    FROM books LEFT JOIN paid ON paid.payment_id = books.payment_id
),
checked AS (
    SELECT
        statement_id, payment_id, currency, statement_time, payment_status, settlement,
        CASE WHEN coalesce(is_whole, true) THEN coalesce(found_settlement, 0) END AS transactions_settlement,
        coalesce(transactions, 0) AS transactions, coalesce(statement_reserve, reserve, 0) AS reserve, untold_reserve,
        payout_status, payout_time, paid_to_bank, paid_out_currency,
        own_differences, payout_differences,
        -- What is the payout's counts once for all its statements.
        coalesce(row_number() OVER (PARTITION BY payment_id ORDER BY statement_time, statement_id), 1) = 1 AS is_first
    FROM counted
),
found_differences AS (
    SELECT
        kind, statement_id, transaction_id, order_id, payment_id, currency, message, expected, found, difference,
        NULL::TIMESTAMPTZ AS statement_time, NULL AS payment_status, NULL AS settlement,
        NULL AS transactions_settlement, NULL AS transactions, NULL::DECIMAL(38, 2) AS reserve,
        NULL::DECIMAL(38, 2) AS untold_reserve, NULL AS payout_status, NULL AS payout_time,
        NULL AS paid_to_bank, NULL AS paid_out_currency, 1 AS own_differences, 0 AS payout_differences, true AS is_first
    FROM differences
),
sums AS (
    SELECT
        {group_by}
        currency,
        count(DISTINCT statement_id) AS statements,
        sum(transactions)::BIGINT AS transactions,
        sum(settlement) AS settlement,
        nullif(sum(transactions_settlement - settlement), 0) AS transactions_difference,
        sum(reserve) + coalesce(sum(untold_reserve) FILTER (WHERE is_first), 0) AS reserve,
        count(DISTINCT payment_id) FILTER (WHERE payout_time IS NOT NULL) AS payouts,
        sum(paid_to_bank) FILTER (WHERE is_first) AS paid_to_bank,
        max(paid_out_currency) AS paid_out_currency,
        count(DISTINCT payment_id) FILTER (WHERE paid_to_bank < 0) AS payouts_below_zero,
        coalesce(sum(settlement + reserve) FILTER (WHERE payout_time IS NULL), 0) AS not_paid_out,
        max(payout_time) AS payout_time,
        (
            sum(own_differences) + coalesce(sum(payout_differences) FILTER (WHERE {counts_payout}), 0)
        )::BIGINT AS differences
    FROM {rows}
    GROUP BY ALL
)
SELECT
    * REPLACE (nullif(paid_out_currency, currency) AS paid_out_currency),
    CASE WHEN differences > 0 THEN false WHEN len($lacking_tables::VARCHAR[]) = 0 THEN true END AS agrees
FROM sums
