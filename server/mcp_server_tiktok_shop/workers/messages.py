"""The messages between a worker and its server: a JSON header, followed by files."""

from __future__ import annotations

import json
import struct
from typing import IO, Any

LENGTHS = struct.Struct(">IQ")  # bytes of the header, and of all files together
FILE_SIZES = "file_sizes"


def write_message(stream: IO[bytes], header: dict[str, Any], files: list[bytes]) -> None:
    """Write one message; `header` is an object that JSON can hold."""
    text = json.dumps({**header, FILE_SIZES: [len(file) for file in files]}).encode()
    stream.write(LENGTHS.pack(len(text), sum(map(len, files))) + text)
    stream.writelines(files)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """Read one message: its header, and its files.

    Raises:
        EOFError: The other side has gone.

    """
    header_bytes, _ = LENGTHS.unpack(_read_exactly(stream, LENGTHS.size))
    header = json.loads(_read_exactly(stream, header_bytes))
    return header, [_read_exactly(stream, size) for size in header.pop(FILE_SIZES)]


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content
