-- title = "Returns and refunds"
-- answers = "How much comes back: returns, refunds and replacements by reason, product or time, what was paid back, and at which rate."
-- period = "last 30 days"
-- tables = ["returns", "return_lines", "orders", "order_lines"]
-- keys = ["currency"]
-- compare = ["returns_requested", "returns_completed", "units_returned", "refund_total"]
-- order = "returns_requested desc"
-- time = "create_time"
-- default_group = "reason"
-- untrusted = ["return_reason_text", "product_name"]
-- note = "By when it was asked for. requested = accepted (completed, in progress) + pending + rejected + cancelled. Rates are of orders_sold in the same period (or day, or product)."
--
-- [columns]
-- currency = "of the amounts"
-- returns_requested = "returns, refunds, replacements and exchanges that were asked for, whatever came of them"
-- orders_with_return = "orders they are of, whatever came of them"
-- units_returned = "units they are of"
-- returns_pending = "those that wait for an answer"
-- returns_in_progress = "those that were agreed to and are not done: goods on their way, or in dispute"
-- returns_completed = "those that were carried out"
-- returns_rejected = "those that were refused"
-- returns_cancelled = "those that were withdrawn"
-- refund_total = "what buyers get back by those carried out"
-- orders_sold = "orders placed in the period that are neither UNPAID nor CANCELLED: what the rate is of"
-- requested_percent = "orders_with_return of orders_sold"
-- accepted_percent = "orders with a return that was agreed to or carried out, of orders_sold"
-- pending_percent = "orders with one that waits for an answer"
-- rejected_percent = "orders with one that was refused"
--
-- [fill]
-- orders_sold = "own_orders"
--
-- [group_by.reason]
-- keys.return_reason_text = "return_reason_text"
-- shows = ["returns_requested", "returns_pending", "returns_completed", "refund_total", "orders_sold", "requested_percent", "accepted_percent"]
-- without = ["orders_sold", "units_returned", "pending_percent", "rejected_percent"]
-- fill.orders_sold = "sum(own_orders) OVER (PARTITION BY currency)"
-- [group_by.type]
-- keys.return_type = "return_type"
-- without = ["orders_sold", "units_returned", "pending_percent", "rejected_percent"]
-- fill.orders_sold = "sum(own_orders) OVER (PARTITION BY currency)"
-- [group_by.status]
-- keys.return_status = "return_status"
-- without = ["orders_sold", "units_returned", "pending_percent", "rejected_percent"]
-- fill.orders_sold = "sum(own_orders) OVER (PARTITION BY currency)"
-- [group_by.product]
-- keys.product_id = "product_id"
-- note = "What a return pays back beyond its lines, such as shipping, is in the row without a product."
-- labels.product_name = "arg_max(product_name, create_time)"
-- stand_ins.product_id = "product_name"
-- [group_by.sku]
-- keys.sku_id = "sku_id"
-- note = "What a return pays back beyond its lines, such as shipping, is in the row without a SKU."
-- labels.seller_sku = "arg_max(seller_sku, create_time)"
-- stand_ins.sku_id = "seller_sku"
-- labels.product_name = "arg_max(product_name, create_time)"
WITH asked AS (
    SELECT
        returns.id,
        returns.order_id,
        returns.create_time,
        coalesce(returns.currency, orders.currency) AS currency,
        return_type,
        return_status,
        coalesce(return_reason_text, return_reason) AS return_reason_text,
        (return_status LIKE '%_COMPLETE' OR return_status LIKE '%_SUCCESS') AS is_done,
        NOT (return_status LIKE '%_PENDING' OR return_status LIKE '%_REJECT' OR return_status LIKE '%_CANCEL')
            AS is_accepted,
        returns.refund_total
    FROM returns LEFT JOIN orders ON orders.id = returns.order_id
    WHERE returns.create_time >= $from AND returns.create_time < $until
),
lined AS (
    SELECT return_id, sum(refund_total) AS lines_total
    FROM return_lines GROUP BY return_id HAVING count(*) = count(refund_total)
),
events AS (
    SELECT
        asked.* EXCLUDE (refund_total),
        NULL AS sold_id,
        return_lines.id AS return_line_id,
        order_lines.product_id,
        coalesce(return_lines.product_name, order_lines.product_name) AS product_name,
        coalesce(return_lines.sku_id, order_lines.sku_id) AS sku_id,
        coalesce(return_lines.seller_sku, order_lines.seller_sku) AS seller_sku,
        -- Lines tell what is paid back for each; where one does not, the return tells it, once.
        CASE
            WHEN count(*) OVER whole = count(return_lines.refund_total) OVER whole THEN return_lines.refund_total
            WHEN row_number() OVER (PARTITION BY asked.id ORDER BY return_lines.id) = 1 THEN asked.refund_total
        END AS refund_total
    FROM asked
    LEFT JOIN return_lines ON return_lines.return_id = asked.id
    LEFT JOIN order_lines ON order_lines.id = return_lines.order_line_item_id
    WINDOW whole AS (PARTITION BY asked.id)
    UNION ALL BY NAME
    -- What a return pays back beyond its lines, such as shipping, is of no product.
    SELECT asked.* EXCLUDE (refund_total), asked.refund_total - lines_total AS refund_total
    FROM asked JOIN lined ON lined.return_id = asked.id
    WHERE asked.refund_total <> lines_total
    UNION ALL BY NAME
    SELECT orders.id AS sold_id, orders.create_time, orders.currency, product_id, product_name, sku_id, seller_sku
    FROM orders LEFT JOIN order_lines ON order_lines.order_id = orders.id
    WHERE orders.create_time >= $from AND orders.create_time < $until AND orders.status NOT IN ('UNPAID', 'CANCELLED')
),
sums AS (
    SELECT
        {group_by}
        currency,
        count(DISTINCT id) AS returns_requested,
        count(DISTINCT order_id) AS orders_with_return,
        count(DISTINCT order_id) FILTER (WHERE is_accepted) AS orders_accepted,
        count(DISTINCT order_id) FILTER (WHERE return_status LIKE '%_PENDING') AS orders_pending,
        count(DISTINCT order_id) FILTER (WHERE return_status LIKE '%_REJECT') AS orders_rejected,
        count(return_line_id) AS units_returned,
        count(DISTINCT id) FILTER (WHERE return_status LIKE '%_PENDING') AS returns_pending,
        count(DISTINCT id) FILTER (WHERE is_done) AS returns_completed,
        count(DISTINCT id) FILTER (WHERE return_status LIKE '%_REJECT') AS returns_rejected,
        count(DISTINCT id) FILTER (WHERE return_status LIKE '%_CANCEL') AS returns_cancelled,
        coalesce(sum(refund_total) FILTER (WHERE is_done), 0) AS refund_total,
        count(DISTINCT sold_id) AS own_orders
    FROM events
    GROUP BY ALL
),
rated AS (
    SELECT *, ({orders_sold})::BIGINT AS orders_sold FROM sums
)
SELECT
    {group_names}
    currency,
    returns_requested,
    orders_with_return,
    units_returned,
    returns_pending,
    returns_requested - returns_pending - returns_completed - returns_rejected - returns_cancelled
        AS returns_in_progress,
    returns_completed,
    returns_rejected,
    returns_cancelled,
    refund_total,
    orders_sold,
    {share(orders_with_return, orders_sold)} AS requested_percent,
    {share(orders_accepted, orders_sold)} AS accepted_percent,
    {share(orders_pending, orders_sold)} AS pending_percent,
    {share(orders_rejected, orders_sold)} AS rejected_percent
FROM rated
WHERE returns_requested > 0
