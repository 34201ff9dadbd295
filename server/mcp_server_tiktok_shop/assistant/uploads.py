"""Reads the file that an upload sends, and checks what the platform would refuse: kind, size, pixels."""

from __future__ import annotations

import base64
import binascii
import io
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.assistant.files import MEGABYTE
from mcp_server_tiktok_shop.catalog.binding import Upload
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.assistant.files import Files
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

INLINE = 64 * 1024
UNBOUNDED = 100 * MEGABYTE
KINDS = (  # by content: (offset, bytes, name, media type)
    (0, b"\xff\xd8\xff", "JPEG", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG", "image/png"),
    (8, b"WEBP", "WEBP", "image/webp"),
    (0, b"BM", "BMP", "image/bmp"),
    (4, b"ftyphei", "HEIC", "image/heic"),
    (4, b"ftypmif1", "HEIC", "image/heic"),
    (4, b"ftyphev", "HEIC", "image/heic"),
    (0, b"%PDF-", "PDF", "application/pdf"),
)
SAME = {"JPG": "JPEG"}
OPENED = ("JPEG", "PNG", "WEBP", "BMP")


def uploads(operation: Operation, values: Json, files: Files) -> dict[str, Upload]:
    """The file parts of a call, by the name the platform gives them; takes their arguments out of `values`.

    Raises:
        ShopError: `invalid_arguments`, naming the argument and what is allowed.

    """
    found: dict[str, Upload] = {}
    for name, schema in operation.uploads.items():
        kind = schema["given_as"]
        path, text = values.pop(f"{kind}_path", None), values.pop(f"{kind}_base64", None)
        if (path is None) == (text is None):
            if path is None and name not in operation.record["required"]:
                continue
            raise _one_way(kind)
        largest = schema.get("x-max-mb", UNBOUNDED // MEGABYTE) * MEGABYTE
        argument = f"{kind}_path" if path is not None else f"{kind}_base64"
        content = files.read(argument, path, largest) if path is not None else _decoded(argument, text)
        found[name] = _checked(argument, kind, content, schema, values)
    return found


def _one_way(kind: str) -> ShopError:
    arguments = (f"{kind}_path", f"{kind}_base64")
    told = f"give the {kind} as one of {' and '.join(arguments)}"
    problems = tuple(Problem(argument, told) for argument in arguments)
    return ShopError("invalid_arguments", told, hint="Nothing was sent.", problems=problems)


def _decoded(argument: str, text: str) -> bytes:
    if len(text) > INLINE * 4 // 3 + 200:
        raise _refused(argument, "is larger than 64 kB decoded", "a small file; give larger ones by path")
    try:
        content = base64.b64decode(text.partition("base64,")[2] or text, validate=True)
    except (binascii.Error, ValueError):
        raise _refused(argument, "is not base64", "base64 text") from None
    if not content:
        raise _refused(argument, "is empty", "a file with content")
    if len(content) > INLINE:
        raise _refused(argument, "is larger than 64 kB decoded", "a small file; give larger ones by path")
    return content


def _checked(argument: str, kind: str, content: bytes, schema: Json, values: Json) -> Upload:
    formats = [SAME.get(name, name) for name in schema.get("x-formats", ())]
    format_, media_type = next(
        ((name, media) for at, mark, name, media in KINDS if content[at : at + len(mark)] == mark),
        ("of an unknown kind", "application/octet-stream"),
    )
    if formats and format_ not in formats:
        allowed = ", ".join(dict.fromkeys(formats))
        raise _refused(argument, f"is {format_} by its content", allowed)
    if "x-pixels" in schema and format_ in OPENED:
        _check_pixels(argument, content, schema["x-pixels"], str(values.get("use_case", "")))
    return Upload(f"{kind}.{format_.lower()}", content, media_type)


def _check_pixels(argument: str, content: bytes, rules: Json, use_case: str) -> None:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - heavy, and only for images

    try:
        with Image.open(io.BytesIO(content), formats=OPENED) as image:
            width, height = image.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise _refused(argument, "is damaged: its size can't be read", "an image that opens") from None
    rule: dict[str, Any] = {"min": rules["min"], "max": rules["max"]} | rules.get(use_case, {})
    (low_w, low_h), (high_w, high_h) = rule["min"], rule["max"]
    size = f"is {width} x {height} pixels"
    for_use = f" for {use_case}" if use_case in rules else ""
    if not (low_w <= width <= high_w and low_h <= height <= high_h):
        raise _refused(argument, size, f"{low_w} x {low_h} to {high_w} x {high_h} pixels{for_use}")
    if min(width, height) < rule.get("min_short_side", 0):
        raise _refused(argument, size, f"the short side at least {rule['min_short_side']} pixels{for_use}")


def _refused(argument: str, message: str, allowed: str) -> ShopError:
    problem = Problem(argument, message, allowed)
    return ShopError("invalid_arguments", f"{argument}: {message}", hint="Nothing was sent.", problems=(problem,))
