-- title = "Chats in which the buyer wrote last"
-- otherwise = "quick replies count in the service score"
-- tool = "reply_to_buyer"
-- id = "conversation_id"
SELECT
  NULL::TIMESTAMPTZ AS deadline,
  id AS conversation_id,
  'waits ' || if(
    $now < last_message_time + INTERVAL 2 HOURS,
    date_sub('minute', last_message_time, $now) || ' min', date_sub('hour', last_message_time, $now) || ' h'
  ) AS detail,
  buyer_nickname AS buyer,
  coalesce(
    CASE WHEN json_valid(last_message) THEN json_extract_string(last_message, '$.content') END,
    '[' || lower(last_message_type) || ']'
  ) AS words,
  epoch(last_message_time)::BIGINT AS rank
FROM conversations
WHERE last_sender_role = 'BUYER'
  AND can_send_message IS NOT FALSE
  AND last_message_type NOT LIKE 'BUYER_ENTER%'  -- opened the chat and said nothing
