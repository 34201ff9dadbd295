"""Which links the platform gave out is known to every process on one home, and no link can be read from the file."""

from __future__ import annotations

import asyncio
import os
import stat
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.state.files.issued_documents import MAX_REMEMBERED_URLS, FileIssuedDocuments
from mcp_server_tiktok_shop.state.stores import DOCUMENT_URL_TTL_S

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_000_000
URL = "https://documents.example/label.pdf?signature=abc"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "documents.txt"


def put(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content, encoding="ascii")


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").splitlines()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_link_is_known_to_the_next_process_and_stored_as_a_fingerprint(path: Path) -> None:
    await FileIssuedDocuments(path, lambda: NOW).remember(URL)
    assert await FileIssuedDocuments(path, lambda: NOW).is_issued(URL)
    assert "abc" not in "".join(lines(path))


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
async def test_the_file_is_its_owners_alone(path: Path) -> None:
    await FileIssuedDocuments(path, lambda: NOW).remember(URL)
    assert mode(path) == 0o600


async def test_old_links_are_forgotten_and_new_ones_are_not(path: Path) -> None:
    put(path, "".join(f"{NOW + n} {n:064x}\n" for n in range(MAX_REMEMBERED_URLS)))
    documents = FileIssuedDocuments(path, lambda: NOW + MAX_REMEMBERED_URLS)
    urls = [f"https://documents.example/{n}" for n in range(40)]
    await asyncio.gather(*(documents.remember(url) for url in urls))
    assert len(lines(path)) == 40
    assert all([await documents.is_issued(url) for url in urls])


async def test_of_too_many_links_the_newest_are_known(path: Path) -> None:
    put(path, "".join(f"{NOW + DOCUMENT_URL_TTL_S} {n:064x}\n" for n in range(MAX_REMEMBERED_URLS)))
    documents = FileIssuedDocuments(path, lambda: NOW)
    await documents.remember(URL)
    assert await documents.is_issued(URL)
    assert len(lines(path)) == MAX_REMEMBERED_URLS
    assert lines(path)[0].endswith(f"{1:064x}")


async def test_a_torn_line_does_no_harm(path: Path) -> None:
    """Two processes write there, and a disk may fill up."""
    documents = FileIssuedDocuments(path, lambda: NOW)
    await documents.remember(URL)
    with path.open("a") as file:
        file.write("17\n\nnonsense here\n108")
    await documents.remember("https://documents.example/2")
    assert await documents.is_issued(URL)
    assert not await documents.is_issued("https://documents.example/3")
