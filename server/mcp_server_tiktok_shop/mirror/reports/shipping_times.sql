-- title = "Shipping times and late dispatch"
-- answers = "How fast orders were sent and delivered, how many were dispatched late, whose fault that may be, and which have not arrived; grouped by order it names them."
-- period = "last 30 days"
-- tables = ["orders"]
-- keys = []
-- compare = ["late_dispatch", "orders", "dispatched", "late_delivery"]
-- order = "orders desc"
-- time = "create_time"
-- note = "Orders placed in the period, neither UNPAID nor CANCELLED. A late dispatch: the carrier took the parcel after tts_sla_time, or has not and it has passed; TikTok's own rate may differ. Of those, announced_late had been announced by the seller after rts_sla_time, or are not yet; the others were announced in time, and handed over or collected late. not_arrived may be lost: group_by order with order not_arrived desc names them. get_worklist's `late` parcels are those of still_late, without what TikTok ships or holds, and the rest of partly shipped orders. Hours run from payment."
--
-- [columns]
-- orders = "orders to be sent"
-- dispatched = "of them, those that the carrier has taken"
-- not_dispatched_yet = "of them, those that it has not: in no average, median or maximum"
-- delivered = "of them, those that were delivered"
-- dispatch_due = "of them, those that were dispatched or whose time for it has passed: what the rate is of"
-- late_dispatch = "of those, those that the carrier took after tts_sla_time, or has not taken and it has passed"
-- late_dispatch_percent = "late_dispatch of dispatch_due"
-- still_late = "of the late dispatches, those that the carrier has not taken yet"
-- announced_late = "of the late dispatches, those that the seller announced after rts_sla_time, or has not announced yet"
-- late_delivery = "delivered after delivery_sla_time, or not delivered and it has passed"
-- not_arrived = "of those, those that the carrier has taken and not delivered yet"
-- average_hours_to_ready = "from payment until ready to ship"
-- average_hours_to_dispatch = "from payment until the carrier took it"
-- median_hours_to_dispatch = "the same: half of them took no longer"
-- max_hours_to_dispatch = "the same: the longest"
-- slowest_order_id = "the order that took the longest"
-- average_hours_in_transit = "from the carrier's taking it until delivery"
--
-- [group_by.carrier]
-- keys.shipping_provider = "shipping_provider"
-- [group_by.warehouse]
-- keys.warehouse_id = "warehouse_id"
-- [group_by.delivery_option]
-- keys.delivery_option_name = "delivery_option_name"
-- [group_by.fulfillment]
-- keys.fulfillment_type = "fulfillment_type"
-- [group_by.order]
-- keys.order_id = "id"
-- labels.status = "max(status)"
-- labels.rts_sla_time = "max(rts_sla_time)"
-- labels.rts_time = "max(rts_time)"
-- labels.tts_sla_time = "max(tts_sla_time)"
-- labels.collection_time = "max(collection_time)"
-- labels.delivery_sla_time = "max(delivery_sla_time)"
-- labels.delivery_time = "max(delivery_time)"
-- order = "late_dispatch desc"
-- without = ["orders", "late_dispatch_percent", "median_hours_to_dispatch", "max_hours_to_dispatch", "slowest_order_id"]
WITH due AS (
    SELECT
        *,
        coalesce(collection_time, $now) > tts_sla_time AS is_late,
        coalesce(rts_time, $now) > rts_sla_time AS is_announced_late,
        coalesce(delivery_time, $now) > delivery_sla_time AS is_delivered_late
    FROM orders
    WHERE create_time >= $from AND create_time < $until AND status NOT IN ('UNPAID', 'CANCELLED')
),
sums AS (
    SELECT
        {group_by}
        count(*) AS orders,
        count(collection_time) AS dispatched,
        count(*) - count(collection_time) AS not_dispatched_yet,
        count(delivery_time) AS delivered,
        count(*) FILTER (WHERE collection_time IS NOT NULL OR is_late) AS dispatch_due,
        count(*) FILTER (WHERE is_late) AS late_dispatch,
        count(*) FILTER (WHERE is_late AND collection_time IS NULL) AS still_late,
        count(*) FILTER (WHERE is_late AND is_announced_late) AS announced_late,
        count(*) FILTER (WHERE is_delivered_late) AS late_delivery,
        count(*) FILTER (
            WHERE is_delivered_late AND collection_time IS NOT NULL AND delivery_time IS NULL
        ) AS not_arrived,
        round(avg(epoch(rts_time) - epoch(paid_time)) / 3600, 1) AS average_hours_to_ready,
        round(avg(epoch(collection_time) - epoch(paid_time)) / 3600, 1) AS average_hours_to_dispatch,
        round(median(epoch(collection_time) - epoch(paid_time)) / 3600, 1) AS median_hours_to_dispatch,
        round(max(epoch(collection_time) - epoch(paid_time)) / 3600, 1) AS max_hours_to_dispatch,
        arg_max(id, epoch(collection_time) - epoch(paid_time)) AS slowest_order_id,
        round(avg(epoch(delivery_time) - epoch(collection_time)) / 3600, 1) AS average_hours_in_transit
    FROM due
    GROUP BY ALL
)
SELECT
    {group_names}
    orders,
    dispatched,
    not_dispatched_yet,
    delivered,
    dispatch_due,
    late_dispatch,
    {share(late_dispatch, dispatch_due)} AS late_dispatch_percent,
    still_late,
    announced_late,
    late_delivery,
    not_arrived,
    average_hours_to_ready,
    average_hours_to_dispatch,
    median_hours_to_dispatch,
    max_hours_to_dispatch,
    slowest_order_id,
    average_hours_in_transit
FROM sums
WHERE orders > 0
