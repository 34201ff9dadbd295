-- title = "Best and worst movers"
-- answers = "What sells more and what sells less than before: the products or SKUs that gained and lost most."
-- period = "last 30 days"
-- compare_with = "previous period"
-- tables = ["orders", "order_lines"]
-- keys = ["currency"]
-- order = "goods_change desc"
-- limit = 10
-- default_group = "product"
-- untrusted = ["product_name"]
-- note = "The limit counts for gains and for losses, each by the change in money; what did not change is left out."
--
-- [columns]
-- currency = "of the amounts"
-- direction = "up or down"
-- units = "units sold in the period: not of UNPAID or CANCELLED orders, not cancelled by themselves"
-- units_before = "the same in the period before"
-- units_change = "the difference"
-- goods = "sale_price of the units: after discounts, without shipping and tax"
-- goods_before = "the same in the period before"
-- goods_change = "the difference"
-- change_percent = "of goods_before; empty where nothing was sold before"
--
-- [group_by.product]
-- keys.product_id = "product_id"
-- labels.product_name = "arg_max(product_name, order_create_time)"
-- [group_by.sku]
-- keys.sku_id = "sku_id"
-- labels.seller_sku = "arg_max(seller_sku, order_create_time)"
-- stand_ins.sku_id = "seller_sku"
-- labels.product_name = "arg_max(product_name, order_create_time)"
-- labels.sku_name = "arg_max(sku_name, order_create_time)"
WITH sold AS (
    SELECT
        order_lines.*,
        orders.create_time >= $from AND orders.create_time < $until AS is_now,
        orders.create_time >= $before_from AND orders.create_time < $before_until AS is_before
    FROM order_lines JOIN orders ON orders.id = order_lines.order_id
    WHERE
        orders.status NOT IN ('UNPAID', 'CANCELLED')
        AND order_lines.display_status IS DISTINCT FROM 'CANCELLED'
        AND (
            (orders.create_time >= $from AND orders.create_time < $until)
            OR (orders.create_time >= $before_from AND orders.create_time < $before_until)
        )
),
sums AS (
    SELECT
        {group_by}
        currency,
        count(*) FILTER (WHERE is_now) AS units,
        count(*) FILTER (WHERE is_before) AS units_before,
        coalesce(sum(sale_price) FILTER (WHERE is_now), 0) AS goods,
        coalesce(sum(sale_price) FILTER (WHERE is_before), 0) AS goods_before
    FROM sold
    GROUP BY ALL
),
changes AS (
    SELECT *, goods - goods_before AS goods_change, abs(goods - goods_before) AS distance FROM sums
)
SELECT
    {group_names}
    currency,
    CASE WHEN goods_change > 0 THEN 'up' ELSE 'down' END AS direction,
    units,
    units_before,
    units - units_before AS units_change,
    goods,
    goods_before,
    goods_change,
    (sign(goods_change) * {share(distance, goods_before)})::DECIMAL(18, 1) AS change_percent
FROM changes
WHERE goods_change <> 0
QUALIFY row_number() OVER (PARTITION BY currency, direction ORDER BY distance DESC, units DESC) <= $limit
