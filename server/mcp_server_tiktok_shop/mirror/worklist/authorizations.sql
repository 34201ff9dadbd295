-- title = "Authorizations that end within 30 days"
-- otherwise = "every call for the shop is refused from then on"
-- tool = "get_authorization_url"
-- id = "account"
SELECT deadline, account, 'the authorization of ' || account || ' ends' AS detail
FROM (
  SELECT unnest(
    from_json($authorizations, '[{"account": "VARCHAR", "deadline": "TIMESTAMPTZ"}]'),
    recursive := true
  )
)
WHERE deadline < $now + INTERVAL 30 DAYS
