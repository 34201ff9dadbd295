"""OAuth 2.1 over HTTP: this server as a resource server, which checks access tokens and issues none."""
