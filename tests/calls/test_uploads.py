"""What is uploaded is a picture by its content, of a size and with pixels that the platform takes."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.keys import reply
from tests.wire.pictures import base64_png, png
from tests.wire.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp.types import CallToolResult

    from tests.conftest import Connect

MB = 2**20


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    async with Recorder() as recorder:
        yield recorder


@pytest.fixture
def era() -> str:
    """What is uploaded has nothing to do with the protocol's era: one is enough."""
    return "legacy"


@dataclass(frozen=True)
class Client:
    """A connection for each call: a fixture can't hold one open across tasks."""

    connect: Connect
    url: str
    folder: Path

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        async with self.connect(api_url=self.url, auth_url=self.url, files=self.folder) as client:
            return await client.call_tool(name, arguments)


@pytest.fixture
def client(connect: Connect, recorder: Recorder, tmp_path: Path) -> Client:
    return Client(connect, recorder.url, tmp_path)


def picture(kind: str, width: int = 320, height: int = 310) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 220, 180)).save(out, kind)
    return out.getvalue()


def heic(brand: bytes = b"heic") -> bytes:
    """The head by which a HEIC file is known; nothing here decodes the rest."""
    head = b"ftyp" + brand + b"\0\0\0\0mif1" + brand
    return (len(head) + 4).to_bytes(4, "big") + head + b"\0" * 400


async def upload(client: Client, content: bytes, tmp_path: Path, **more: Any) -> Any:
    (tmp_path / "upload.dat").write_bytes(content)
    return await client.call_tool("upload_product_image", {"image_path": "upload.dat", **more})


def refused(result: Any, argument: str = "image_path") -> str:
    told = reply(result)
    assert told.get("error") == "invalid_arguments", told
    assert told["hint"]
    problem = next(problem for problem in told["problems"] if problem["argument"] == argument)
    return f"{problem['message']} {problem.get('allowed', '')}"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
async def test_each_kind_is_known_by_its_content_whatever_its_name(
    client: Client, recorder: Recorder, tmp_path: Path, kind: str
) -> None:
    result = await upload(client, picture(kind), tmp_path, use_case="MAIN_IMAGE")
    assert not result.is_error, reply(result)
    (request,) = recorder.calls
    assert f"content-type: image/{kind.lower()}".encode() in request.body.lower()
    assert f'filename="image.{kind.lower()}"'.encode() in request.body
    assert picture(kind) in request.body


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"hevc"])
async def test_heic_is_known_by_its_content(client: Client, recorder: Recorder, tmp_path: Path, brand: bytes) -> None:
    result = await upload(client, heic(brand), tmp_path)
    assert not result.is_error, reply(result)
    assert b"image/heic" in recorder.calls[0].body


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"GIF89a" + b"\0" * 100, ""),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ""),
        (b"%PDF-1.4\n", "PDF"),
        (b"PK\x03\x04 a zip", ""),
        (b"a text that says it is a picture", ""),
        (b"\0\0\0\x20ftypavif", ""),
        (b"\0\0\0\x20ftypisom", ""),
        (b"\x89PNG", ""),
    ],
)
async def test_another_kind_is_refused_whatever_its_name(
    client: Client, recorder: Recorder, tmp_path: Path, content: bytes, named: str
) -> None:
    (tmp_path / "picture.png").write_bytes(content)
    said = refused(await client.call_tool("upload_product_image", {"image_path": "picture.png"}))
    assert named in said
    assert all(kind in said for kind in ("JPEG", "PNG", "WEBP", "HEIC", "BMP"))
    assert recorder.requests == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
async def test_a_picture_cut_off_in_its_head_is_refused(
    client: Client, recorder: Recorder, tmp_path: Path, kind: str
) -> None:
    for length in (12, 16, 20):
        said = refused(await upload(client, picture(kind)[:length], tmp_path))
        assert "damaged" in said or "by its content" in said
    assert recorder.requests == []


async def test_what_only_begins_like_a_picture_is_refused(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    for head in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"BM"):
        assert "damaged" in refused(await upload(client, head + b"nonsense" * 20, tmp_path))
    assert recorder.requests == []


