-- What outlives a call, by tenant. Records are JSON as text: a JSON column takes no NUL, and rounds numbers.

-- The one clock for all replicas, in Unix seconds.
CREATE FUNCTION unix_now() RETURNS double precision
    LANGUAGE sql VOLATILE
    AS $$ SELECT extract(epoch FROM clock_timestamp())::double precision $$;

-- `revision` grows with every change of a tenant's app or accounts: by it a replica knows whether what it read still
-- holds, and one that lost its lock that it may not write. It begins at a moment, so that a tenant that was removed and
-- added again has none of before.
CREATE TABLE tenants (
    id text PRIMARY KEY,
    revision bigint NOT NULL DEFAULT (unix_now() * 1e6)::bigint,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Who changes a tenant's accounts has this row, in a transaction that ends with its connection.
CREATE TABLE account_locks (
    tenant_id text PRIMARY KEY REFERENCES tenants ON DELETE CASCADE
);

-- What is sealed is AES-GCM under the key named by `key_id`, bound to tenant, owner and field.
CREATE TABLE apps (
    tenant_id text PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    public text NOT NULL,
    key_id text NOT NULL,
    secret bytea NOT NULL
);

CREATE TABLE accounts (
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id text NOT NULL,
    public text NOT NULL,
    key_id text NOT NULL,
    access_token bytea NOT NULL,
    refresh_token bytea NOT NULL,
    shops bytea NOT NULL,
    assets bytea NOT NULL,
    proxy bytea NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- Secrets of the server itself, which all replicas share.
CREATE TABLE server_secrets (
    name text PRIMARY KEY,
    key_id text NOT NULL,
    secret bytea NOT NULL
);

CREATE TABLE expiring_records (
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    kind text NOT NULL,
    key text NOT NULL,
    record text NOT NULL,
    expires_at double precision NOT NULL,
    PRIMARY KEY (tenant_id, kind, key)
);
CREATE INDEX expiring_records_by_expiry ON expiring_records (expires_at);

CREATE TABLE results (
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    content bytea NOT NULL,
    stored_at double precision NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX results_by_age ON results (stored_at);
ALTER TABLE results ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE write_marks (
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    shop_id text NOT NULL,
    area text NOT NULL,
    written_at double precision NOT NULL,
    PRIMARY KEY (tenant_id, shop_id, area)
);

-- It outlives its tenant, and nobody changes it: not this server, nor by mistake anyone at the database.
CREATE TABLE audit_log (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    entry_id text NOT NULL,
    entry text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX audit_log_by_tenant ON audit_log (tenant_id, number);

CREATE FUNCTION refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$;
CREATE TRIGGER audit_log_is_only_added_to
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

CREATE TABLE notifications (
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    id text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    type integer NOT NULL,
    shop_id text NOT NULL,
    seller_id text NOT NULL,
    is_pending boolean NOT NULL DEFAULT true,
    arrived_at double precision NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX notifications_by_age ON notifications (arrived_at);
