"""State that outlives a call: small Protocols in `stores`, and a backend a module, in files or in memory."""
