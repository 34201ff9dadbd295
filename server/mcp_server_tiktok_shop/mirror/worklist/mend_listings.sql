-- title = "Listings that failed review or were frozen"
-- otherwise = "they are not sold"
-- tool = "get_product, then edit_product"
SELECT
  NULL::TIMESTAMPTZ AS deadline,
  id AS product_id,
  status || ' since ' || strftime(update_time, '%Y-%m-%d') AS detail,
  title AS product_name
FROM products
WHERE status IN ('FAILED', 'FREEZE', 'PLATFORM_DEACTIVATED')
ORDER BY update_time DESC
