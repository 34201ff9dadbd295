"""Which files an assistant can have read: regular ones in the allowed folder, and never this server's own state."""

# ruff: noqa: ASYNC240 - a test may wait for its disk
from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.keys import reply
from tests.wire.pictures import png
from tests.wire.recorder import Recorder

if TYPE_CHECKING:
    from tests.conftest import Connect

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and devices are made otherwise there")

PICTURE = png(300, 300)


@pytest.fixture
def era() -> str:
    """Files have nothing to do with the protocol's era: one is enough."""
    return "legacy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "allowed"
    made.mkdir()
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    made.mkdir()
    (made / "picture.png").write_bytes(PICTURE)
    return made


async def upload(connect: Connect, path: str, **more: Any) -> dict[str, Any]:
    """What an upload of this path answers; the error must be about the path."""
    async with connect(sandbox=True, **more) as client:
        result = await client.call_tool("upload_product_image", {"image_path": path, "repeat": True})
    told = reply(result)
    assert bool(result.is_error) == ("error" in told)
    return told


def refused(told: dict[str, Any]) -> str:
    """What is said about the path, in one text."""
    assert told["error"] == "invalid_arguments", told
    (problem,) = told["problems"]
    assert problem["argument"] == "image_path"
    return f"{problem['message']} {problem.get('allowed', '')}"


async def test_a_picture_in_the_folder_is_uploaded(connect: Connect, folder: Path) -> None:
    (folder / "picture.png").write_bytes(PICTURE)
    assert (await upload(connect, str(folder / "picture.png"), files=folder))["data"]["uri"]
    assert (await upload(connect, "picture.png", files=folder))["data"]["uri"]


async def test_a_folder_below_is_allowed_and_a_link_that_stays_inside_too(connect: Connect, folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "picture.png").write_bytes(PICTURE)
    (folder / "link.png").symlink_to(folder / "below" / "picture.png")
    for name in ("below/picture.png", "below/../below/picture.png", "link.png"):
        assert (await upload(connect, name, files=folder))["data"]["uri"], name


async def test_a_name_of_any_script_is_read(connect: Connect, folder: Path) -> None:
    (folder / "茶 — thé (1).png").write_bytes(PICTURE)
    assert (await upload(connect, "茶 — thé (1).png", files=folder))["data"]["uri"]


@pytest.mark.parametrize(
    "name",
    [
        "../outside/picture.png",
        "./../outside/picture.png",
        "nowhere/../../outside/picture.png",
        "/etc/passwd",
        "~/.ssh/id_rsa",
        "~root/.bashrc",
        "~nobody-of-this-name/x.png",
        "//etc/passwd",
        "/proc/self/environ",
        "/proc/self/cwd/pyproject.toml",
    ],
)
@pytest.mark.usefixtures("outside")
async def test_a_way_out_is_no_way(connect: Connect, folder: Path, name: str) -> None:
    said = refused(await upload(connect, name, files=folder))
    assert "outside the allowed folder" in said or "not a file path" in said


async def test_the_absolute_path_of_a_neighbour_is_refused(connect: Connect, folder: Path, outside: Path) -> None:
    assert "outside" in refused(await upload(connect, str(outside / "picture.png"), files=folder))
    # A neighbour whose name begins like the folder's is another folder.
    twin = folder.with_name(folder.name + "-not")
    twin.mkdir()
    (twin / "picture.png").write_bytes(PICTURE)
    assert "outside" in refused(await upload(connect, str(twin / "picture.png"), files=folder))


async def test_links_out_are_not_followed(connect: Connect, folder: Path, outside: Path) -> None:
    (folder / "file.png").symlink_to(outside / "picture.png")
    (folder / "folder").symlink_to(outside, target_is_directory=True)
    (folder / "deep").mkdir()
    (folder / "deep" / "up").symlink_to("../../outside")
    for name in ("file.png", "folder/picture.png", "deep/up/picture.png"):
        assert "outside" in refused(await upload(connect, name, files=folder)), name


