-- title = "Affiliate commission"
-- answers = "What creators sold and what commission they got or will get: by creator, product, time or content."
-- period = "last 30 days"
-- tables = ["affiliate_orders"]
-- keys = ["currency"]
-- compare = ["commission_paid", "commission_estimated", "orders", "sales"]
-- order = "commission_estimated desc"
-- time = "affiliate_orders.create_time"
-- default_group = "creator"
-- untrusted = ["product_name"]
-- note = "By when the order was placed, also what was paid since; by when it was taken off: report fees, creator_commission. Commission is the seller's cost, here positive."
--
-- [columns]
-- currency = "of the amounts"
-- orders = "orders that creators brought"
-- units = "units of them"
-- sales = "price of the units"
-- commission_estimated = "commission as estimated when the order was placed, shop ads commission included"
-- commission_paid = "commission that was paid, shop ads commission included"
-- commission_percent = "commission_estimated of sales"
-- orders_settled = "orders whose commission is settled"
-- orders_ineligible = "orders that earn no commission, as returned ones"
--
-- [group_by.creator]
-- keys.creator_username = "creator_username"
-- shows = ["orders", "orders_settled", "sales", "commission_estimated", "commission_paid"]
-- [group_by.product]
-- keys.product_id = "affiliate_orders.product_id"
-- labels.product_name = "max(title)"
-- stand_ins.product_id = "product_name"
-- tables = ["products"]
-- fill.more = "LEFT JOIN products ON products.id = affiliate_orders.product_id"
-- [group_by.sku]
-- keys.sku_id = "sku_id"
-- labels.seller_sku = "max(seller_sku)"
-- stand_ins.sku_id = "seller_sku"
-- labels.product_name = "max(product_title)"
-- tables = ["skus"]
-- fill.more = "LEFT JOIN skus ON skus.id = affiliate_orders.sku_id"
-- [group_by.content]
-- keys.content_type = "content_type"
-- [group_by.status]
-- keys.settlement_status = "settlement_status"
-- [group_by.order]
-- keys.order_id = "order_id"
-- labels.creator_username = "max(creator_username)"
-- without = ["orders", "orders_settled", "orders_ineligible"]
--
-- [fill]
-- more = ""
WITH sums AS (
    SELECT
        {group_by}
        affiliate_orders.currency,
        count(DISTINCT order_id) AS orders,
        sum(affiliate_orders.quantity)::BIGINT AS units,
        sum(price * affiliate_orders.quantity) AS sales,
        coalesce(sum(estimated_paid_commission), 0) + coalesce(sum(estimated_paid_shop_ads_commission), 0)
            AS commission_estimated,
        coalesce(sum(actual_paid_commission), 0) + coalesce(sum(actual_paid_shop_ads_commission), 0)
            AS commission_paid,
        count(DISTINCT order_id) FILTER (WHERE settlement_status = 'SETTLED') AS orders_settled,
        count(DISTINCT order_id) FILTER (WHERE settlement_status = 'INELIGIBLE') AS orders_ineligible
    FROM affiliate_orders {more}
    WHERE affiliate_orders.create_time >= $from AND affiliate_orders.create_time < $until
    GROUP BY ALL
)
SELECT
    {group_names}
    currency,
    orders,
    units,
    sales,
    commission_estimated,
    commission_paid,
    {share(commission_estimated, sales)} AS commission_percent,
    orders_settled,
    orders_ineligible
FROM sums
