-- Whose shop a notification is about. NULL where the shops were never asked for, or were stored by a version that did
-- not know this column: they lie sealed beside it, and are looked up when a server starts.
ALTER TABLE accounts ADD COLUMN shop_ids text[];
CREATE INDEX accounts_by_shop ON accounts USING gin (shop_ids);
CREATE INDEX accounts_by_id ON accounts (id);

CREATE INDEX notifications_pending ON notifications (tenant_id, shop_id) WHERE is_pending;
