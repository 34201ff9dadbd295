"""Takes a picture of the board, as a host shows it of the simulated shop.

python -m scripts.board_picture FILE
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from mcp import Client
from PIL import Image
from tests.board.browser_host import SIZE_CHANGED, launch_browser, open_host
from tests.sandbox.client import NOW, Clock

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings

WIDTH_PX, HEIGHT_PX = 760, 600
PIXELS_PER_PX = 2  # legible on screens of today
MAX_COLOURS = 64  # the page has few: a quarter of the bytes


async def take_picture(path: Path) -> None:
    """Write the worklist of the simulated shop as PNG, of the same day each time."""
    with tempfile.TemporaryDirectory() as home:
        settings = read_settings({"TIKTOK_SHOP_HOME": home, "TIKTOK_SHOP_SANDBOX": "true"})
        clock = Clock(NOW)
        app = build_app(settings, sandbox=Sandbox(clock=clock), runtime=Runtime(clock, lambda: 0.0))
        async with (
            Client(app.build_server(), mode="legacy") as client,
            launch_browser() as browser,
            open_host(browser, client, width=WIDTH_PX, device_scale_factor=PIXELS_PER_PX) as host,
        ):
            await host.show("get_worklist")
            await host.wait_for(SIZE_CHANGED)
            await host.page.set_viewport_size({"width": WIDTH_PX, "height": HEIGHT_PX})
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = Image.open(BytesIO(await host.page.screenshot()))
            picture.convert("RGB").quantize(MAX_COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    asyncio.run(take_picture(Path(sys.argv[1])))
