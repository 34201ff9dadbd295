-- title = "Cancellations"
-- answers = "How many orders were cancelled or asked to be, why, by whom, what was paid back, and at which rate."
-- period = "last 30 days"
-- tables = ["cancellations", "orders", "order_lines"]
-- keys = ["currency"]
-- compare = ["orders_cancelled", "requests", "refund_total"]
-- order = "requests desc"
-- time = "create_time"
-- default_group = "reason"
-- untrusted = ["product_name", "cancel_reason_text"]
-- note = "By when it was asked for. Rates are of the orders placed in the same period (or day, or product), percent_of_paid of those that were paid: what was cancelled for want of payment is not in it."
--
-- [columns]
-- currency = "of the amounts"
-- requests = "cancellations, and requests for one, whatever came of them"
-- orders_cancelled = "orders with a cancellation that was carried out, of the whole order or a part"
-- requests_pending = "requests of buyers that wait for the seller"
-- refund_total = "what buyers get back by those carried out"
-- orders_placed = "orders placed in the period: of all reasons, what the rate is of"
-- percent_of_placed = "orders_cancelled of orders_placed"
-- paid_orders_cancelled = "of orders_cancelled, those that were paid before, or were to be on delivery"
-- orders_paid = "of orders_placed, those that were paid, or are to be on delivery, cancelled since or not"
-- percent_of_paid = "paid_orders_cancelled of orders_paid"
--
-- [fill]
-- orders_placed = "own_orders"
-- orders_paid = "own_paid"
--
-- [group_by.reason]
-- keys.cancel_reason_text = "cancel_reason_text"
-- shows = ["requests", "orders_cancelled", "requests_pending", "refund_total", "orders_placed", "percent_of_placed", "percent_of_paid"]
-- without = ["orders_placed", "orders_paid"]
-- fill.orders_placed = "sum(own_orders) OVER (PARTITION BY currency)"
-- fill.orders_paid = "sum(own_paid) OVER (PARTITION BY currency)"
-- [group_by.initiator]
-- keys.role = "role"
-- without = ["orders_placed", "orders_paid"]
-- fill.orders_placed = "sum(own_orders) OVER (PARTITION BY currency)"
-- fill.orders_paid = "sum(own_paid) OVER (PARTITION BY currency)"
-- [group_by.status]
-- keys.cancel_status = "cancel_status"
-- without = ["orders_placed", "orders_paid"]
-- fill.orders_placed = "sum(own_orders) OVER (PARTITION BY currency)"
-- fill.orders_paid = "sum(own_paid) OVER (PARTITION BY currency)"
-- [group_by.product]
-- keys.product_id = "product_id"
-- labels.product_name = "arg_max(product_name, create_time)"
-- stand_ins.product_id = "product_name"
-- without = ["refund_total"]
-- [group_by.sku]
-- keys.sku_id = "sku_id"
-- labels.seller_sku = "arg_max(seller_sku, create_time)"
-- stand_ins.sku_id = "seller_sku"
-- labels.product_name = "arg_max(product_name, create_time)"
-- without = ["refund_total"]
WITH asked AS (
    SELECT
        cancellations.id,
        cancellations.create_time,
        coalesce(cancellations.currency, orders.currency) AS currency,
        cancellations.order_id,
        cancel_status,
        cancel_status IN ('CANCELLATION_REQUEST_SUCCESS', 'CANCELLATION_REQUEST_COMPLETE') AS is_done,
        coalesce(cancel_reason_text, cancellations.cancel_reason) AS cancel_reason_text,
        role,
        -- Where it is paid on delivery nothing is cancelled for want of payment.
        orders.paid_time IS NOT NULL OR coalesce(orders.is_cod, false) AS is_paid,
        refund_total,
        -- A cancellation that names no units is of the whole order.
        CASE WHEN len(order_line_item_ids) > 0 THEN order_line_item_ids END AS order_line_item_ids
    FROM cancellations LEFT JOIN orders ON orders.id = cancellations.order_id
    WHERE cancellations.create_time >= $from AND cancellations.create_time < $until
),
events AS (
    SELECT
        asked.* EXCLUDE (order_line_item_ids),
        NULL AS placed_id,
        NULL AS paid_id,
        product_id,
        product_name,
        sku_id,
        seller_sku,
        row_number() OVER (PARTITION BY asked.id ORDER BY order_lines.id) = 1 AS is_first
    FROM asked LEFT JOIN order_lines ON
        order_lines.order_id = asked.order_id
        AND (order_line_item_ids IS NULL OR list_contains(order_line_item_ids, order_lines.id))
    UNION ALL BY NAME
    SELECT
        orders.id AS placed_id,
        CASE WHEN orders.paid_time IS NOT NULL OR orders.is_cod THEN orders.id END AS paid_id,
        orders.create_time,
        orders.currency,
        product_id,
        product_name,
        sku_id,
        seller_sku
    FROM orders LEFT JOIN order_lines ON order_lines.order_id = orders.id
    WHERE orders.create_time >= $from AND orders.create_time < $until
),
sums AS (
    SELECT
        {group_by}
        currency,
        count(DISTINCT id) AS requests,
        count(DISTINCT order_id) FILTER (WHERE is_done) AS orders_cancelled,
        count(DISTINCT id) FILTER (WHERE cancel_status = 'CANCELLATION_REQUEST_PENDING') AS requests_pending,
        coalesce(sum(refund_total) FILTER (WHERE is_done AND is_first), 0) AS refund_total,
        count(DISTINCT order_id) FILTER (WHERE is_done AND is_paid) AS paid_orders_cancelled,
        count(DISTINCT placed_id) AS own_orders,
        count(DISTINCT paid_id) AS own_paid
    FROM events
    GROUP BY ALL
),
rated AS (
    SELECT *, ({orders_placed})::BIGINT AS orders_placed, ({orders_paid})::BIGINT AS orders_paid FROM sums
)
SELECT
    {group_names}
    currency,
    requests,
    orders_cancelled,
    requests_pending,
    refund_total,
    orders_placed,
    {share(orders_cancelled, orders_placed)} AS percent_of_placed,
    paid_orders_cancelled,
    orders_paid,
    {share(paid_orders_cancelled, orders_paid)} AS percent_of_paid
FROM rated
WHERE requests > 0
