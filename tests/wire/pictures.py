"""Pictures of any size, written by hand: one colour, so that even large ones are a few kilobytes."""

from __future__ import annotations

import base64
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BLACK_AND_WHITE = 1  # bits a pixel


def png(width: int, height: int, size: int = 0) -> bytes:
    """Give a valid PNG, padded with a private chunk to exactly `size` bytes where one is asked for."""
    header = struct.pack(">IIBBBBB", width, height, BLACK_AND_WHITE, 0, 0, 0, 0)
    row = b"\x00" + b"\xff" * ((width + 7) // 8)
    picture = SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(row * height, 9))
    end = _chunk(b"IEND", b"")
    if size:
        overhead = len(_chunk(b"", b"")) + 4
        picture += _chunk(b"prVt", b"\x00" * (size - len(picture) - len(end) - overhead))
    return picture + end


def base64_png(width: int, height: int, size: int = 0) -> str:
    return base64.b64encode(png(width, height, size)).decode()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
