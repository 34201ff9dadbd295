"""The command `mcp-server-tiktok-shop`, a module for each thing that a person asks of it."""
