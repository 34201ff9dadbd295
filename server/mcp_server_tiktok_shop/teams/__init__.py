"""A server for teams: state in PostgreSQL, rates in Redis, and an app for each tenant in use."""
