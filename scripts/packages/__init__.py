"""Makes what the server is handed out as: bundle, registry entry and plugins, all of them from the records."""
