"""A team on one computer: databases, an identity provider, replicas behind a proxy, for tests and for show."""