async def test_a_sound_file_is_no_picture(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    """RIFF is a family of kinds, and bytes 8 to 12 alone do not make a WEBP of any file."""
    refused(await upload(client, b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 60, tmp_path))
    refused(await upload(client, b"anythingWEBPanything" + b"\0" * 60, tmp_path))
    assert recorder.requests == []


def with_size(width: int, height: int) -> bytes:
    """A picture whose head tells this size; its one row would do for a screen."""
    small = png(300, 300)
    head = struct.pack(">4sII", b"IHDR", width, height) + small[24:29]
    return small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]


AT_AND_PAST = [
    ("MAIN_IMAGE", (300, 300), (299, 300)),
    ("MAIN_IMAGE", (300, 300), (300, 299)),
    ("MAIN_IMAGE", (4000, 300), (4001, 300)),
    ("MAIN_IMAGE", (4000, 4000), (4001, 4001)),
    ("SIZE_CHART_IMAGE", (1024, 1024), (1023, 1024)),
    ("SIZE_CHART_IMAGE", (4000, 1024), (4000, 1023)),
    ("SIZE_CHART_IMAGE", (20_000, 1024), (20_001, 1024)),
    ("ATTRIBUTE_IMAGE", (100, 100), (99, 100)),
    ("CERTIFICATION_IMAGE", (100, 20_000), (100, 20_001)),
    ("CUSTOMIZATION_IMAGE", (100, 100), (100, 99)),
    ("DESCRIPTION_IMAGE", (20_000, 100), (20_001, 100)),
    (None, (100, 100), (99, 99)),
]


