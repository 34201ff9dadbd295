-- The local copy of a shop as all replicas share it: the newest snapshot in blocks by their hash, so that of the next one
-- only the blocks go over that differ. `blocks` are the hashes in order. `revision` grows with each publication, and begins
-- at a moment, so that a copy that was deleted and made anew has none of before.
CREATE TABLE shop_copies (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    shop_id text NOT NULL,
    buyer_data text NOT NULL,
    fingerprint text NOT NULL,
    revision bigint NOT NULL DEFAULT (unix_now() * 1e6)::bigint,
    state text NOT NULL,
    blocks bytea NOT NULL,
    updated_at double precision NOT NULL DEFAULT unix_now(),
    UNIQUE (tenant_id, shop_id, buyer_data, fingerprint)
);
ALTER TABLE shop_copies ALTER COLUMN blocks SET STORAGE EXTERNAL;

CREATE TABLE shop_copy_blocks (
    copy_id bigint NOT NULL REFERENCES shop_copies ON DELETE CASCADE,
    hash bytea NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (copy_id, hash)
);
ALTER TABLE shop_copy_blocks ALTER COLUMN content SET STORAGE EXTERNAL;

-- What replicas that wait want the one that reads a shop to read next.
CREATE TABLE shop_copy_wishes (
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    shop_id text NOT NULL,
    buyer_data text NOT NULL,
    fingerprint text NOT NULL,
    source text NOT NULL,
    since double precision NOT NULL,
    PRIMARY KEY (tenant_id, shop_id, buyer_data, fingerprint, source)
);
