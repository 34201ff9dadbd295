"""The server as its command starts it, but nothing ends the process that does not end by itself."""

from __future__ import annotations

from mcp_server_tiktok_shop.__main__ import start
from mcp_server_tiktok_shop.protocol import client_exit

if __name__ == "__main__":
    client_exit.EXIT_TIMEOUT_S = 3600.0
    start()
