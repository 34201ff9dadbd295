"""The entry point of the command line, installed as a script and as `python -m mcp_server_tiktok_shop`."""

import gc


def start() -> None:
    """Run the command line, without garbage collection while modules are imported: it takes a tenth of the start."""
    gc.disable()
    from mcp_server_tiktok_shop.cli.main import main  # noqa: PLC0415

    main(prog_name="mcp-server-tiktok-shop")


if __name__ == "__main__":
    start()
