"""Makes pictures smaller by reducing their colours, most of which are shades along lines."""

from __future__ import annotations

import io

PALETTE_SIZES = (128, 32)


def shrink_png(content: bytes, max_bytes: int) -> bytes:
    """The picture with as many colours as `max_bytes` allow; with the fewest where none are few enough."""
    if len(content) <= max_bytes:
        return content
    from PIL import Image  # noqa: PLC0415 - loaded when a picture is too large

    image = Image.open(io.BytesIO(content)).convert("RGB")
    for size in PALETTE_SIZES:
        stream = io.BytesIO()
        image.quantize(size).save(stream, "PNG", optimize=True)
        content = stream.getvalue()
        if len(content) <= max_bytes:
            break
    return content
