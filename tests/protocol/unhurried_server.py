"""The server as its command starts it, but nothing is ended for taking long: what ends was ended by something else."""

from __future__ import annotations

from mcp_server_tiktok_shop.__main__ import start
from mcp_server_tiktok_shop.mirror import query
from mcp_server_tiktok_shop.protocol import client_exit

HOUR_S = 3600.0

if __name__ == "__main__":
    client_exit.EXIT_TIMEOUT_S = HOUR_S
    query.DEFAULT_LIMITS = query.QueryLimits(HOUR_S)
    start()
