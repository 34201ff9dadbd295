"""`python -m mcp_server_tiktok_shop` is the command of the same name."""

from mcp_server_tiktok_shop.cli import main

main(prog_name="mcp-server-tiktok-shop")
