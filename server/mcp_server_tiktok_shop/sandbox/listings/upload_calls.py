"""Pictures uploaded, and served again: kind told by content, pixels held to their use."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment.labels import render_solid_png
from mcp_server_tiktok_shop.sandbox.gateway.http_messages import Reply
from mcp_server_tiktok_shop.sandbox.ids import draw_number
from mcp_server_tiktok_shop.sandbox.listings.uploads import UploadedFile
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.shop import State

MEGABYTE_BYTES = 1024 * 1024
SQUARED_USE_CASES = ("MAIN_IMAGE", "ATTRIBUTE_IMAGE")
MEDIA_TYPES = {"JPG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "HEIC": "image/heic", "BMP": "image/bmp"}


def detect_kind(content: bytes) -> str:
    """The format by its first bytes, whatever the file is called; empty for anything else."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "HEIC"
    return "BMP" if content.startswith(b"BM") else ""


def _measure_pixels(content: bytes, kind: str) -> tuple[int, int]:
    if kind == "HEIC":  # not decoded here: its size stands in the 'ispe' box
        place = content.find(b"ispe")
        if place < 0 or len(content) < place + 16:
            raise RefusalError(12038005, "The picture in 'data' cannot be decoded.")
        width, height = struct.unpack(">II", content[place + 8 : place + 16])
        return width, height
    from PIL import Image  # noqa: PLC0415  (costs 50 ms that only an upload is worth)

    try:
        with Image.open(BytesIO(content)) as picture:
            picture.verify()
            return picture.size
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for broken files
        raise RefusalError(12038005, "The picture in 'data' cannot be decoded.") from None


def upload_product_image(call: Call) -> Json:
    facts = call.operation.in_body["data"]
    content, use_case = call.arguments["data"], call.arguments.get("use_case", "MAIN_IMAGE")
    if not isinstance(content, bytes):
        raise RefusalError(12038002, "Invalid 'data': expected a file part.")
    if len(content) > facts["x-max-mb"] * MEGABYTE_BYTES:
        raise RefusalError(12038004, f"The file in 'data' is larger than {facts['x-max-mb']} MB.")
    kind = detect_kind(content)
    if kind not in facts["x-formats"]:
        raise RefusalError(12038002, f"The file in 'data' is none of {', '.join(facts['x-formats'])}.")
    width, height = _measure_pixels(content, kind)
    _check_pixels(facts["x-pixels"], use_case, width, height)
    if use_case in SQUARED_USE_CASES and not 3 / 4 <= width / height <= 4 / 3:
        width = height = max(width, height)
    digits = f"{draw_number(call.account.open_id, use_case, content):016x}{len(content):08x}"
    upload = UploadedFile(f"sandbox-oec/{digits}", use_case, width, height, kind, call.account.open_id, content)
    call.state.uploads[upload.uri] = upload
    return {
        "uri": upload.uri,
        "url": f"{call.base_url}/images/{upload.uri}",
        "width": width,
        "height": height,
        "use_case": use_case,
    }


def _check_pixels(bounds: Json, use_case: str, width: int, height: int) -> None:
    limits = bounds.get(use_case, {})
    low, high = limits.get("min", bounds["min"]), limits.get("max", bounds["max"])
    if not (low[0] <= width <= high[0] and low[1] <= height <= high[1]):
        raise RefusalError(
            12038014,
            f"The picture has {width} x {height} pixels; {low[0]} x {low[1]} to {high[0]} x {high[1]} are accepted.",
        )
    shortest = limits.get("min_short_side", 0)
    if min(width, height) < shortest:
        raise RefusalError(12038015, f"The shorter side has {min(width, height)} pixels; {shortest} are needed.")


def serve_picture(state: State, uri: str) -> Reply:
    upload = state.uploads.get(uri)
    if upload is None:
        return Reply(404, b"No such picture.", "text/plain")
    shade = draw_number("shade", uri)
    colour = (96 + shade % 128, 96 + shade // 128 % 128, 64 + shade // 16384 % 128)
    content = upload.content or render_solid_png(upload.width, upload.height, colour)
    return Reply(200, content, MEDIA_TYPES[upload.kind])
