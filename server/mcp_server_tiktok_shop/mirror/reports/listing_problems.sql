-- title = "Listing problems"
-- answers = "Which listings can't be bought or sell badly: failed review, frozen, taken down, out of stock, poor quality."
-- tables = ["products", "skus", "inventory", "audit_failures"]
-- keys = []
-- compare = []
-- order = "listings desc"
-- default_group = "product"
-- without = ["first_update_time"]
-- untrusted = ["title"]
-- note = "What is not sold at all stands first. detail is TikTok's reason, or which SKUs are meant where not all are. Deleted products, drafts and those the seller took down are left out."
--
-- [columns]
-- listings = "listings that have such a problem"
-- skus = "SKUs that it is about"
-- first_update_time = "the oldest change of such a listing"
--
-- [group_by.product]
-- keys.product_id = "product_id"
-- labels.title = "max(title)"
-- stand_ins.product_id = "title"
-- labels.problem = "string_agg(problem, '; ' ORDER BY problem)"
-- labels.detail = "string_agg(DISTINCT detail, '; ' ORDER BY detail)"
-- order = "problem"
-- without = ["listings", "skus", "first_update_time"]
-- [group_by.problem]
-- keys.problem = "problem"
-- [group_by.status]
-- keys.status = "status"
WITH failures AS (
    SELECT product_id, string_agg(position || ': ' || array_to_string(reasons, ' '), '; ' ORDER BY position) AS reason
    FROM audit_failures
    GROUP BY product_id
),
stock AS (
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
        list(seller_sku ORDER BY seller_sku) FILTER (
            WHERE seller_sku <> '' AND available <= 0 AND is_offered
        ) AS out_skus
    FROM products LEFT JOIN stock ON stock.product_id = products.id
    WHERE products.status NOT IN ('DELETED', 'DRAFT', 'SELLER_DEACTIVATED')
    GROUP BY ALL
),
problems AS (
    SELECT *, skus AS skus_about, NULL::VARCHAR[] AS skus_named, status = 'FAILED' AS is_about_review, CASE
        WHEN status = 'FAILED' THEN 'not sold: review failed'
        WHEN status = 'FREEZE' THEN 'not sold: frozen by the platform'
        WHEN status = 'PLATFORM_DEACTIVATED' THEN 'not sold: taken down by the platform'
        WHEN status = 'PENDING' THEN 'not sold yet: in review'
    END AS problem
    FROM listings
    UNION ALL
    SELECT *, skus_out, NULL, false, 'not sold: out of stock' FROM listings
    WHERE status = 'ACTIVATE' AND skus > 0 AND skus_out = skus
    UNION ALL
    SELECT *, skus_out, out_skus, false, 'some out of stock' FROM listings
    WHERE status = 'ACTIVATE' AND skus_out > 0 AND skus_out < skus
    UNION ALL
    SELECT *, skus, NULL, true, 'old version sold: an edit failed its review' FROM listings
    WHERE status = 'ACTIVATE' AND audit_status = 'FAILED'
    UNION ALL
    SELECT *, skus, NULL, false, 'sold with poor listing quality' FROM listings
    WHERE status = 'ACTIVATE' AND listing_quality_tier = 'POOR'
    UNION ALL
    SELECT *, skus, NULL, false, 'not brought over: ' || array_to_string(product_sync_fail_reasons, ', ')
    FROM listings WHERE len(product_sync_fail_reasons) > 0
)
SELECT
    {group_by}
    count(DISTINCT product_id) AS listings,
    coalesce(sum(skus_about), 0)::BIGINT AS skus,
    min(update_time) AS first_update_time
FROM (
    SELECT problems.*, coalesce(array_to_string(skus_named, ', '), if(is_about_review, reason, NULL)) AS detail
    FROM problems LEFT JOIN failures ON failures.product_id = problems.product_id
)
WHERE problem IS NOT NULL
GROUP BY ALL
HAVING count(*) > 0
