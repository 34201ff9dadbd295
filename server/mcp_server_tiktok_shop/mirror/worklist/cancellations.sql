-- title = "Buyers who ask to cancel"
-- otherwise = "at the deadline the platform agrees and pays the buyer back"
-- tool = "decide_returns"
-- id = "cancel_id"
SELECT
  asked.deadline,
  asked.id AS cancel_id,
  asked.order_id,
  concat_ws(' ', asked.currency, asked.refund_total, 'to pay back', 'of an order that is ' || orders.status)
    || coalesce(', asked ' || strftime(asked.create_time, '%Y-%m-%d %H:%M'), '') AS detail,
  coalesce(orders.buyer_nickname, orders.recipient_name) AS buyer,
  asked.cancel_reason_text AS words
FROM cancellations AS asked
  LEFT JOIN orders ON orders.id = asked.order_id
WHERE asked.cancel_status = 'CANCELLATION_REQUEST_PENDING' AND (asked.next_action IS NOT NULL OR asked.role = 'BUYER')
