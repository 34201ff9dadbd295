-- title = "Fees"
-- answers = "What the platform kept: commissions, fees, taxes and shipping of a period's statements by kind, order, SKU or time."
-- period = "last 30 days"
-- tables = ["statements", "statement_fees"]
-- keys = ["currency"]
-- compare = ["amount", "platform_fees", "creator_commission", "taxes", "shipping"]
-- order = "amount"
-- time = "statement_time"
-- default_group = "kind"
-- untrusted = ["product_name"]
-- note = "By statement_time; what the seller pays is negative. platform_fees are TikTok's own, creator_commission goes to creators. Percents are of revenue (goods after discounts and refunds), not of sales_total. adjustments (penalties, corrections) are in totals alone, and in no other sum."
--
-- [columns]
-- currency = "of the amounts"
-- amount = "fees, commission, taxes and shipping together"
-- platform_fees = "commissions and fees that the platform keeps"
-- creator_commission = "commission of creators and affiliate partners, that on shop ads included"
-- taxes = "taxes on them"
-- shipping = "shipping, with what buyers and the platform paid towards it"
-- transactions = "orders and adjustments that bear them"
-- adjustments = "corrections, penalties and reimbursements of the statements: in no other sum, and no part of the fees"
-- revenue = "revenue of all statements of the period: what percent_of_revenue is of"
-- percent_of_revenue = "amount of revenue: positive where it costs"
-- platform_fees_percent = "platform_fees of revenue: positive where they cost"
--
-- [fill]
-- more = ""
-- items = """
--     SELECT statement_id, transaction_id, order_id, NULL AS sku_id, section, kind, amount FROM statement_fees
--     WHERE section <> 'revenue'"""
--
-- [group_by.kind]
-- keys.section = "section"
-- keys.kind = "kind"
-- shows = ["amount", "platform_fees", "creator_commission", "taxes", "shipping", "adjustments", "revenue", "percent_of_revenue", "platform_fees_percent"]
-- without = ["platform_fees", "creator_commission", "taxes", "shipping", "adjustments", "revenue", "platform_fees_percent"]
-- [group_by.section]
-- keys.section = "section"
-- without = ["platform_fees", "creator_commission", "taxes", "shipping", "adjustments", "revenue", "platform_fees_percent"]
-- [group_by.order]
-- keys.order_id = "order_id"
-- without = ["transactions", "adjustments", "revenue", "percent_of_revenue", "platform_fees_percent"]
-- [group_by.statement]
-- keys.statement_id = "statement_id"
-- labels.statement_time = "max(statement_time)"
-- without = ["adjustments", "revenue", "percent_of_revenue", "platform_fees_percent"]
-- [group_by.day]
-- without = ["adjustments", "revenue", "percent_of_revenue", "platform_fees_percent"]
-- [group_by.week]
-- without = ["adjustments", "revenue", "percent_of_revenue", "platform_fees_percent"]
-- [group_by.month]
-- without = ["adjustments", "revenue", "percent_of_revenue", "platform_fees_percent"]
-- [group_by.sku]
-- keys.sku_id = "items.sku_id"
-- note = "By SKU the platform tells fees order by order: what is not read or told so far is in the row without a SKU, so that all adds up."
-- labels.seller_sku = "max(seller_sku)"
-- stand_ins.sku_id = "seller_sku"
-- labels.product_name = "max(product_title)"
-- tables = ["order_fees", "skus"]
-- without = ["transactions", "adjustments", "revenue", "percent_of_revenue", "platform_fees_percent"]
-- fill.more = "LEFT JOIN skus ON skus.id = items.sku_id"
-- fill.items = """
--     SELECT statement_id, NULL AS transaction_id, order_id, sku_id, section, kind, amount FROM order_fees
--     WHERE section <> 'revenue'
--     UNION ALL
--     SELECT statement_id, NULL, NULL, NULL, section, kind, sum(amount) FROM (
--         SELECT statement_id, section, kind, amount FROM statement_fees WHERE section <> 'revenue'
--         UNION ALL
--         SELECT statement_id, section, kind, -amount FROM order_fees WHERE section <> 'revenue'
--     ) GROUP BY ALL HAVING sum(amount) <> 0"""
WITH told AS ({items}
),
meant AS (
    SELECT * FROM statements WHERE statement_time >= $from AND statement_time < $until
),
items AS (
    SELECT told.*, statement_time, currency FROM told JOIN meant ON meant.id = told.statement_id
    UNION ALL BY NAME
    -- What a statement's fees and shipping hold and its transactions do not name. Where it tells no shipping, its fees
    -- hold that, too.
    SELECT
        meant.id AS statement_id,
        'fee' AS section,
        'not itemised' AS kind,
        any_value(fee_amount) - coalesce(sum(amount), 0) AS amount,
        any_value(statement_time) AS statement_time,
        any_value(currency) AS currency
    FROM meant LEFT JOIN told ON
        told.statement_id = meant.id
        AND (section IN ('fee', 'tax') OR (section = 'shipping_cost' AND meant.shipping_cost_amount IS NULL))
    GROUP BY meant.id
    HAVING any_value(fee_amount) <> coalesce(sum(amount), 0)
    UNION ALL BY NAME
    SELECT
        meant.id AS statement_id,
        'shipping_cost' AS section,
        'not itemised' AS kind,
        any_value(shipping_cost_amount) - coalesce(sum(amount), 0) AS amount,
        any_value(statement_time) AS statement_time,
        any_value(currency) AS currency
    FROM meant LEFT JOIN told ON told.statement_id = meant.id AND section = 'shipping_cost'
    GROUP BY meant.id
    HAVING any_value(shipping_cost_amount) <> coalesce(sum(amount), 0)
),
earned AS (
    SELECT currency, sum(revenue_amount) AS revenue, coalesce(sum(adjustment_amount), 0) AS adjustments
    FROM meant GROUP BY currency
),
sums AS (
    SELECT
        {group_by}
        items.currency,
        sum(amount) AS amount,
        coalesce(sum(amount) FILTER (WHERE section = 'fee' AND NOT is_commission), 0) AS platform_fees,
        coalesce(sum(amount) FILTER (WHERE section = 'fee' AND is_commission), 0) AS creator_commission,
        coalesce(sum(amount) FILTER (WHERE section = 'tax'), 0) AS taxes,
        coalesce(sum(amount) FILTER (WHERE section = 'shipping_cost'), 0) AS shipping,
        count(DISTINCT transaction_id) AS transactions,
        abs(sum(amount)) AS size,
        abs(sum(amount) FILTER (WHERE section = 'fee' AND NOT is_commission)) AS fees_size
    FROM (
        SELECT *, kind LIKE '%affiliate%' OR kind LIKE '%ads_commission%' OR kind LIKE '%creator%' AS is_commission
        FROM items
    ) AS items {more}
    GROUP BY ALL
)
SELECT
    sums.* EXCLUDE (size, fees_size),
    adjustments,
    revenue,
    CASE WHEN revenue > 0 THEN (-sign(amount) * {share(size, revenue)})::DECIMAL(18, 1) END AS percent_of_revenue,
    CASE WHEN revenue > 0 THEN (-sign(platform_fees) * {share(fees_size, revenue)})::DECIMAL(18, 1) END
        AS platform_fees_percent
FROM sums LEFT JOIN earned ON earned.currency = sums.currency
