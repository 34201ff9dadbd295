-- title = "Sales"
-- answers = "How much was sold: orders, units and money of the orders placed in a period; what was not paid and what was cancelled apart."
-- period = "required"
-- tables = ["orders", "order_lines"]
-- keys = ["currency"]
-- compare = ["sales_total", "goods_total", "orders_sold", "units_sold"]
-- order = "sales_total desc"
-- adds = ["orders_sold", "units_sold"]
-- time = "create_time"
-- untrusted = ["product_name", "buyer_nickname"]
-- note = "By when orders were placed, before later refunds (see returns). sales_total is what buyers paid, goods_total goods after all discounts (get_profit's net_sales has TikTok's back in it)."
--
-- [columns]
-- currency = "of all amounts of the row"
-- orders_sold = "orders that are neither UNPAID nor CANCELLED, ON_HOLD included"
-- units_sold = "units of them that were not cancelled"
-- sales_total = "what buyers paid for them: goods, shipping and taxes after discounts (payment.total_amount)"
-- goods_total = "sale_price of units_sold: goods after the seller's and TikTok's discounts, without shipping and tax"
-- average_order = "sales_total by order, to the cent, half a cent up"
-- units_cancelled = "units that were cancelled: all of orders_cancelled, and those of orders that go on"
-- orders_unpaid = "orders that wait to be paid: in no other count or sum"
-- unpaid_total = "their total_amount"
-- orders_cancelled = "orders that were cancelled: in no other count or sum"
-- cancelled_total = "their total_amount"
--
-- [warnings]
-- orders_without_amount = "orders have an amount that is missing or no number: it is in no sum"
--
-- [group_by.day]
-- shows = ["orders_sold", "units_sold", "sales_total", "average_order"]
-- [group_by.week]
-- shows = ["orders_sold", "units_sold", "sales_total", "average_order"]
-- [group_by.month]
-- shows = ["orders_sold", "units_sold", "sales_total", "average_order"]
-- [group_by.hour]
-- keys.hour = "extract('hour' FROM create_time)"
-- order = "hour"
-- shows = ["orders_sold", "sales_total"]
-- [group_by.weekday]
-- keys.weekday_number = "isodow(create_time)"
-- labels.weekday = "max(dayname(create_time))"
-- order = "weekday_number"
-- shows = ["orders_sold", "sales_total"]
-- stand_ins.weekday_number = "weekday"
-- [group_by.weekday_hour]
-- keys.hour = "extract('hour' FROM create_time)"
-- labels.monday = "count(DISTINCT id) FILTER (WHERE is_order_sold AND isodow(create_time) = 1)"
-- labels.tuesday = "count(DISTINCT id) FILTER (WHERE is_order_sold AND isodow(create_time) = 2)"
-- labels.wednesday = "count(DISTINCT id) FILTER (WHERE is_order_sold AND isodow(create_time) = 3)"
-- labels.thursday = "count(DISTINCT id) FILTER (WHERE is_order_sold AND isodow(create_time) = 4)"
-- labels.friday = "count(DISTINCT id) FILTER (WHERE is_order_sold AND isodow(create_time) = 5)"
-- labels.saturday = "count(DISTINCT id) FILTER (WHERE is_order_sold AND isodow(create_time) = 6)"
-- labels.sunday = "count(DISTINCT id) FILTER (WHERE is_order_sold AND isodow(create_time) = 7)"
-- order = "hour"
-- shows = ["orders_sold"]
-- beside = ["weekday"]
-- note = "monday to sunday: orders_sold of that hour of the shop's days."
-- [group_by.product]
-- keys.product_id = "product_id"
-- labels.product_name = "arg_max(product_name, create_time)"
-- ranks = ["product_name", "units_sold"]
-- stand_ins.product_id = "product_name"
-- order = "goods_total desc"
-- shows = ["orders_sold", "units_sold", "sales_total", "goods_total"]
-- without = ["sales_total", "average_order", "unpaid_total", "cancelled_total"]
-- [group_by.sku]
-- keys.sku_id = "sku_id"
-- labels.seller_sku = "arg_max(seller_sku, create_time)"
-- ranks = ["seller_sku", "units_sold"]
-- stand_ins.sku_id = "seller_sku"
-- labels.product_name = "arg_max(product_name, create_time)"
-- labels.sku_name = "arg_max(sku_name, create_time)"
-- order = "goods_total desc"
-- shows = ["orders_sold", "units_sold", "sales_total", "goods_total"]
-- without = ["sales_total", "average_order", "unpaid_total", "cancelled_total"]
-- [group_by.buyer]
-- keys.user_id = "user_id"
-- labels.buyer_nickname = "arg_max(buyer_nickname, create_time)"
-- [group_by.status]
-- keys.status = "status"
-- order = "status"
-- [group_by.region]
-- keys.recipient_region_code = "recipient_region_code"
-- [group_by.warehouse]
-- keys.warehouse_id = "warehouse_id"
WITH units AS (
    SELECT
        orders.*,
        order_lines.product_id,
        order_lines.product_name,
        order_lines.sku_id,
        order_lines.sku_name,
        order_lines.seller_sku,
        order_lines.sale_price,
        order_lines.id IS NOT NULL AS is_unit,
        order_lines.display_status IS NOT DISTINCT FROM 'CANCELLED' AS is_cancelled_unit,
        -- An order's own amounts are counted once, not for each of its units.
        row_number() OVER (PARTITION BY orders.id ORDER BY order_lines.id) = 1 AS is_first,
        orders.status IS DISTINCT FROM 'UNPAID' AND orders.status IS DISTINCT FROM 'CANCELLED' AS is_order_sold
    FROM orders LEFT JOIN order_lines ON order_lines.order_id = orders.id
    WHERE orders.create_time >= $from AND orders.create_time < $until
),
sums AS (
    SELECT
        {group_by}
        currency,
        count(DISTINCT id) FILTER (WHERE is_order_sold) AS orders_sold,
        count(*) FILTER (WHERE is_order_sold AND is_unit AND NOT is_cancelled_unit) AS units_sold,
        coalesce(sum(total_amount) FILTER (WHERE is_order_sold AND is_first), 0) AS sales_total,
        coalesce(sum(sale_price) FILTER (WHERE is_order_sold AND NOT is_cancelled_unit), 0) AS goods_total,
        count(DISTINCT id) FILTER (WHERE is_order_sold AND total_amount IS NOT NULL) AS orders_with_total,
        count(*) FILTER (
            WHERE is_unit AND (status = 'CANCELLED' OR (is_order_sold AND is_cancelled_unit))
        ) AS units_cancelled,
        count(DISTINCT id) FILTER (WHERE status = 'UNPAID') AS orders_unpaid,
        coalesce(sum(total_amount) FILTER (WHERE status = 'UNPAID' AND is_first), 0) AS unpaid_total,
        count(DISTINCT id) FILTER (WHERE status = 'CANCELLED') AS orders_cancelled,
        coalesce(sum(total_amount) FILTER (WHERE status = 'CANCELLED' AND is_first), 0) AS cancelled_total,
        count(DISTINCT id) FILTER (
            WHERE total_amount IS NULL OR (is_unit AND NOT is_cancelled_unit AND sale_price IS NULL)
        ) AS orders_without_amount
    FROM units
    GROUP BY ALL
)
SELECT
    {group_names}
    currency,
    orders_sold,
    units_sold,
    sales_total,
    goods_total,
    {average(sales_total, orders_with_total)} AS average_order,
    units_cancelled,
    orders_unpaid,
    unpaid_total,
    orders_cancelled,
    cancelled_total,
    orders_without_amount
FROM sums
