-- title = "Listing problems"
-- answers = "Which listings can't be bought or sell badly: failed review, frozen, taken down, out of stock, poor quality."
-- tables = ["products", "skus", "inventory"]
-- keys = []
-- compare = []
-- order = "listings desc"
-- default_group = "product"
-- untrusted = ["title"]
-- note = "As of now; 1 before a problem: can't be bought, 2: in part, 3: sells worse. get_product tells why a review failed. A listing stands in a row for each of its problems. Deleted products, drafts and those that the seller took down are left out."
--
-- [columns]
-- listings = "listings that have such a problem"
-- skus = "SKUs that it is about"
-- first_update_time = "the oldest change of such a listing"
--
-- [group_by.product]
-- keys.product_id = "product_id"
-- keys.problem = "problem"
-- labels.title = "max(title)"
-- labels.status = "max(status)"
-- labels.seller_skus = "max(seller_skus)"
-- order = "problem"
-- without = ["listings", "first_update_time"]
-- [group_by.problem]
-- keys.problem = "problem"
-- [group_by.status]
-- keys.status = "status"
WITH stock AS (
    SELECT
        skus.id,
        skus.product_id,
        skus.seller_sku,
        skus.status IS DISTINCT FROM 'DEACTIVATED' AS is_offered,
        coalesce(sum(available_quantity), any_value(skus.quantity), 0) AS available
    FROM skus LEFT JOIN inventory ON inventory.sku_id = skus.id
    GROUP BY ALL
),
listings AS (
    SELECT
        products.id AS product_id,
        title,
        products.status,
        audit_status,
        listing_quality_tier,
        is_not_for_sale,
        product_sync_fail_reasons,
        update_time,
        count(stock.id) AS skus,
        count(stock.id) FILTER (WHERE available <= 0 AND is_offered) AS skus_out,
        list(seller_sku ORDER BY seller_sku) FILTER (WHERE seller_sku <> '') AS all_skus,
        list(seller_sku ORDER BY seller_sku) FILTER (
            WHERE seller_sku <> '' AND available <= 0 AND is_offered
        ) AS out_skus
    FROM products LEFT JOIN stock ON stock.product_id = products.id
    WHERE products.status NOT IN ('DELETED', 'DRAFT', 'SELLER_DEACTIVATED')
    GROUP BY ALL
),
problems AS (
    SELECT *, skus AS skus_about, all_skus AS skus_named, CASE
        WHEN status = 'FAILED' THEN '1 review failed: not sold'
        WHEN status = 'FREEZE' THEN '1 frozen by the platform: not sold'
        WHEN status = 'PLATFORM_DEACTIVATED' THEN '1 taken down by the platform: not sold'
        WHEN status = 'PENDING' THEN '2 in review: not sold yet'
    END AS problem
    FROM listings
    UNION ALL
    SELECT *, skus_out, out_skus, '1 out of stock: not sold' FROM listings
    WHERE status = 'ACTIVATE' AND skus > 0 AND skus_out = skus
    UNION ALL
    SELECT *, skus_out, out_skus, '2 some SKUs out of stock' FROM listings
    WHERE status = 'ACTIVATE' AND skus_out > 0 AND skus_out < skus
    UNION ALL
    SELECT *, skus, all_skus, '2 an edit failed its review: the old version is sold' FROM listings
    WHERE status = 'ACTIVATE' AND audit_status = 'FAILED'
    UNION ALL
    SELECT *, skus, all_skus, '3 listing quality is poor' FROM listings
    WHERE status = 'ACTIVATE' AND listing_quality_tier = 'POOR'
    UNION ALL
    SELECT *, skus, all_skus, '2 could not be brought over: ' || array_to_string(product_sync_fail_reasons, ', ')
    FROM listings WHERE len(product_sync_fail_reasons) > 0
)
SELECT
    {group_by}
    count(DISTINCT product_id) AS listings,
    coalesce(sum(skus_about), 0)::BIGINT AS skus,
    min(update_time) AS first_update_time
FROM (SELECT *, array_to_string(skus_named, ', ') AS seller_skus FROM problems)
WHERE problem IS NOT NULL
GROUP BY ALL
HAVING count(*) > 0
