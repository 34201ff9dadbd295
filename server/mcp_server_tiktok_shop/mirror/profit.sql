-- title = "Profit"
-- # Every amount of statements, and of the platform's estimates for what is in none yet, laid to the SKUs of its order; the
-- # cost of the goods beside it. Parameters: $from, $until, $now, $by (whether the period is that of orders or of statements),
-- # $group_by, $order (a column, or nothing), $direction (-1: the most first), $limit, $costs (JSON text), $step (hundredths
-- # in the smallest amount of the currency: 1, or 100 where it has no fraction), $has_parts. Rows by `part`: row, part (a row's
-- # settled or estimated one, where asked for), total, missing (a cost), above (a cost above the price), open (orders in neither
-- # list), statements (their own sum).
-- # Ids and names become small numbers at the beginning: hundreds of thousands of amounts then need little memory.
WITH
transactions AS MATERIALIZED (
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
order_times AS (
  SELECT t.order_id, coalesce(max(t.order_create_time), max(o.create_time)) AS order_time
  FROM transactions AS t LEFT JOIN orders AS o ON o.id = t.order_id
  WHERE t.order_id IS NOT NULL GROUP BY ALL
),
-- What one statement, or the estimates, hold of one order. The goods are paid for where it is settled first.
entries AS MATERIALIZED (
  SELECT *, (row_number() OVER ())::INTEGER AS entry,
    if(order_id IS NULL, NULL, dense_rank() OVER (ORDER BY order_id))::INTEGER AS order_number
  FROM (
    SELECT t.basis, t.statement_id, t.order_id, t.currency, any_value(o.order_time) AS order_time,
      if($by = 'statement', any_value(t.statement_time),
        coalesce(any_value(o.order_time), any_value(t.statement_time), $now)) AS time,
      any_value(t.statement_time) AS statement_time,
      sum(t.settlement)::DECIMAL(18, 2) AS settlement, sum(t.revenue)::DECIMAL(18, 2) AS revenue,
      sum(t.shipping)::DECIMAL(18, 2) AS shipping, sum(t.fees)::DECIMAL(18, 2) AS fees,
      coalesce(sum(t.adjustment) FILTER (t.type = 'GMV_PAYMENT_FOR_ADS'), 0)::DECIMAL(18, 2) AS ads,
      coalesce(sum(t.adjustment) FILTER (t.type IS DISTINCT FROM 'GMV_PAYMENT_FOR_ADS'), 0)::DECIMAL(18, 2) AS adjustments,
      row_number() OVER (
        PARTITION BY t.order_id, bool_or(t.type = 'ORDER') ORDER BY any_value(t.statement_time) NULLS LAST, t.statement_id
      ) = 1 AND bool_or(t.type = 'ORDER') AND t.order_id IS NOT NULL AS is_first
    FROM transactions AS t LEFT JOIN order_times AS o ON o.order_id = t.order_id
    GROUP BY t.basis, t.statement_id, t.order_id, t.currency
  )
  WHERE time >= $from AND time < $until
),
-- The names under which amounts are told, by number: own ones up to 8, then the platform's kinds of fees.
kinds AS (
  SELECT DISTINCT section, kind FROM statement_fees UNION SELECT DISTINCT section, kind FROM unsettled_fees
  UNION SELECT DISTINCT section, kind FROM order_fees
),
names AS MATERIALIZED (
  SELECT section, kind, name,
    coalesce(
      list_position(['sales', 'refunds', 'shipping', 'adjustments', 'unexplained', 'ads', 'affiliate_commission'], name),
      8 + dense_rank() OVER (ORDER BY name)
    )::TINYINT AS number
  FROM (
    SELECT section, kind,
      CASE
        WHEN section = 'revenue' THEN if(kind LIKE '%refund%', 'refunds', 'sales')
        WHEN section = 'shipping_cost' THEN 'shipping'
        WHEN kind LIKE '%affiliate%' OR kind LIKE '%ads_commission%' OR kind LIKE '%creator%' THEN 'affiliate_commission'
        WHEN regexp_matches(kind, '(^|_)ads?(_|$)') THEN 'ads'
        ELSE kind
      END AS name
    FROM kinds
  )
),
keys AS (
  SELECT t.basis, t.statement_id, t.id, e.entry
  FROM transactions AS t JOIN entries AS e
    ON e.basis = t.basis AND e.statement_id = t.statement_id AND e.order_id IS NOT DISTINCT FROM t.order_id
    AND e.currency = t.currency
),
-- Fees and refunds by kind. Sales and shipping follow from the entry's own sums, and so does what no kind explains.
fees AS MATERIALIZED (
  SELECT entry, number, amount
  FROM (
    SELECT k.entry, f.section, f.kind, f.amount
    FROM statement_fees AS f JOIN keys AS k
      ON k.basis = 'settled' AND k.statement_id = f.statement_id AND k.id = f.transaction_id
    UNION ALL
    SELECT k.entry, f.section, f.kind, f.amount
    FROM unsettled_fees AS f JOIN keys AS k ON k.basis = 'estimated' AND k.id = f.transaction_id
  ) JOIN names USING (section, kind)
  WHERE number NOT IN (1, 3)
),
fee_sums AS (
  SELECT entry, coalesce(sum(amount) FILTER (number = 2), 0) AS refunds, coalesce(sum(amount) FILTER (number <> 2), 0) AS fees
  FROM fees GROUP BY ALL
),
cells AS MATERIALIZED (
  SELECT entry, number, amount FROM fees
  UNION ALL
  SELECT e.entry, own.number, own.amount::DECIMAL(18, 2)
  FROM entries AS e LEFT JOIN fee_sums AS s USING (entry)
    CROSS JOIN LATERAL (
      VALUES
        (1, e.revenue - coalesce(s.refunds, 0)),
        (3, e.shipping),
        (4, e.adjustments),
        (5, e.settlement - e.revenue - e.shipping - e.fees - e.adjustments - e.ads),
        (6, e.ads),
        (8, e.fees - coalesce(s.fees, 0))
    ) AS own (number, amount)
  WHERE own.amount <> 0
),
skus AS MATERIALIZED (
  SELECT *, (row_number() OVER (ORDER BY sku_id))::INTEGER AS sku, (dense_rank() OVER (ORDER BY product_id))::INTEGER AS product
  FROM (
    SELECT sku_id, arg_max(product_id, order_create_time) AS product_id,
      arg_max(product_name, order_create_time) AS product_name, arg_max(sku_name, order_create_time) AS sku_name,
      arg_max(coalesce(nullif(seller_sku, ''), sku_id), order_create_time) AS seller_sku
    FROM order_lines GROUP BY sku_id
  )
),
costs AS (
  SELECT unnest(
    from_json(
      $costs,
      '[{"code": "VARCHAR", "unit_cost": "DECIMAL(18,6)", "price_share": "DECIMAL(18,8)", "currency": "VARCHAR", "since": "DATE"}]'
    ),
    recursive := true
  )
),
-- The units that buyers sent back: of a refund alone they keep the goods.
units_back AS (
  SELECT DISTINCT l.order_line_item_id AS id
  FROM return_lines AS l JOIN returns AS r ON r.id = l.return_id
  WHERE r.return_type = 'RETURN_AND_REFUND' AND r.can_buyer_keep_item IS NOT true
    AND (r.return_status LIKE '%_COMPLETE' OR r.return_status LIKE '%_SUCCESS')
),
-- The units of an order by SKU; SKUs of which every unit was cancelled are left out, unless all were.
units AS (
  SELECT o.order_number, k.sku, l.currency, coalesce(nullif(l.seller_sku, ''), l.sku_id) AS code,
    any_value(l.order_create_time)::DATE AS day,
    count(*) AS all_units, count(*) FILTER (is_sold) AS units, count(*) FILTER (is_sold AND l.is_back) AS back,
    if(bool_or(is_sold AND l.original_price IS NULL), NULL, sum(l.original_price) FILTER (is_sold)) AS price,
    if(bool_or(is_sold AND l.original_price IS NULL), NULL, sum(l.original_price) FILTER (is_sold AND l.is_back)) AS back_price,
    sum(greatest(l.original_price - coalesce(l.seller_discount, 0), 0)) AS all_value,
    coalesce(sum(greatest(l.original_price - coalesce(l.seller_discount, 0), 0)) FILTER (is_sold), 0) AS value
  FROM (
      SELECT *, display_status IS DISTINCT FROM 'CANCELLED' AS is_sold, id IN (SELECT id FROM units_back) AS is_back
      FROM order_lines
    ) AS l
    JOIN (SELECT DISTINCT order_id, order_number FROM entries WHERE order_id IS NOT NULL) AS o ON o.order_id = l.order_id
    JOIN skus AS k ON k.sku_id = l.sku_id
  GROUP BY o.order_number, k.sku, l.currency, code
),
lines AS MATERIALIZED (
  SELECT u.order_number, u.sku, sum(u.units)::INTEGER AS units, sum(u.all_units)::INTEGER AS all_units,
    coalesce(sum(u.cost), 0)::DECIMAL(18, 6) AS cost, coalesce(sum(u.back_cost), 0)::DECIMAL(18, 6) AS back_cost,
    coalesce(sum(u.units) FILTER (u.cost IS NULL), 0)::INTEGER AS lacking,
    coalesce(sum(u.price) FILTER (u.cost IS NOT NULL), 0)::DECIMAL(18, 2) AS price,
    sum(u.value)::DECIMAL(18, 2) AS value, sum(u.all_value)::DECIMAL(18, 2) AS all_value
  FROM (
    SELECT u.*, coalesce(u.units * c.unit_cost, u.price * c.price_share) AS cost,
      coalesce(u.back * c.unit_cost, u.back_price * c.price_share) AS back_cost
    FROM units AS u ASOF LEFT JOIN costs AS c ON c.code = u.code AND c.currency = u.currency AND u.day >= c.since
  ) AS u
  GROUP BY u.order_number, u.sku
  QUALIFY sum(u.units) > 0 OR sum(sum(u.units)) OVER (PARTITION BY u.order_number) = 0
),
-- Amounts are laid to several SKUs only where that matters: rows are of SKUs, or some have a cost and some have none.
order_sums AS MATERIALIZED (
  SELECT order_number, count(*) AS skus, any_value(sku) AS only_sku, sum(lacking) = 0 AS is_covered,
    count(*) > 1 AND ($group_by IN ('sku', 'product') OR (bool_or(lacking > 0) AND bool_or(lacking = 0))) AS is_split,
    sum(value)::DECIMAL(18, 2) AS value, sum(all_value)::DECIMAL(18, 2) AS all_value, sum(all_units)::INTEGER AS all_units
  FROM lines GROUP BY ALL
),
-- By what an amount of an order is spread over its SKUs: the value of the units sold, else their number.
weights AS (
  SELECT l.order_number, l.sku,
    CASE WHEN o.value > 0 THEN l.value * 100 WHEN o.all_value > 0 THEN l.all_value * 100 ELSE l.all_units END::HUGEINT AS weight,
    CASE WHEN o.value > 0 THEN o.value * 100 WHEN o.all_value > 0 THEN o.all_value * 100 ELSE o.all_units END::HUGEINT AS total
  FROM lines AS l JOIN order_sums AS o USING (order_number)
  WHERE o.is_split
),
-- What the platform itself tells by SKU, of the orders that were read one by one.
split_entries AS MATERIALIZED (
  SELECT e.entry, e.statement_id, e.order_id
  FROM entries AS e JOIN order_sums AS o USING (order_number)
  WHERE e.basis = 'settled' AND o.is_split
),
known AS MATERIALIZED (
  SELECT e.entry, k.sku, n.number, f.amount
  FROM order_fees AS f
    JOIN names AS n ON n.section = f.section AND n.kind = f.kind
    JOIN skus AS k ON k.sku_id = f.sku_id
    JOIN split_entries AS e ON e.statement_id = f.statement_id AND e.order_id = f.order_id
),
-- What no SKU is told of: all of it where an order was not read, else what its statement says beyond.
remainders AS (
  SELECT entry, number, sum(amount)::DECIMAL(18, 2) AS amount
  FROM (
    SELECT c.entry, c.number, c.amount
    FROM cells AS c JOIN entries AS e USING (entry) JOIN order_sums AS o USING (order_number)
    WHERE o.is_split
    UNION ALL
    SELECT entry, number, -amount FROM known
  )
  GROUP BY ALL HAVING sum(amount) <> 0
),
-- Largest remainder: each SKU its whole part, then a hundredth more for those that lost the most by it.
shares AS (
  SELECT r.entry, r.number, w.sku, sign(r.amount)::TINYINT AS direction,
    if(r.amount % 1 = 0, $step, 1)::TINYINT AS step, p.pieces,
    ((p.pieces * w.weight) // w.total)::BIGINT AS whole, (p.pieces * w.weight) % w.total AS rest
  FROM remainders AS r JOIN entries AS e USING (entry) JOIN weights AS w USING (order_number)
    CROSS JOIN LATERAL (
      SELECT (abs(r.amount) * 100)::BIGINT // if(r.amount % 1 = 0, $step, 1)::TINYINT AS pieces
    ) AS p
),
spread AS (
  SELECT entry, sku, number,
    (direction * step * (whole + if(row_number() OVER by_rest <= pieces - sum(whole) OVER cell, 1, 0)))::DECIMAL(18, 0)
      AS hundredths
  FROM shares
  WINDOW cell AS (PARTITION BY entry, number), by_rest AS (PARTITION BY entry, number ORDER BY rest DESC, sku)
),
facts AS (
  SELECT entry, sku, number, (hundredths * 0.01)::DECIMAL(18, 2) AS amount, true AS is_spread FROM spread
  UNION ALL
  SELECT entry, sku, number, amount, false FROM known
  UNION ALL
  SELECT c.entry, if(o.skus = 1, o.only_sku, NULL), c.number, c.amount, false
  FROM cells AS c JOIN entries AS e USING (entry) LEFT JOIN order_sums AS o USING (order_number)
  WHERE o.is_split IS NOT TRUE
),
-- Of an order that is not split, the amounts are covered where the cost of all its goods is known.
sums AS MATERIALIZED (
  SELECT
    CASE $group_by
      WHEN 'sku' THEN sku
      WHEN 'product' THEN product
      WHEN 'order' THEN order_number
      WHEN 'day' THEN year(time) * 10000 + month(time) * 100 + day(time)
      WHEN 'month' THEN year(time) * 100 + month(time)
    END::BIGINT AS key,
    basis, currency, number, is_spread, is_covered,
    sum(amount)::DECIMAL(18, 2) AS amount, sum(units)::BIGINT AS units, sum(cost)::DECIMAL(18, 6) AS cost,
    sum(back_cost)::DECIMAL(18, 6) AS back_cost, sum(lacking)::BIGINT AS lacking
  FROM (
    SELECT e.basis, e.currency, e.time, e.order_number, f.sku, k.product, f.number, f.is_spread, f.amount,
      CASE WHEN e.order_id IS NULL THEN true WHEN o.is_split THEN coalesce(l.lacking = 0, true)
        ELSE coalesce(o.is_covered, false) END AS is_covered,
      0 AS units, 0::DECIMAL(18, 6) AS cost, 0::DECIMAL(18, 6) AS back_cost, 0 AS lacking
    FROM facts AS f
      JOIN entries AS e USING (entry)
      LEFT JOIN order_sums AS o USING (order_number)
      LEFT JOIN lines AS l ON l.order_number = e.order_number AND l.sku = f.sku AND o.is_split
      LEFT JOIN skus AS k ON k.sku = f.sku
    UNION ALL
    SELECT e.basis, e.currency, e.time, e.order_number, l.sku, k.product, NULL, false, 0,
      if(o.is_split, l.lacking = 0, o.is_covered), l.units, -l.cost, l.back_cost, l.lacking
    FROM entries AS e JOIN lines AS l USING (order_number) JOIN order_sums AS o USING (order_number) JOIN skus AS k USING (sku)
    WHERE e.is_first AND l.units > 0
  )
  GROUP BY ALL
),
grouped AS (
  SELECT CASE WHEN grouping(key) = 1 THEN 'total' WHEN grouping(basis) = 1 THEN 'row' ELSE 'part' END AS part,
    key, basis, currency,
    sum(units)::BIGINT AS units,
    coalesce(sum(amount) FILTER (number = 1), 0) AS sales,
    coalesce(sum(amount) FILTER (number = 2), 0) AS refunds,
    coalesce(sum(amount) FILTER (number <= 2), 0) AS net_sales,
    coalesce(sum(amount) FILTER (number = 7), 0) AS affiliate_commission,
    coalesce(sum(amount) FILTER (number = 6), 0) AS ads,
    coalesce(sum(amount) FILTER (number = 3), 0) AS shipping,
    coalesce(sum(amount) FILTER (number = 4), 0) AS adjustments,
    coalesce(sum(amount) FILTER (number = 5), 0) AS unexplained,
    sum(amount) AS settlement,
    coalesce(sum(amount) FILTER (is_estimate), 0) AS estimated,
    sum(lacking)::BIGINT AS units_without_cost,
    bool_or(NOT is_covered) AS is_partial,
    coalesce(sum(units) FILTER (is_covered), 0)::BIGINT AS covered_units,
    coalesce(sum(amount) FILTER (is_covered), 0) AS covered_settlement,
    coalesce(sum(amount) FILTER (is_covered AND number <= 2), 0) AS covered_net_sales,
    round(coalesce(sum(cost) FILTER (is_covered), 0), 2)::DECIMAL(18, 2) AS covered_cost,
    round(coalesce(sum(back_cost) FILTER (is_covered), 0), 2)::DECIMAL(18, 2) AS goods_back,
    CASE
      WHEN NOT bool_or(is_spread) THEN 'exact'
      WHEN bool_or(NOT is_spread AND number IS NOT NULL) THEN 'partly estimated'
      ELSE 'estimated'
    END AS split
  FROM (SELECT *, basis = 'estimated' AS is_estimate FROM sums)
  GROUP BY GROUPING SETS ((key, currency), (key, basis, currency), (basis, currency))
),
missing AS (
  SELECT 'missing' AS part, l.sku::BIGINT AS key, e.currency, sum(l.lacking) AS units_without_cost
  FROM entries AS e JOIN lines AS l USING (order_number)
  WHERE e.is_first AND l.lacking > 0 GROUP BY ALL
),
-- A cost above what the goods were offered for is mostly one in another unit: of a box, or in percent.
above AS (
  SELECT 'above' AS part, l.sku::BIGINT AS key, e.currency, sum(l.units - l.lacking) AS units, sum(l.price) AS sales,
    sum(l.cost) AS cost
  FROM entries AS e JOIN lines AS l USING (order_number)
  WHERE e.is_first GROUP BY ALL HAVING sum(l.cost) > sum(l.price) AND sum(l.price) > 0
),
-- Orders of the period that are in no statement and not among the estimates yet.
open_orders AS (
  SELECT 'open' AS part, currency, count(*) AS units
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
told AS MATERIALIZED (
  SELECT *, count(*) OVER (PARTITION BY part) AS rows_in_all,
    row_number() OVER (
      PARTITION BY part
      ORDER BY if($group_by IN ('day', 'month') AND $order = '', key, NULL),
        $direction * CASE if(part IN ('row', 'part'), $order, '')
          WHEN 'profit' THEN if(is_partial AND covered_units = 0, NULL, covered_settlement + covered_cost)
          WHEN 'margin_percent' THEN if(covered_net_sales > 0, (covered_settlement + covered_cost) / covered_net_sales, NULL)
          WHEN 'goods_cost' THEN covered_cost
          WHEN 'settlement' THEN settlement
          WHEN 'net_sales' THEN net_sales
          WHEN 'refunds' THEN refunds
          WHEN 'units' THEN units
        END NULLS LAST,
        net_sales DESC NULLS LAST, units_without_cost DESC, key, basis
    ) AS place
  FROM (
    SELECT * FROM grouped WHERE part <> 'part' OR $has_parts
    UNION ALL BY NAME
    SELECT * FROM missing
    UNION ALL BY NAME
    SELECT * FROM above
    UNION ALL BY NAME
    SELECT * FROM open_orders
    UNION ALL BY NAME
    SELECT * FROM own_sums
  )
  QUALIFY place <= $limit
),
fee_texts AS (
  SELECT part, key, basis, currency, json_group_object(name, amount::VARCHAR)::VARCHAR AS fees
  FROM (
    SELECT t.part, t.key, t.basis, t.currency, coalesce(n.name, 'other_fees') AS name, sum(s.amount) AS amount
    FROM told AS t
      JOIN sums AS s ON s.basis = coalesce(t.basis, s.basis) AND s.currency = t.currency
        AND (t.part = 'total' OR s.key IS NOT DISTINCT FROM t.key)
      LEFT JOIN (SELECT DISTINCT number, name FROM names) AS n USING (number)
    WHERE t.part IN ('row', 'part', 'total') AND s.number >= 8 GROUP BY ALL HAVING sum(s.amount) <> 0
  )
  GROUP BY ALL
)
SELECT t.* EXCLUDE (key, place),
  CASE
    WHEN t.part IN ('missing', 'above') OR $group_by = 'sku' THEN k.sku_id
    WHEN $group_by = 'product' THEN p.product_id
    WHEN $group_by = 'order' THEN e.order_id
    WHEN $group_by = 'day' THEN strftime(make_date(t.key // 10000, t.key // 100 % 100, t.key % 100), '%Y-%m-%d')
    WHEN $group_by = 'month' THEN strftime(make_date(t.key // 100, t.key % 100, 1), '%Y-%m')
  END AS key,
  k.seller_sku, k.sku_name, coalesce(k.product_name, p.product_name) AS product_name, e.order_time, f.fees
FROM told AS t
  LEFT JOIN fee_texts AS f
    ON f.part = t.part AND f.key IS NOT DISTINCT FROM t.key AND f.basis IS NOT DISTINCT FROM t.basis AND f.currency = t.currency
  LEFT JOIN skus AS k ON k.sku = t.key AND (t.part IN ('missing', 'above') OR ($group_by = 'sku' AND t.part IN ('row', 'part')))
  LEFT JOIN (
    SELECT product, any_value(product_id) AS product_id, any_value(product_name) AS product_name FROM skus GROUP BY product
  ) AS p ON p.product = t.key AND $group_by = 'product' AND t.part IN ('row', 'part')
  LEFT JOIN (
    SELECT order_number, any_value(order_id) AS order_id, any_value(order_time) AS order_time FROM entries GROUP BY order_number
  ) AS e ON e.order_number = t.key AND $group_by = 'order' AND t.part IN ('row', 'part')
ORDER BY t.part, t.place
