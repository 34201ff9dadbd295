"""Reads the files of an upload, and checks what the platform would refuse: format, size, pixels."""

from __future__ import annotations

import base64
import binascii
import io
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.local_files import BYTES_PER_MB
from mcp_server_tiktok_shop.catalog.binding import Upload
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

MAX_INLINE_BYTES = 64 * 1024  # of a file given as base64, decoded
DEFAULT_MAX_MB = 100  # megabytes, where the facts name no limit
MAGIC_BYTES = (  # by content: (offset, bytes, name)
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WEBP"),
    (0, b"BM", "BMP"),
    (0, b"%PDF-", "PDF"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV\x01", "FLV"),
    (0, b"\x00\x00\x01\xba", "MPEG"),
    (0, b"\x00\x00\x01\xb3", "MPEG"),
    (0, b"\x30\x26\xb2\x75", "WMV"),
)
FORMAT_BY_BRAND = {  # of the container that most videos, and HEIC, share
    b"qt": "MOV",
    b"3g": "3GP",
    b"M4A": "M4A",
    b"he": "HEIC",
    b"mif": "HEIC",
    b"msf": "HEIC",
}
MEDIA_TYPE_BY_FORMAT = {
    "PDF": "application/pdf",
    "MOV": "video/quicktime",
    "AVI": "video/x-msvideo",
    "WMV": "video/x-ms-wmv",
    "FLV": "video/x-flv",
    "MKV": "video/x-matroska",
    "3GP": "video/3gpp",
    "M4A": "audio/mp4",
}
IMAGE_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "HEIC")
FORMAT_ALIASES = {"JPG": "JPEG", "3GPP": "3GP"}
MEASURABLE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")


def read_uploads(operation: Operation, values: Json, files: AllowedFiles) -> dict[str, Upload]:
    """The file parts of a call, by the platform's names; their arguments (`…_path`, `…_base64`) leave `values`.

    Raises:
        ShopError: `invalid_arguments`, naming the argument and what is allowed.

    """
    uploads: dict[str, Upload] = {}
    for name, schema in operation.upload_schemas.items():
        kind = schema["given_as"]
        path, text = values.pop(f"{kind}_path", None), values.pop(f"{kind}_base64", None)
        if (path is None) == (text is None):
            if path is None and name not in operation.record["required"]:
                continue
            raise _path_or_base64_error(kind)
        max_bytes = int(_get_max_mb(schema) * BYTES_PER_MB)
        argument = f"{kind}_path" if path is not None else f"{kind}_base64"
        content = files.read(argument, path, max_bytes) if path is not None else _decode_base64(argument, text)
        uploads[name] = _check_upload(argument, kind, content, schema, values)
    body_names = {name for name in operation.arguments if "body" in operation.get_locations(name)}
    if not uploads and body_names.isdisjoint(values):
        raise _path_or_base64_error(next(iter(operation.upload_schemas.values()))["given_as"])
    return uploads


def _path_or_base64_error(kind: str) -> ShopError:
    arguments = (f"{kind}_path", f"{kind}_base64")
    message = f"give the {kind} as one of {' and '.join(arguments)}"
    problems = tuple(Problem(argument, message) for argument in arguments)
    return ShopError("invalid_arguments", message, hint="Nothing was sent.", problems=problems)


def _decode_base64(argument: str, text: str) -> bytes:
    if len(text) > MAX_INLINE_BYTES * 4 // 3 + 200:
        raise _argument_error(argument, "is larger than 64 kB decoded", "a small file; give larger ones by path")
    try:
        content = base64.b64decode("".join((text.partition("base64,")[2] or text).split()), validate=True)
    except (binascii.Error, ValueError):
        raise _argument_error(argument, "is not base64", "base64 text") from None
    if not content:
        raise _argument_error(argument, "is empty", "a file with content")
    if len(content) > MAX_INLINE_BYTES:
        raise _argument_error(argument, "is larger than 64 kB decoded", "a small file; give larger ones by path")
    return content


def _check_upload(argument: str, kind: str, content: bytes, schema: Json, values: Json) -> Upload:
    formats = [FORMAT_ALIASES.get(name, name) for name in schema.get("x-formats", ())]
    file_format = _detect_format(content)
    if formats and file_format not in formats:
        allowed = ", ".join(dict.fromkeys(formats))
        raise _argument_error(argument, f"is {file_format or 'of an unknown kind'} by its content", allowed)
    max_mb = _get_max_mb(schema, file_format)
    if len(content) > max_mb * BYTES_PER_MB:
        raise _argument_error(
            argument, f"has {len(content) / BYTES_PER_MB:.2f} MB", f"at most {max_mb:g} MB for {file_format}"
        )
    if "x-pixels" in schema and file_format in MEASURABLE_FORMATS:
        _check_pixels(argument, content, schema["x-pixels"], str(values.get("use_case", "")))
    media_type = (
        MEDIA_TYPE_BY_FORMAT.get(file_format)
        or f"{'image' if file_format in IMAGE_FORMATS else 'video'}/{file_format.lower()}"
    )
    if not file_format:
        return Upload(kind, content, "application/octet-stream")
    return Upload(f"{kind}.{file_format.lower()}", content, media_type)


def _detect_format(content: bytes) -> str:
    """The format of a file by its first bytes; empty where they fit none."""
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        return next((name for brand_prefix, name in FORMAT_BY_BRAND.items() if brand.startswith(brand_prefix)), "MP4")
    if content.startswith(b"\x1a\x45\xdf\xa3"):
        return "WEBM" if b"webm" in content[:64] else "MKV"
    return next((name for offset, magic, name in MAGIC_BYTES if content[offset : offset + len(magic)] == magic), "")


def _get_max_mb(schema: Json, file_format: str | None = None) -> float:
    """Megabytes allowed for the format, or where that is not known yet, for the largest."""
    by_format: dict[str, float] = schema.get("x-max-mb-by-format", {})
    if by_format:
        return (
            by_format.get(file_format, by_format.get("video", DEFAULT_MAX_MB))
            if file_format
            else max(by_format.values())
        )
    return float(schema.get("x-max-mb", DEFAULT_MAX_MB))


def _check_pixels(argument: str, content: bytes, rules: Json, use_case: str) -> None:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - heavy, and only for images

    try:
        Image.MAX_IMAGE_PIXELS = None  # only the size is read, the picture is never unpacked
        with Image.open(io.BytesIO(content), formats=MEASURABLE_FORMATS) as image:
            width, height = image.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise _argument_error(argument, "is damaged: its size can't be read", "an image that opens") from None
    rule: dict[str, Any] = {"min": rules["min"], "max": rules["max"]} | rules.get(use_case, {})
    (low_w, low_h), (high_w, high_h) = rule["min"], rule["max"]
    size = f"is {width} x {height} pixels"
    for_use = f" for {use_case}" if use_case in rules else ""
    if not (low_w <= width <= high_w and low_h <= height <= high_h):
        raise _argument_error(argument, size, f"{low_w} x {low_h} to {high_w} x {high_h} pixels{for_use}")
    if min(width, height) < rule.get("min_short_side", 0):
        raise _argument_error(argument, size, f"the short side at least {rule['min_short_side']} pixels{for_use}")


def _argument_error(argument: str, message: str, allowed: str) -> ShopError:
    problem = Problem(argument, message, allowed)
    return ShopError("invalid_arguments", f"{argument}: {message}", hint="Nothing was sent.", problems=(problem,))
