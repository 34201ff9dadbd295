-- title = "Refunds and returns that need an answer, or goods to check"
-- otherwise = "at the deadline the platform decides for the buyer"
-- tool = "decide_returns"
-- id = "return_id"
SELECT
  deadline,
  id AS return_id,
  order_id,
  concat_ws(', ',
    if(next_action LIKE '%RECEIVE_PACKAGE%', 'goods are on their way back: check them', lower(replace(return_type, '_', ' '))),
    concat_ws(' ', currency, refund_total)
  ) AS detail,
  return_reason_text AS words
FROM returns
WHERE next_action IS NOT NULL