@pytest.mark.parametrize(("use_case", "at", "past"), AT_AND_PAST)
async def test_pixels_at_the_limit_are_sent_and_past_it_are_not(
    client: Client,
    recorder: Recorder,
    tmp_path: Path,
    use_case: str | None,
    at: tuple[int, int],
    past: tuple[int, int],
) -> None:
    more = {"use_case": use_case} if use_case else {}
    result = await upload(client, with_size(*at), tmp_path, **more)
    assert not result.is_error, reply(result)
    assert len(recorder.calls) == 1
    said = refused(await upload(client, with_size(*past), tmp_path, **more))
    assert f"{past[0]} x {past[1]}" in said
    if use_case in ("MAIN_IMAGE", "SIZE_CHART_IMAGE"):
        assert use_case in said
    assert len(recorder.calls) == 1


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
async def test_the_largest_picture_that_is_allowed_is_sent(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    """20,000 x 20,000 is within the platform's limits; it is not decoded here, so no bomb goes off."""
    result = await upload(client, with_size(20_000, 20_000), tmp_path, use_case="DESCRIPTION_IMAGE")
    assert not result.is_error, reply(result)
    assert len(recorder.calls) == 1


async def test_a_large_picture_raises_no_alarm(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    """Warnings are errors here: a warning on standard error per picture is noise in the client's log."""
    result = await upload(client, with_size(10_000, 10_000), tmp_path, use_case="DESCRIPTION_IMAGE")
    assert not result.is_error, reply(result)
    assert len(recorder.calls) == 1


async def test_a_huge_file_is_refused_by_its_size_alone(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(50 * 2**30)  # sparse: it takes no room
    said = refused(await client.call_tool("upload_product_image", {"image_path": "huge.png"}))
    assert "10 MB" in said
    assert recorder.requests == []


async def test_base64_up_to_64_kb_is_sent(client: Client, recorder: Recorder) -> None:
    text = base64_png(300, 300, size=64 * 1024)
    result = await client.call_tool("upload_product_image", {"image_base64": text})
    assert not result.is_error, reply(result)
    assert base64.b64decode(text) in recorder.calls[0].body


async def test_base64_of_more_than_64_kb_is_refused_and_told_to_use_a_path(client: Client, recorder: Recorder) -> None:
    for size in (64 * 1024 + 1, 65 * 1024, MB):
        text = base64_png(300, 300, size=size)
        said = refused(await client.call_tool("upload_product_image", {"image_base64": text}), "image_base64")
        assert "64 kB" in said
        assert "path" in said
    assert recorder.requests == []


async def test_base64_may_be_a_data_url_and_broken_into_lines(client: Client, recorder: Recorder) -> None:
    text = base64_png(300, 300)
    lines = "\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    for given in (f"data:image/png;base64,{text}", lines, lines + "\n"):
        result = await client.call_tool("upload_product_image", {"image_base64": given, "repeat": True})
        assert not result.is_error, reply(result)
    assert all(base64.b64decode(text) in request.body for request in recorder.calls)


@pytest.mark.parametrize("text", ["not base64!", "=", "AAA", "data:image/png;base64,", "data:,hello", "é"])
async def test_what_is_no_base64_is_refused(client: Client, recorder: Recorder, text: str) -> None:
    refused(await client.call_tool("upload_product_image", {"image_base64": text}), "image_base64")
    assert recorder.requests == []


async def test_a_picture_is_given_one_way(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(300, 300))
    both = {"image_path": "a.png", "image_base64": base64_png(300, 300)}
    for arguments in (both, {}, {"image_path": "", "image_base64": None}):
        result = await client.call_tool("upload_product_image", arguments)
        assert "one of image_path and image_base64" in refused(result, "image_base64")
    assert recorder.requests == []


@pytest.mark.parametrize(
    ("tool", "arguments", "texts"),
    [
        (
            "upload_return_shipping_information",
            {"return_ids": ["4035227007248437000"], "tracking_number": "GB1", "return_provider_id": "7117858858072016"},
            {"tracking_number": "GB1", "return_provider_id": "7117858858072016"},
        ),
        ("upload_review_media", {"file_type": "IMAGE"}, {"file_type": "IMAGE"}),
    ],
)
async def test_an_upload_without_its_optional_file_is_sent_as_parts_all_the_same(
    connect: Connect, recorder: Recorder, tool: str, arguments: dict[str, Any], texts: dict[str, str]
) -> None:
    async with connect(api_url=recorder.url, auth_url=recorder.url, confirm="none") as client:
        await client.call_tool(tool, arguments)
    (request,) = [request for request in recorder.calls if request.media_type != "application/json"]
    assert request.media_type == "multipart/form-data"
    assert all(f'name="{name}"\r\n\r\n{text}\r\n'.encode() in request.body for name, text in texts.items())
    assert b"filename" not in request.body


@pytest.mark.parametrize(
    ("name", "is_sent"),
    [
        *(("demo.mp4", True), ("2026-demo_1.MP4", True), ("giấy_phép.pdf", True)),
        *(("a b.mp4", False), ("a.b.mp4", False), ("_a.mp4", False), (".mp4", False), ("demo", False), ("a.", False)),
    ],
)
async def test_a_file_is_named_as_the_platform_takes_it(
    connect: Connect, recorder: Recorder, name: str, *, is_sent: bool
) -> None:
    async with connect(api_url=recorder.url, auth_url=recorder.url, confirm="none") as client:
        content = base64.b64encode(b"%PDF-1.4").decode()
        result = await client.call_tool("upload_product_file", {"name": name, "file_base64": content})
    assert len(recorder.calls) == int(is_sent)
    if not is_sent:
        assert "file name with an extension" in refused(result, "name")


@pytest.mark.parametrize("tool", ["gs_upload_image", "gs_upload_video", "upload_review_media"])
async def test_an_upload_with_nothing_in_it_is_not_sent(client: Client, recorder: Recorder, tool: str) -> None:
    told = reply(await client.call_tool(tool, {}))
    assert told["error"] == "invalid_arguments"
    assert "_path" in told["message"]
    assert recorder.calls == []


async def test_the_uri_of_an_upload_is_accepted_in_a_new_product(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        told = reply(await client.call_tool("upload_product_image", {"image_base64": base64_png(300, 300)}))
    assert told["data"]["uri"]
    assert told["data"]["url"].startswith("http")
