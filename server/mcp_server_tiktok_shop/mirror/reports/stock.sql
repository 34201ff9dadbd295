-- title = "Stock and days of cover"
-- answers = "What is there to sell now, what is out of stock, and how many days it lasts at the pace of a period."
-- period = "last 30 days"
-- tables = ["skus", "inventory", "orders", "order_lines"]
-- keys = []
-- compare = []
-- order = "days_of_cover"
-- ties = ["units_available desc"]
-- limit = 24
-- without = ["days_of_cover"]
-- default_group = "sku"
-- untrusted = ["product_name"]
-- note = "Stock is of now, the pace that of the period. units_committed are sold and not sent: none of them is in units_available. parameters {\"within_days\": 14}: what is out by then, of what is on sale and was sold (get_worklist counts what is out and was not sold, too); {\"below\": 1}: all that is out."
--
-- [columns]
-- skus = "SKUs"
-- skus_on_sale = "of them, those of products on sale (ACTIVATE)"
-- skus_out_of_stock = "of those on sale, those of which nothing can be sold"
-- units_available = "units that can be sold, in all warehouses"
-- units_committed = "units that are sold and not sent yet: not among the available ones"
-- units_sold = "units sold in the period: not of UNPAID or CANCELLED orders, not cancelled by themselves"
-- days_of_cover = "for how many days units_available lasts at that pace; empty where none was sold: ordered as the longest where there are any"
--
-- [sorts]
-- days_of_cover = "CASE WHEN days_of_cover IS NULL AND units_available > 0 THEN 'infinity'::DOUBLE ELSE days_of_cover END"
--
-- [filters]
-- below = "only rows with fewer units available than this"
-- within_days = "only what is on sale, was sold in the period, and is out of stock or will be within so many days at that pace"
--
-- [warnings]
-- skus_of_unknown_stock = "SKUs have a stock that is not told: they are in no sum"
--
-- [fill]
-- is_out = "is_first AND sku_available <= 0"
--
-- [group_by.sku]
-- keys.sku_id = "sku_id"
-- labels.seller_sku = "max(seller_sku)"
-- stand_ins.sku_id = "seller_sku"
-- labels.product_name = "max(product_title)"
-- labels.status = "max(product_status)"
-- without = ["skus", "skus_on_sale", "skus_out_of_stock"]
-- [group_by.product]
-- keys.product_id = "product_id"
-- labels.product_name = "max(product_title)"
-- stand_ins.product_id = "product_name"
-- labels.status = "max(product_status)"
-- [group_by.warehouse]
-- keys.warehouse_id = "warehouse_id"
-- order = "units_available desc"
-- fill.is_out = "available_quantity <= 0"
-- without = ["units_sold", "days_of_cover"]
-- [group_by.status]
-- keys.status = "product_status"
-- order = "units_available desc"
WITH sold AS (
    SELECT sku_id, count(*) AS units
    FROM order_lines JOIN orders ON orders.id = order_lines.order_id
    WHERE
        orders.create_time >= $from AND orders.create_time < $until
        AND orders.status NOT IN ('UNPAID', 'CANCELLED')
        AND order_lines.display_status IS DISTINCT FROM 'CANCELLED'
    GROUP BY sku_id
),
places AS (
    SELECT
        skus.id AS sku_id,
        skus.product_id,
        skus.seller_sku,
        product_title,
        product_status,
        warehouse_id,
        -- Where no warehouse tells its stock, the product list does.
        CASE WHEN warehouse_id IS NULL THEN skus.quantity ELSE available_quantity END AS available_quantity,
        committed_quantity
    FROM skus LEFT JOIN inventory ON inventory.sku_id = skus.id
    WHERE product_status <> 'DELETED'
),
stock AS (
    SELECT
        places.*,
        sum(available_quantity) OVER (PARTITION BY places.sku_id) AS sku_available,
        -- What was sold of a SKU counts once, not for each of its warehouses.
        row_number() OVER (PARTITION BY places.sku_id ORDER BY warehouse_id) = 1 AS is_first,
        coalesce(sold.units, 0) AS sold_units
    FROM places LEFT JOIN sold ON sold.sku_id = places.sku_id
),
sums AS (
    SELECT
        {group_by}
        count(DISTINCT sku_id) AS skus,
        count(DISTINCT sku_id) FILTER (WHERE product_status = 'ACTIVATE') AS skus_on_sale,
        count(DISTINCT sku_id) FILTER (WHERE product_status = 'ACTIVATE' AND {is_out}) AS skus_out_of_stock,
        coalesce(sum(available_quantity), 0)::BIGINT AS units_available,
        coalesce(sum(committed_quantity), 0)::BIGINT AS units_committed,
        coalesce(sum(sold_units) FILTER (WHERE is_first), 0)::BIGINT AS units_sold,
        bool_or(product_status = 'ACTIVATE') AS is_on_sale,
        count(DISTINCT sku_id) FILTER (WHERE available_quantity IS NULL) AS skus_of_unknown_stock
    FROM stock
    GROUP BY ALL
),
paces AS (
    SELECT
        *,
        greatest(units_available, 0) * ((epoch($until) - epoch($from)) / 86400) / nullif(units_sold, 0) AS days_of_cover
    FROM sums
)
SELECT
    {group_names}
    skus,
    skus_on_sale,
    skus_out_of_stock,
    units_available,
    units_committed,
    units_sold,
    round(days_of_cover, 1) AS days_of_cover,
    skus_of_unknown_stock
FROM paces
WHERE
    ($below::BIGINT IS NULL OR units_available < $below::BIGINT)
    AND (
        $within_days::DOUBLE IS NULL
        OR (is_on_sale AND days_of_cover <= $within_days::DOUBLE)
    )
