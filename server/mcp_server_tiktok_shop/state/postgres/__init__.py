"""State stores in PostgreSQL, for any number of replicas and tenants; imported only where a database is set."""
