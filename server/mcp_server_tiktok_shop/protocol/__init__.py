"""What speaks MCP: the only importer of the SDK."""
