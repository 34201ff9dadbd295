"""The entry point of the command line, installed as a script and as `python -m mcp_server_tiktok_shop`."""

import gc
import os


def start() -> None:
    """Run the command line, without garbage collection while modules are imported: it takes a tenth of the start."""
    gc.disable()
    # A plugin would be shown all that the SDK reads and writes, and looking for one takes 8 ms.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    from mcp_server_tiktok_shop.cli.main import main  # noqa: PLC0415

    main(prog_name="mcp-server-tiktok-shop")


if __name__ == "__main__":
    start()
