"""The address at which MCP is served over HTTP, shared by clients' configurations and the server."""

from __future__ import annotations

MCP_PATH = "/mcp"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8722


def join_address(host: str, port: int) -> str:
    """Host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def make_url(host: str, port: int) -> str:
    return f"http://{join_address(host, port)}{MCP_PATH}"
