"""The command line of `mcp-server-tiktok-shop`: a module for each of its commands, and what they share."""
