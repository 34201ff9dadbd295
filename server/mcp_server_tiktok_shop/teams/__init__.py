"""A server for teams: state in PostgreSQL, rates in Redis, and for each tenant that is asked for an app of its own."""
