"""An MCP server that lets an assistant run a TikTok Shop."""

__version__ = "0.1.0"
