-- title = "Parcels announced that no carrier has taken"
-- otherwise = "not scanned in time is a late dispatch; left longer, the platform may cancel the order: `detail` says from when"
-- tool = "get_package_handover_time_slots"
-- id = "package_id"
-- # Those announced more than a day ago, or whose time is up within a day.
SELECT
  min(coalesce(o.tts_sla_time, o.collection_due_time)) AS deadline,
  l.package_id,
  min(o.id) AS order_id,
  concat_ws(', ',
    any_value(l.shipping_provider_name),
    'since ' || strftime(min(l.rts_time), '%m-%d %H:%M%z'),
    sum(l.sale_price) || ' ' || any_value(l.currency),
    'cancellable from ' || strftime(min(o.collection_due_time), '%m-%d %H:%M')
  ) AS detail
FROM order_lines AS l JOIN orders AS o ON o.id = l.order_id
WHERE o.status IN ('AWAITING_COLLECTION', 'PARTIALLY_SHIPPING')
  AND o.fulfillment_type IS DISTINCT FROM 'FULFILLMENT_BY_TIKTOK'
  AND l.package_status = 'PROCESSING'
GROUP BY l.package_id
HAVING deadline < $now + INTERVAL 24 HOURS OR min(l.rts_time) < $now - INTERVAL 24 HOURS
