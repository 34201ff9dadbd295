-- title = "Parcels to announce (ship), overdue or due within 24 hours"
-- otherwise = "not with the carrier by its deadline (tts_sla_time) it is a late dispatch; left longer, the platform may cancel the order: `detail` says from when"
-- tool = "ship_orders"
-- id = "package_id"
-- see_also = "parcels_not_collected"
-- # Parcels as the lines name them; units without one yet are one entry per order. The deadline is the one
-- # whose passing counts against the seller, as the report shipping_times counts it; a parcel is listed from a day before
-- # `rts_sla_time` on, until when it must be announced.
SELECT
  min(coalesce(o.tts_sla_time, o.rts_sla_time, o.shipping_due_time)) AS deadline,
  l.package_id,
  min(o.id) AS order_id,
  concat_ws(', ',
    if(bool_or(c.order_id IS NOT NULL), 'CANCELLATION REQUESTED: answer it first', NULL),
    count(*) || if(count(*) = 1, ' unit', ' units'),
    sum(l.sale_price) || ' ' || any_value(l.currency),
    if(any_value(o.status) = 'PARTIALLY_SHIPPING', 'rest of a partly shipped order', NULL),
    if(count(DISTINCT o.id) > 1, count(DISTINCT o.id) || ' orders in one parcel', NULL),
    if(min(o.rts_sla_time) < $now, 'overdue to announce', NULL),
    'late dispatch from ' || strftime(min(o.tts_sla_time), '%m-%d %H:%M'),
    'cancellable from ' || strftime(min(o.shipping_due_time), '%m-%d %H:%M')
  ) AS detail,
  -- What the packer is to read.
  string_agg(DISTINCT concat_ws(
    '; ', 'buyer: ' || nullif(o.buyer_message, ''), 'own note: ' || nullif(o.seller_note, '')
  ), ' / ') AS words
FROM order_lines AS l
  JOIN orders AS o ON o.id = l.order_id
  LEFT JOIN (
    SELECT DISTINCT order_id FROM cancellations WHERE cancel_status = 'CANCELLATION_REQUEST_PENDING'
  ) AS c ON c.order_id = o.id
WHERE o.status IN ('AWAITING_SHIPMENT', 'PARTIALLY_SHIPPING')
  AND o.fulfillment_type IS DISTINCT FROM 'FULFILLMENT_BY_TIKTOK'
  AND l.display_status IS DISTINCT FROM 'CANCELLED'
  AND coalesce(l.package_status, 'TO_FULFILL') = 'TO_FULFILL'
GROUP BY coalesce(l.package_id, o.id), l.package_id
HAVING least(deadline, min(o.rts_sla_time)) < $now + INTERVAL 24 HOURS
