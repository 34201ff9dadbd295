-- title = "Repeat buyers"
-- answers = "How many buyers came back: new, returning and repeat buyers of a period, and what they spent."
-- period = "last 30 days"
-- tables = ["orders"]
-- without = ["last_order_time", "last_order_id"]
-- keys = ["currency"]
-- compare = ["buyers", "new_buyers", "repeat_buyers", "orders_sold", "sales_total", "repeat_sales_total"]
-- order = "sales_total desc"
-- limit = 10
-- default_group = "buyer"
-- untrusted = ["buyer_nickname"]
-- note = "New is who has no order sold between known_since and the period."
--
-- [columns]
-- currency = "of the amounts"
-- buyers = "buyers with an order sold in the period (neither UNPAID nor CANCELLED)"
-- new_buyers = "of them, those whose first order lies in the period"
-- returning_buyers = "of them, those who had bought before the period"
-- repeat_buyers = "of them, those with two orders or more until the period's end: returning ones, and those who bought twice in the period"
-- repeat_buyers_percent = "repeat_buyers of buyers"
-- orders_sold = "orders of all of them in the period"
-- sales_total = "what they paid in the period (payment.total_amount)"
-- repeat_sales_total = "of that, what repeat buyers paid"
-- orders_before = "orders sold to them before the period"
-- last_order_time = "when the last order of the period was placed"
-- last_order_id = "that order: what it was, and who has it, get_order_detail tells"
-- known_since = "since when the copy holds orders: who bought before that only counts as new"
--
-- [fill]
-- meant = "true"
--
-- [group_by.buyer]
-- keys.user_id = "user_id"
-- note = "Rows are those who bought twice or more; totals are of all buyers."
-- labels.buyer_nickname = "max(buyer_nickname)"
-- shows = ["buyers", "new_buyers", "repeat_buyers", "repeat_buyers_percent", "orders_sold", "sales_total", "repeat_sales_total", "last_order_time", "last_order_id", "known_since"]
-- without = ["buyers", "new_buyers", "returning_buyers", "repeat_buyers", "repeat_buyers_percent", "repeat_sales_total", "known_since"]
-- fill.meant = "repeat_buyers > 0"
-- [group_by.region]
-- keys.recipient_region_code = "recipient_region_code"
-- without = ["known_since"]
WITH buyers AS (
    SELECT
        user_id,
        currency,
        arg_max(buyer_nickname, create_time) AS buyer_nickname,
        arg_max(recipient_region_code, create_time) AS recipient_region_code,
        count(*) FILTER (WHERE create_time >= $from) AS orders_sold,
        count(*) FILTER (WHERE create_time < $from) AS orders_before,
        coalesce(sum(total_amount) FILTER (WHERE create_time >= $from), 0) AS sales_total,
        max(create_time) AS last_order_time,
        arg_max(id, create_time) AS last_order_id
    FROM orders
    WHERE status NOT IN ('UNPAID', 'CANCELLED') AND create_time < $until AND user_id <> ''
    GROUP BY user_id, currency
    HAVING count(*) FILTER (WHERE create_time >= $from) > 0
),
sums AS (
    SELECT
        {group_by}
        currency,
        count(*) AS buyers,
        count(*) FILTER (WHERE orders_before = 0) AS new_buyers,
        count(*) FILTER (WHERE orders_before > 0) AS returning_buyers,
        count(*) FILTER (WHERE orders_before + orders_sold > 1) AS repeat_buyers,
        sum(buyers.orders_sold)::BIGINT AS orders_sold,
        sum(buyers.sales_total) AS sales_total,
        coalesce(sum(buyers.sales_total) FILTER (WHERE orders_before + buyers.orders_sold > 1), 0)
            AS repeat_sales_total,
        sum(buyers.orders_before)::BIGINT AS orders_before,
        max(buyers.last_order_time) AS last_order_time,
        arg_max(buyers.last_order_id, buyers.last_order_time) AS last_order_id
    FROM buyers
    GROUP BY ALL
)
SELECT
    {group_names}
    currency,
    buyers,
    new_buyers,
    returning_buyers,
    repeat_buyers,
    {share(repeat_buyers, buyers)} AS repeat_buyers_percent,
    orders_sold,
    sales_total,
    repeat_sales_total,
    orders_before,
    last_order_time,
    last_order_id,
    (SELECT min(create_time) FROM orders) AS known_since
FROM sums
WHERE {meant}