async def test_a_link_that_leads_to_itself_is_refused(connect: Connect, folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    refused(await upload(connect, "loop", files=folder))


async def test_a_folder_is_no_file(connect: Connect, folder: Path) -> None:
    (folder / "below").mkdir()
    for name in ("below", ".", str(folder), "below/"):
        refused(await upload(connect, name, files=folder))


async def test_a_pipe_is_refused_without_waiting_for_it(connect: Connect, folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    assert "regular file" in refused(await upload(connect, "pipe.png", files=folder))


async def test_a_device_is_refused(connect: Connect) -> None:
    for name in ("/dev/zero", "/dev/null", "/dev/stdin"):
        refused(await upload(connect, name, files="/dev"))


async def test_a_socket_is_refused(connect: Connect, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
        refused(await upload(connect, "socket.png", files=folder))


async def test_what_is_not_there_is_told_so(connect: Connect, folder: Path) -> None:
    assert "No such file" in refused(await upload(connect, "gone.png", files=folder))
    refused(await upload(connect, "x" * 5000, files=folder))
    refused(await upload(connect, "a\0b.png", files=folder))
    (folder / "file").write_bytes(PICTURE)
    refused(await upload(connect, "file/picture.png", files=folder))


async def test_an_empty_file_is_refused(connect: Connect, folder: Path) -> None:
    (folder / "empty.png").touch()
    assert "empty" in refused(await upload(connect, "empty.png", files=folder))


async def test_the_error_names_the_folder_that_is_allowed(connect: Connect, folder: Path) -> None:
    told = await upload(connect, "/etc/passwd", files=folder)
    assert str(folder) in refused(told)
    assert "TIKTOK_SHOP_FILES" in told["hint"]


async def test_without_a_setting_the_folder_is_files_in_the_home(connect: Connect, home: Path) -> None:
    allowed = home / "sandbox" / "files"
    allowed.mkdir(parents=True)
    (allowed / "picture.png").write_bytes(PICTURE)
    assert (await upload(connect, "picture.png"))["data"]["uri"]
    assert str(allowed) in refused(await upload(connect, "/etc/passwd"))


async def test_a_refused_file_leaves_nothing_open(connect: Connect, folder: Path) -> None:
    (folder / "below").mkdir()
    os.mkfifo(folder / "pipe")
    async with connect(sandbox=True, files=folder) as client:
        before = 0
        for turn in range(6):
            for name in ("below", "pipe", "gone", "below/gone"):
                await client.call_tool("upload_product_image", {"image_path": name})
            if turn == 0:
                before = len(list(Path("/proc/self/fd").iterdir()))
        assert len(list(Path("/proc/self/fd").iterdir())) <= before


# ---- the server's own state


async def with_state(connect: Connect, home: Path, files: Path) -> dict[str, str]:
    """For every file that the server keeps in its home, what reading it as a picture or a PDF says."""
    said: dict[str, str] = {}
    async with Recorder() as recorder:
        recorder.answer("/fulfillment/", data={"doc_url": f"{recorder.url}/label.pdf", "tracking_number": "1"})
        async with connect(api_url=recorder.url, auth_url=recorder.url, files=files) as client:
            await client.call_tool("refresh_access_token", {})  # makes a store and its lock
            await client.call_tool(
                "get_package_shipping_document", {"package_id": "1", "document_type": "SHIPPING_LABEL"}
            )
            kept = [path for path in home.rglob("*") if path.is_file() and "labels" not in path.parts]
            assert any(path.name == "accounts.json" for path in kept)
            assert len(kept) >= 2
            for path in kept:
                for tool, argument in (("upload_product_image", "image_path"), ("resize_pdf", "source")):
                    result = await client.call_tool(tool, {argument: str(path)})
                    told = reply(result)
                    assert told.get("error") == "invalid_arguments", told
                    said[f"{tool} {path.name}"] = told["message"]
    return said


@pytest.mark.parametrize("where", ["home", "root", "parent", "link"])
async def test_the_servers_own_state_is_never_read(connect: Connect, home: Path, tmp_path: Path, where: str) -> None:
    link = tmp_path / "link"
    link.symlink_to(home)
    folders = {"home": home, "root": Path("/"), "parent": tmp_path, "link": link}
    for name, said in (await with_state(connect, home, folders[where])).items():
        assert "outside" in said, name


async def test_the_servers_own_state_is_not_read_where_the_home_is_a_link(
    connect: Connect, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    home.symlink_to(tmp_path / "real")
    for name, said in (await with_state(connect, home, tmp_path)).items():
        assert "outside" in said, name


@pytest.mark.parametrize("opened", ["files", "labels"])
async def test_the_servers_own_state_is_not_read_through_a_link_in_the_home(
    connect: Connect, home: Path, opened: str
) -> None:
    """The parts of the home that may be read open nothing else of it, whatever they are made into."""
    home.mkdir()
    (home / opened).symlink_to(home)
    for name, said in (await with_state(connect, home, home)).items():
        assert "outside" in said, name


async def test_the_state_of_the_real_shop_is_not_read_from_the_simulated_one(connect: Connect, home: Path) -> None:
    home.mkdir()
    (home / "accounts.json").write_text("{}")
    assert "outside" in refused(await upload(connect, str(home / "accounts.json"), files="/"))
    assert "outside" in refused(await upload(connect, "../accounts.json"))


async def test_labels_made_here_can_be_read_again(connect: Connect, folder: Path) -> None:
    """What resize_pdf saved can be merged later, though it stands in the home."""
    from mcp_server_tiktok_shop.sandbox.fulfillment.labels import Sheet, render_pdf

    (folder / "a.pdf").write_bytes(render_pdf([Sheet(("One",))], "A6"))
    async with connect(sandbox=True, files=folder) as client:
        made = reply(await client.call_tool("resize_pdf", {"source": "a.pdf"}))["data"]["path"]
        again = await client.call_tool("resize_pdf", {"source": [made, "a.pdf"]})
    assert reply(again)["data"]["pages"] == 2
