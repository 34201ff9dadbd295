"""Uploaded pictures, and the uri by which listings name them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import make_id

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json


@dataclass(frozen=True)
class UploadedFile:
    """`owner` is the account that sent it; empty for pictures that every seeded shop had before."""

    uri: str
    use_case: str
    width: int
    height: int
    kind: str
    owner: str = ""
    content: bytes = field(default=b"", repr=False)

    def to_json(self, base_url: str) -> Json:
        url = f"{base_url}/images/{self.uri}"
        return {"uri": self.uri, "urls": [url], "thumb_urls": [url], "width": self.width, "height": self.height}


def make_seed_upload(product_id: str) -> UploadedFile:
    """The picture of a seeded product: one colour, drawn when somebody looks."""
    return UploadedFile(f"sandbox-oec/{make_id('9', 'picture', product_id)}", "MAIN_IMAGE", 600, 600, "PNG")
