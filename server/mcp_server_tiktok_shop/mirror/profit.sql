-- title = "Profit"
-- # Every amount of statements, and of the platform's estimates for what is in none yet, laid to the SKUs of its order; the
-- # cost of the goods beside it. Parameters: $from, $until, $now, $by (whether the period is that of orders or of statements),
-- # $group_by, $limit, $costs (JSON text), $step (hundredths in the smallest amount of the currency: 1, or 100 where it has
-- # no fraction). Rows by `part`: row, total, missing (a cost), open (orders in neither list), statements (their own sum).
WITH
transactions AS (
  SELECT 'settled' AS basis, t.statement_id, t.id, t.type,
    coalesce(nullif(t.order_id, ''), nullif(t.adjustment_order_id, '')) AS order_id,
    t.order_create_time, s.statement_time, t.currency,
    coalesce(t.settlement_amount, 0) AS settlement, coalesce(t.revenue_amount, 0) AS revenue,
    coalesce(t.shipping_cost_amount, 0) AS shipping, coalesce(t.fee_tax_amount, 0) AS fees,
    coalesce(t.adjustment_amount, 0) AS adjustment
  FROM statement_transactions AS t LEFT JOIN statements AS s ON s.id = t.statement_id
  WHERE t.type IS DISTINCT FROM 'RESERVE'  -- changes what is paid out, not what is earned
  UNION ALL
  SELECT 'estimated', '', id, type, coalesce(nullif(order_id, ''), nullif(adjustment_order_id, '')),
    order_create_time, NULL, currency,
    coalesce(est_settlement_amount, 0), coalesce(est_revenue_amount, 0), coalesce(est_shipping_cost_amount, 0),
    coalesce(est_fee_tax_amount, 0), coalesce(est_adjustment_amount, 0)
  FROM unsettled_transactions
  WHERE type IS DISTINCT FROM 'RESERVE'
),
kinds AS (
  SELECT 'settled' AS basis, statement_id, transaction_id, NULL AS order_id, NULL AS sku_id, currency, section, kind, amount
  FROM statement_fees
  UNION ALL
  SELECT 'estimated', '', transaction_id, NULL, NULL, currency, section, kind, amount FROM unsettled_fees
  UNION ALL  -- what the platform itself tells by SKU, of the orders that were read one by one
  SELECT 'known', statement_id, NULL, order_id, sku_id, currency, section, kind, amount FROM order_fees
),
-- The names under which amounts are told.
named AS (
  SELECT * EXCLUDE (section, kind),
    CASE
      WHEN section = 'revenue' THEN if(kind LIKE '%refund%', 'refunds', 'sales')
      WHEN section = 'shipping_cost' THEN 'shipping'
      WHEN kind LIKE '%affiliate%' OR kind LIKE '%ads_commission%' OR kind LIKE '%creator%' THEN 'affiliate_commission'
      WHEN regexp_matches(kind, '(^|_)ads?(_|$)') THEN 'ads'
      ELSE kind
    END AS name
  FROM kinds
  WHERE kind NOT LIKE '%before_pit%'  -- told again within another kind
),
sums AS (
  SELECT basis, statement_id, transaction_id AS id,
    coalesce(sum(amount) FILTER (name = 'refunds'), 0) AS refunds,
    coalesce(sum(amount) FILTER (name NOT IN ('sales', 'refunds', 'shipping')), 0) AS fees
  FROM named WHERE basis <> 'known' GROUP BY ALL
),
amounts AS (
  SELECT t.basis, t.statement_id, t.order_id, t.currency, n.name, n.amount
  FROM transactions AS t JOIN named AS n ON n.basis = t.basis AND n.statement_id = t.statement_id AND n.transaction_id = t.id
  WHERE n.name NOT IN ('sales', 'shipping')  -- those follow from the transaction's own sums
  UNION ALL
  SELECT t.basis, t.statement_id, t.order_id, t.currency, own.name, own.amount
  FROM transactions AS t
    LEFT JOIN sums AS s ON s.basis = t.basis AND s.statement_id = t.statement_id AND s.id = t.id
    CROSS JOIN LATERAL (
      VALUES
        ('sales', t.revenue - coalesce(s.refunds, 0)),
        ('other_fees', t.fees - coalesce(s.fees, 0)),
        ('shipping', t.shipping),
        (if(t.type = 'GMV_PAYMENT_FOR_ADS', 'ads', 'adjustments'), t.adjustment),
        ('unexplained', t.settlement - t.revenue - t.shipping - t.fees - t.adjustment)
    ) AS own (name, amount)
),
cells AS MATERIALIZED (
  SELECT basis, statement_id, order_id, currency, name, sum(amount)::DECIMAL(18, 2) AS amount
  FROM amounts GROUP BY ALL HAVING sum(amount) <> 0
),
-- The units of an order by SKU. A unit that was cancelled brings nothing, unless all were.
units AS (
  SELECT l.*, l.original_price - coalesce(l.seller_discount, 0) AS line_value,
    l.display_status IS DISTINCT FROM 'CANCELLED' AS is_sold,
    coalesce(nullif(l.seller_sku, ''), l.sku_id) AS code
  FROM order_lines AS l
  WHERE l.order_id IN (SELECT order_id FROM cells)
),
costs AS (
  SELECT unnest(
    from_json($costs, '[{"code": "VARCHAR", "unit_cost": "DECIMAL(18,6)", "currency": "VARCHAR", "since": "DATE"}]'),
    recursive := true
  )
),
priced AS (
  SELECT u.*, c.unit_cost
  FROM units AS u ASOF LEFT JOIN costs AS c
    ON c.code = u.code AND c.currency = u.currency AND u.order_create_time::DATE >= c.since
),
lines AS MATERIALIZED (
  SELECT order_id, sku_id, any_value(currency) AS currency, max(order_create_time) AS order_time,
    count(*) FILTER (is_sold) AS units,
    coalesce(sum(unit_cost) FILTER (is_sold), 0) AS cost,
    count(*) FILTER (is_sold AND unit_cost IS NULL) AS lacking,
    count(*) AS all_units,
    coalesce(sum(line_value) FILTER (is_sold), 0) AS sold_value, coalesce(sum(line_value), 0) AS all_value
  FROM priced GROUP BY ALL
),
-- By what an amount of an order is spread over its SKUs: the value of the units sold, else their number.
weights AS (
  SELECT order_id, sku_id,
    CASE
      WHEN sum(sold_value) OVER whole > 0 THEN greatest(sold_value, 0) * 100
      WHEN sum(all_value) OVER whole > 0 THEN greatest(all_value, 0) * 100
      ELSE all_units
    END::HUGEINT AS weight,
    count(*) OVER whole AS skus
  FROM lines WINDOW whole AS (PARTITION BY order_id)
),
known AS (
  SELECT statement_id, order_id, sku_id, currency, name, sum(amount)::DECIMAL(18, 2) AS amount
  FROM named
  WHERE basis = 'known'
    AND (statement_id, order_id) IN (SELECT (statement_id, order_id) FROM cells WHERE basis = 'settled')
  GROUP BY ALL
),
-- What no SKU is told of: all of it where an order was not read, else what its statement says beyond.
remainders AS (
  SELECT coalesce(c.basis, 'settled') AS basis, coalesce(c.statement_id, k.statement_id) AS statement_id,
    coalesce(c.order_id, k.order_id) AS order_id, coalesce(c.currency, k.currency) AS currency,
    coalesce(c.name, k.name) AS name, coalesce(c.amount, 0) - coalesce(k.amount, 0) AS amount
  FROM cells AS c FULL JOIN (
    SELECT statement_id, order_id, currency, name, sum(amount) AS amount FROM known GROUP BY ALL
  ) AS k ON c.statement_id = k.statement_id AND c.order_id = k.order_id AND c.name = k.name
),
-- Largest remainder: each SKU its whole part, then a hundredth more for those that lost the most by it.
shares AS (
  SELECT r.basis, r.statement_id, r.order_id, r.currency, r.name, w.sku_id, w.skus, w.weight, sign(r.amount) AS direction,
    CASE WHEN r.amount % 1 = 0 THEN $step ELSE 1 END AS step,
    (abs(r.amount) * 100)::HUGEINT // CASE WHEN r.amount % 1 = 0 THEN $step ELSE 1 END AS pieces,
    sum(w.weight) OVER cell AS total
  FROM remainders AS r JOIN weights AS w ON w.order_id = r.order_id
  WHERE r.amount <> 0
  WINDOW cell AS (PARTITION BY r.basis, r.statement_id, r.order_id, r.currency, r.name)
),
floors AS (
  SELECT *, (pieces * weight) // total AS whole, (pieces * weight) % total AS rest
  FROM shares
),
spread AS (
  SELECT basis, statement_id, order_id, currency, name, sku_id, skus,
    (direction * step * (whole + if(
      row_number() OVER (cell ORDER BY rest DESC, sku_id) <= pieces - sum(whole) OVER cell, 1, 0
    )))::DECIMAL(18, 0) AS hundredths
  FROM floors WINDOW cell AS (PARTITION BY basis, statement_id, order_id, currency, name)
),
parts AS (
  SELECT basis, statement_id, order_id, sku_id, currency, name, (hundredths * 0.01)::DECIMAL(18, 2) AS amount,
    if(skus > 1, 'spread', 'exact') AS split
  FROM spread
  UNION ALL
  SELECT 'settled', statement_id, order_id, sku_id, currency, name, amount, 'exact' FROM known
  UNION ALL
  SELECT basis, statement_id, order_id, NULL, currency, name, amount, 'exact' FROM remainders
  WHERE amount <> 0 AND (order_id IS NULL OR order_id NOT IN (SELECT order_id FROM weights))
),
-- The goods of an order are paid for once, where it is settled first.
firsts AS (
  SELECT order_id, basis, statement_id
  FROM transactions WHERE order_id IS NOT NULL AND type = 'ORDER'
  QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY statement_time NULLS LAST, statement_id) = 1
),
facts AS (
  SELECT p.basis, p.statement_id, p.order_id, p.sku_id, p.currency, p.name, p.amount, p.split,
    0 AS units, 0::DECIMAL(18, 6) AS cost, 0 AS lacking
  FROM parts AS p
  UNION ALL
  SELECT f.basis, f.statement_id, f.order_id, l.sku_id, l.currency, NULL, 0, 'exact', l.units, -l.cost, l.lacking
  FROM firsts AS f JOIN lines AS l ON l.order_id = f.order_id
),
order_times AS (
  SELECT order_id, max(order_create_time) AS order_time
  FROM (
    SELECT order_id, order_create_time FROM transactions WHERE order_id IS NOT NULL
    UNION ALL
    SELECT order_id, order_time FROM lines
  ) GROUP BY ALL
),
dated AS (
  SELECT f.*, o.order_time,
    if($by = 'statement', s.statement_time, coalesce(o.order_time, s.statement_time, $now)) AS time,
    coalesce(l.lacking = 0 AND l.all_units > 0, f.order_id IS NULL) AS is_covered
  FROM facts AS f
    LEFT JOIN order_times AS o ON o.order_id = f.order_id
    LEFT JOIN statements AS s ON s.id = f.statement_id
    LEFT JOIN lines AS l ON l.order_id = f.order_id AND l.sku_id = f.sku_id
),
sku_names AS (
  SELECT sku_id, arg_max(product_id, order_create_time) AS product_id, arg_max(product_name, order_create_time) AS product_name,
    arg_max(sku_name, order_create_time) AS sku_name, arg_max(code, order_create_time) AS seller_sku
  FROM units GROUP BY ALL
),
chosen AS MATERIALIZED (
  SELECT d.*, n.product_id, n.product_name, n.sku_name, n.seller_sku,
    CASE $group_by
      WHEN 'sku' THEN d.sku_id
      WHEN 'product' THEN coalesce(n.product_id, d.sku_id)
      WHEN 'order' THEN d.order_id
      WHEN 'day' THEN strftime(d.time, '%Y-%m-%d')
      WHEN 'month' THEN strftime(d.time, '%Y-%m')
    END AS key
  FROM dated AS d LEFT JOIN sku_names AS n ON n.sku_id = d.sku_id
  WHERE d.time >= $from AND d.time < $until
),
kept AS (
  SELECT 'row' AS part, * FROM chosen
  UNION ALL
  SELECT 'total', * REPLACE (NULL AS key) FROM chosen
),
by_name AS (
  SELECT part, key, basis, currency, name, sum(amount) AS amount
  FROM kept WHERE name NOT IN ('sales', 'refunds', 'shipping', 'adjustments', 'unexplained', 'ads', 'affiliate_commission')
  GROUP BY ALL HAVING sum(amount) <> 0
),
fees AS (
  SELECT part, key, basis, currency, json_group_object(name, amount::VARCHAR)::VARCHAR AS fees
  FROM by_name GROUP BY ALL
),
grouped AS (
  SELECT part, key, basis, currency,
    any_value(seller_sku) AS seller_sku, any_value(product_name) AS product_name, any_value(sku_name) AS sku_name,
    any_value(order_time) AS order_time,
    sum(units) AS units,
    coalesce(sum(amount) FILTER (name = 'sales'), 0) AS sales,
    coalesce(sum(amount) FILTER (name = 'refunds'), 0) AS refunds,
    coalesce(sum(amount) FILTER (name IN ('sales', 'refunds')), 0) AS net_sales,
    coalesce(sum(amount) FILTER (name = 'affiliate_commission'), 0) AS affiliate_commission,
    coalesce(sum(amount) FILTER (name = 'ads'), 0) AS ads,
    coalesce(sum(amount) FILTER (name = 'shipping'), 0) AS shipping,
    coalesce(sum(amount) FILTER (name = 'adjustments'), 0) AS adjustments,
    coalesce(sum(amount) FILTER (name = 'unexplained'), 0) AS unexplained,
    sum(amount) AS settlement,
    sum(lacking) AS units_without_cost,
    bool_or(NOT is_covered) AS is_partial,
    coalesce(sum(units) FILTER (is_covered), 0) AS covered_units,
    coalesce(sum(amount) FILTER (is_covered), 0) AS covered_settlement,
    coalesce(sum(amount) FILTER (is_covered AND name IN ('sales', 'refunds')), 0) AS covered_net_sales,
    round(coalesce(sum(cost) FILTER (is_covered), 0), 2)::DECIMAL(18, 2) AS covered_cost,
    CASE
      WHEN NOT bool_or(split = 'spread') THEN 'exact'
      WHEN bool_or(split = 'exact' AND name IS NOT NULL) THEN 'partly spread'
      ELSE 'spread'
    END AS split
  FROM kept GROUP BY ALL
),
missing AS (
  SELECT 'missing' AS part, any_value(sku_id) AS key, NULL::VARCHAR AS basis, any_value(currency) AS currency,
    seller_sku, any_value(product_name) AS product_name, any_value(sku_name) AS sku_name, sum(lacking) AS units_without_cost
  FROM chosen WHERE lacking > 0 GROUP BY seller_sku
),
-- Orders of the period that are in no statement and not among the estimates yet.
open_orders AS (
  SELECT 'open' AS part, currency, count(*) AS units, sum(sub_total + coalesce(platform_discount, 0)) AS net_sales
  FROM orders
  WHERE $by = 'order' AND create_time >= $from AND create_time < $until AND status NOT IN ('UNPAID', 'CANCELLED')
    AND id NOT IN (SELECT order_id FROM transactions WHERE order_id IS NOT NULL)
  GROUP BY ALL
),
own_sums AS (
  SELECT 'statements' AS part, currency, count(*) AS units, sum(settlement_amount) AS settlement
  FROM statements WHERE $by = 'statement' AND statement_time >= $from AND statement_time < $until
  GROUP BY ALL
),
told AS (
  SELECT g.*, f.fees
  FROM grouped AS g LEFT JOIN fees AS f
    ON f.part = g.part AND f.key IS NOT DISTINCT FROM g.key AND f.basis = g.basis AND f.currency = g.currency
  UNION ALL BY NAME
  SELECT * FROM missing
  UNION ALL BY NAME
  SELECT * FROM open_orders
  UNION ALL BY NAME
  SELECT * FROM own_sums
)
SELECT *, count(*) OVER (PARTITION BY part) AS rows_in_all
FROM told
QUALIFY row_number() OVER (
  PARTITION BY part
  ORDER BY if($group_by IN ('day', 'month'), key, NULL), net_sales DESC NULLS LAST, units_without_cost DESC, key, basis
) <= $limit
ORDER BY part, if($group_by IN ('day', 'month'), key, NULL), net_sales DESC NULLS LAST, units_without_cost DESC, key, basis
