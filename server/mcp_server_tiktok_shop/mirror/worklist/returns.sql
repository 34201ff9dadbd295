-- title = "Refunds and returns that need an answer, or goods to check"
-- otherwise = "at the deadline the platform decides for the buyer"
-- tool = "decide_returns"
-- id = "return_id"
SELECT
  returns.deadline,
  returns.id AS return_id,
  returns.order_id,
  concat_ws(', ',
    if(next_action LIKE '%RECEIVE_PACKAGE%', 'goods are on their way back: check them', lower(replace(return_type, '_', ' '))),
    concat_ws(' ', returns.currency, refund_total),
    'asked ' || strftime(returns.create_time, '%Y-%m-%d %H:%M')
  ) AS detail,
  coalesce(orders.buyer_nickname, orders.recipient_name) AS buyer,
  return_reason_text AS words
FROM returns
  LEFT JOIN orders ON orders.id = returns.order_id
WHERE next_action IS NOT NULL
