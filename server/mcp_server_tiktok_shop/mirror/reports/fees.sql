-- title = "Fees"
-- answers = "What the platform kept: commissions, fees, taxes and shipping of a period's statements by kind, order, SKU or time."
-- period = "last 30 days"
-- tables = ["statements", "statement_fees"]
-- keys = ["currency"]
-- compare = ["amount", "platform_fees", "creator_commission", "taxes", "shipping"]
-- compare_note = "Above 0, more is paid than before."
-- order = "amount"
-- time = "statement_time"
-- default_group = "kind"
-- untrusted = ["product_name"]
-- note = "By statement_time; what the seller pays is negative. platform_fees are TikTok's own, creator_commission goes to creators. Percents are of revenue (goods after discounts and refunds), not of sales_total; percent_of_revenue has shipping in it, which may be an income, without_shipping_percent has not. adjustments (penalties, corrections) are in no other sum."
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
-- without_shipping_percent = "platform_fees, creator_commission and taxes of revenue: percent_of_revenue has shipping in it, which may be an income"
-- platform_fees_percent = "platform_fees of revenue: positive where they cost"
--
-- [fill]
-- more = ""
-- earned_key = ""
-- is_own = ""
-- every_statement = ""
-- statement_rows = """
--     UNION ALL BY NAME
--     SELECT id AS statement_id, 'fee' AS section, 'not itemised' AS kind, 0 AS amount, statement_time, currency FROM meant"""
-- items = """
--     SELECT statement_id, transaction_id, order_id, NULL AS sku_id, section, kind, amount FROM statement_fees
--     WHERE section <> 'revenue'"""
--
-- [group_by.kind]
-- keys.section = "section"
-- keys.kind = "kind"
-- shows = ["amount", "platform_fees", "creator_commission", "taxes", "shipping", "adjustments", "revenue", "percent_of_revenue", "without_shipping_percent", "platform_fees_percent"]
-- without = ["platform_fees", "creator_commission", "taxes", "shipping", "adjustments", "revenue", "without_shipping_percent", "platform_fees_percent"]
-- [group_by.month_kind]
-- keys.month = "strftime(statement_time, '%Y-%m')"
-- keys.section = "section"
-- keys.kind = "kind"
-- order = "month"
-- without = ["platform_fees", "creator_commission", "taxes", "shipping", "adjustments", "revenue", "without_shipping_percent", "platform_fees_percent"]
-- fill.earned_key = "strftime(statement_time, '%Y-%m') AS month,"
-- fill.is_own = "AND earned.month = sums.month"
-- [group_by.section]
-- keys.section = "section"
-- without = ["platform_fees", "creator_commission", "taxes", "shipping", "adjustments", "revenue", "without_shipping_percent", "platform_fees_percent"]
-- [group_by.order]
-- keys.order_id = "order_id"
-- without = ["transactions", "adjustments", "revenue", "percent_of_revenue", "without_shipping_percent", "platform_fees_percent"]
-- [group_by.statement]
-- keys.statement_id = "statement_id"
-- labels.statement_time = "max(statement_time)"
-- fill.earned_key = "id AS statement_id,"
-- fill.is_own = "AND earned.statement_id = sums.statement_id"
-- fill.every_statement = "{statement_rows}"
-- [group_by.day]
-- fill.earned_key = "statement_time::DATE AS day,"
-- fill.is_own = "AND earned.day = sums.day"
-- fill.every_statement = "{statement_rows}"
-- [group_by.week]
-- fill.earned_key = "strftime(statement_time, '%G-W%V') AS week,"
-- fill.is_own = "AND earned.week = sums.week"
-- fill.every_statement = "{statement_rows}"
-- [group_by.month]
-- fill.earned_key = "strftime(statement_time, '%Y-%m') AS month,"
-- fill.is_own = "AND earned.month = sums.month"
-- fill.every_statement = "{statement_rows}"
-- [group_by.sku]
-- keys.sku_id = "items.sku_id"
-- note = "By SKU the platform tells fees order by order: what is not read or told so far is in the row without a SKU, so that all adds up."
-- labels.seller_sku = "max(seller_sku)"
-- stand_ins.sku_id = "seller_sku"
-- labels.product_name = "max(product_title)"
-- tables = ["order_fees", "skus"]
-- without = ["transactions", "adjustments", "revenue", "percent_of_revenue", "without_shipping_percent", "platform_fees_percent"]
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
    -- What statements earned is told where rows are of their own, of those without any fee, too.
    {every_statement}
),
earned AS (
    SELECT {earned_key} currency, sum(revenue_amount) AS revenue, coalesce(sum(adjustment_amount), 0) AS adjustments
    FROM meant GROUP BY ALL
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
        coalesce(sum(amount) FILTER (WHERE section <> 'shipping_cost'), 0) AS unshipped,
        abs(sum(amount) FILTER (WHERE section <> 'shipping_cost')) AS unshipped_size,
        abs(sum(amount) FILTER (WHERE section = 'fee' AND NOT is_commission)) AS fees_size
    FROM (
        SELECT *, kind LIKE '%affiliate%' OR kind LIKE '%ads_commission%' OR kind LIKE '%creator%' AS is_commission
        FROM items
    ) AS items {more}
    GROUP BY ALL
)
SELECT
    sums.* EXCLUDE (size, unshipped, unshipped_size, fees_size),
    adjustments,
    revenue,
    CASE WHEN revenue > 0 THEN (-sign(amount) * {share(size, revenue)})::DECIMAL(18, 1) END AS percent_of_revenue,
    CASE WHEN revenue > 0 THEN (-sign(unshipped) * {share(unshipped_size, revenue)})::DECIMAL(18, 1) END
        AS without_shipping_percent,
    CASE WHEN revenue > 0 THEN (-sign(platform_fees) * {share(fees_size, revenue)})::DECIMAL(18, 1) END
        AS platform_fees_percent
FROM sums LEFT JOIN earned ON earned.currency = sums.currency {is_own}
