"""Starts the command: also as `python -m mcp_server_tiktok_shop`."""

import gc


def start() -> None:
    """Run the command, with no garbage collection while everything is imported: that is a tenth of the start."""
    gc.disable()
    from mcp_server_tiktok_shop.cli.main import main  # noqa: PLC0415

    main(prog_name="mcp-server-tiktok-shop")


if __name__ == "__main__":
    start()
