-- By what this database is told from others whose servers share a Redis with its own.
CREATE TABLE database_identity (
    id text NOT NULL DEFAULT gen_random_uuid()::text
);
INSERT INTO database_identity DEFAULT VALUES;
