-- title = "Chats in which the buyer wrote last"
-- otherwise = "quick replies count in the service score"
-- tool = "reply_to_buyer"
-- id = "conversation_id"
WITH texts AS (
  SELECT
    *,
    coalesce(
      CASE WHEN json_valid(last_message) THEN json_extract_string(last_message, '$.content') END,
      '[' || lower(last_message_type) || ']'
    ) AS words
  FROM conversations
  WHERE last_sender_role = 'BUYER'
    AND can_send_message IS NOT FALSE
    AND last_message_type NOT LIKE 'BUYER_ENTER%'  -- opened the chat and said nothing
),
chats AS (
  SELECT
    *,
    regexp_extract_all(lower(words), '[\p{L}\p{M}'']+') AS parts,
    if(
      $now < last_message_time + INTERVAL 2 HOURS,
      date_sub('minute', last_message_time, $now) || ' min', date_sub('hour', last_message_time, $now) || ' h'
    ) AS age,
    -- Thanks and nothing else, in the languages of the markets. Behind several unread messages a question may stand.
    last_message_type = 'TEXT'
      AND coalesce(unread_count, 1) <= 1
      AND NOT regexp_matches(words, '[0-9?？]')
      AND len(parts) <= 6
      AND list_has_any(parts, closing_words)
      AND list_has_all(list_concat(closing_words, words_beside), parts) AS is_closed
  FROM texts, (
    SELECT
      string_split(
        'thanks thank thx ty cheers bye goodbye ok okay great perfect lovely danke dankeschön dank tschüss perfekt '
        || 'merci parfait grazie perfetto gracias perfecto obrigado obrigada perfeito bedankt dziękuję '
        || 'kasih makasih ขอบคุณ ขอบคุณค่ะ ขอบคุณครับ ơn ありがとう ありがとうございます ありがとうございました', ' '
      ) AS closing_words,
      string_split(
        'you so very much many a lot all good fine for your the help and super brilliant vielen herzlichen schönen '
        || 'schön sehr gut alles klar ihnen dir beaucoup très bien mille molto tante va bene muchas muy vale muito u je '
        || 'wel heel erg top bardzo terima banyak ya kak cảm nhiều shop', ' '
      ) AS words_beside
  )
)
SELECT
  NULL::TIMESTAMPTZ AS deadline,
  id AS conversation_id,
  o.order_id,
  if(is_closed, 'closing words, ' || age || ' ago', 'waits ' || age) || coalesce(
    ', order ' || o.status || CASE o.order_count
      WHEN 1 THEN '' WHEN 2 THEN ' and another order' ELSE ' and ' || (o.order_count - 1) || ' more orders'
    END, ', no order known'
  ) AS detail,
  buyer_nickname AS buyer,
  words,
  NOT is_closed AS is_waiting,
  epoch(last_message_time)::BIGINT AS rank
FROM chats LEFT JOIN (
  -- Of each buyer's orders one: that with a parcel to ship, else the latest.
  SELECT
    user_id,
    id AS order_id,
    status,
    count(*) OVER (PARTITION BY user_id) AS order_count
  FROM orders
  QUALIFY row_number() OVER (
    PARTITION BY user_id ORDER BY status IN ('AWAITING_SHIPMENT', 'PARTIALLY_SHIPPING') DESC, create_time DESC
  ) = 1
) AS o ON o.user_id = chats.buyer_user_id
