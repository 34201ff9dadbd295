-- Copies of shops and kept results are sealed as tokens are. What lies open until now goes: copies are read anew from the
-- platform, and a result is asked for again.
DELETE FROM shop_copies;
DELETE FROM results;
ALTER TABLE shop_copy_blocks ADD COLUMN key_id text NOT NULL;
ALTER TABLE results ADD COLUMN key_id text NOT NULL;
