-- What a tenant has of its own: texts of settings by name, as a JSON object. `settings_revision` grows with every change
-- of them, and begins at a moment as `revision` does.
ALTER TABLE tenants ADD COLUMN settings text NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN settings_revision bigint NOT NULL DEFAULT (unix_now() * 1e6)::bigint;

-- By whom a seller was sent to agree: the state in the address, of which the digest alone is here. A row stays for a
-- while once it was used or has expired, so that who comes late is told which.
CREATE TABLE sign_in_links (
    state_digest bytea PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    expires_at double precision NOT NULL,
    used_at double precision
);
CREATE INDEX sign_in_links_by_expiry ON sign_in_links (expires_at);
