"""Serves the peer `tiktok-shop-mcp` from PyPI, with one shop at the stand-in's address: run by a Python that has it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

SHOP = {
    "seller_name": "Bench Tea",
    "seller_base_region": "GB",
    "shop_id": "7000714532876273420",
    "shop_cipher": os.environ["BENCH_SHOP_CIPHER"],
    "app_key": os.environ["TIKTOK_SHOP_APP_KEY"],
    "app_secret": os.environ["TIKTOK_SHOP_APP_SECRET"],
    "access_token": os.environ["TIKTOK_SHOP_ACCESS_TOKEN"],
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "shops.json"
        path.write_text(json.dumps([SHOP]), encoding="utf-8")
        os.environ["TIKTOK_SHOP_CONFIG"] = str(path)
        from tiktok_shop_mcp import config, server  # type: ignore[import-not-found]  # noqa: PLC0415 - reads its shops then

        config.config.__class__.BASE_URL = os.environ["TIKTOK_SHOP_API_URL"]
        server.app.run()


if __name__ == "__main__":
    main()
