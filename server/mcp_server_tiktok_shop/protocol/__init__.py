"""Speaks MCP to clients; nothing else imports its SDK."""
