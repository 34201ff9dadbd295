-- title = "SKUs on sale out of stock, or soon: within 14 days at the pace of the last 28"
-- otherwise = "sales stop when the last unit goes: the deadline; what is out and sold of late costs sales now: due today"
-- tool = "change_stock"
-- id = "sku_id"
WITH stock AS (
  SELECT i.sku_id, any_value(i.seller_sku) AS seller_sku, sum(i.available_quantity) AS units, any_value(p.title) AS product_name
  FROM inventory AS i
    JOIN products AS p ON p.id = i.product_id
    JOIN skus AS s ON s.id = i.sku_id
  WHERE p.status = 'ACTIVATE' AND s.status IS DISTINCT FROM 'DEACTIVATED' AND p.is_not_for_sale IS NOT TRUE
  GROUP BY i.sku_id
),
sales AS (
  SELECT sku_id, count(*) AS sold
  FROM order_lines
  WHERE order_create_time >= $now - INTERVAL 28 DAYS AND order_create_time < $now
    AND order_status NOT IN ('UNPAID', 'CANCELLED') AND display_status IS DISTINCT FROM 'CANCELLED'
  GROUP BY sku_id
)
SELECT
  CASE
    WHEN units > 0 THEN $now + to_seconds((units * 28 * 86400) // sold)
    WHEN sold > 0 THEN date_trunc('day', $now) + INTERVAL 1 DAY - INTERVAL 1 SECOND
  END AS deadline,
  sku_id,
  concat_ws(', ',
    nullif(seller_sku, ''),
    if(units > 0, units || ' left', 'out of stock'),
    coalesce(sold, 0) || ' sold in 28 days'
  ) AS detail,
  product_name,
  -coalesce(sold, 0) AS rank
FROM stock LEFT JOIN sales USING (sku_id)
WHERE units <= 0 OR units * 28 < sold * 14
