-- title = "Listings that failed review or were frozen"
-- otherwise = "they are not sold"
-- tool = "get_product, then edit_product"
-- id = "product_id"
SELECT
  NULL::TIMESTAMPTZ AS deadline,
  id AS product_id,
  status || ' since ' || strftime(update_time, '%Y-%m-%d') AS detail,
  title AS product_name,
  -epoch(update_time)::BIGINT AS rank
FROM products
WHERE status IN ('FAILED', 'FREEZE', 'PLATFORM_DEACTIVATED')
