-- title = "Buyers who ask to cancel"
-- otherwise = "at the deadline the platform agrees and pays the buyer back"
-- tool = "decide_returns"
-- id = "cancel_id"
SELECT
  deadline,
  id AS cancel_id,
  order_id,
  concat_ws(' ', currency, refund_total, 'to pay back') AS detail,
  cancel_reason_text AS words
FROM cancellations
WHERE cancel_status = 'CANCELLATION_REQUEST_PENDING' AND (next_action IS NOT NULL OR role = 'BUYER')
