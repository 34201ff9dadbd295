-- title = "Payouts that failed or do not agree with their statements"
-- otherwise = "money may be missing"
-- tool = "get_report with report payouts"
-- id = "payment_id"
-- # Neither a payout of the first two weeks of the copy is held against statements, some of which may be older than the
-- # copy, nor a statement of the last three days against payouts.
WITH bounds AS (SELECT min(statement_time) + INTERVAL 14 DAYS AS first_time FROM statements),
carried AS (
  SELECT payment_id, any_value(currency) AS currency, sum(settlement_amount) AS amount, max(statement_time) AS time
  FROM statements WHERE payment_id <> '' GROUP BY payment_id
)
SELECT
  NULL::TIMESTAMPTZ AS deadline,
  coalesce(p.id, c.payment_id) AS payment_id,
  CASE
    WHEN p.status = 'FAILED' THEN 'the payout failed: ' || concat_ws(' ', p.currency, p.amount)
    WHEN p.id IS NULL THEN 'statements of ' || concat_ws(' ', c.currency, c.amount) || ' name a payout that is not listed'
    ELSE concat_ws(' ', p.settlement_currency, p.settlement_amount) || ' settled, its statements say ' || coalesce(c.amount, 0)
  END AS detail,
  epoch(coalesce(p.create_time, c.time))::BIGINT AS rank
FROM payments AS p FULL JOIN carried AS c ON c.payment_id = p.id, bounds
WHERE p.status = 'FAILED'
  OR (p.id IS NULL AND c.time >= first_time AND c.time < $now - INTERVAL 3 DAYS)
  OR (
    p.create_time >= first_time AND p.settlement_amount IS NOT NULL
    AND p.settlement_amount <> coalesce(c.amount, 0) AND p.settlement_currency = coalesce(c.currency, p.settlement_currency)
  )
