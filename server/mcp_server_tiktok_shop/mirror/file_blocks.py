"""Splits a snapshot's file into blocks by hash, so that parts two versions share are not sent again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.files.private_files import open_private
from mcp_server_tiktok_shop.state.shared_copies import HASH_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HEADER_BYTES = 3 * 4096  # before the first block of a DuckDB file
BLOCK_BYTES = 65536  # of those that are written here


class FileBlocks:
    """The blocks of one file, which does not change any more."""

    def __init__(self, path: Path) -> None:
        """Read it through. Raises OSError."""
        self._path = path
        self.hashes: list[bytes] = []
        with path.open("rb") as file:
            while content := file.read(_find_length(len(self.hashes))):
                self.hashes.append(hash_block(content))
        self._places = {block_hash: number for number, block_hash in enumerate(self.hashes)}

    def __contains__(self, block_hash: bytes) -> bool:
        return block_hash in self._places

    def read(self, block_hash: bytes) -> bytes:
        """The content of a block. Raises OSError."""
        number = self._places[block_hash]
        with self._path.open("rb") as file:
            file.seek(_find_offset(number))
            return file.read(_find_length(number))


class BlockAssembly:
    """A file that is put together of blocks, in whatever order they come."""

    def __init__(self, path: Path, hashes: Sequence[bytes]) -> None:
        """Begin the file. Raises OSError where there is one."""
        self._path = path
        self._places: dict[bytes, list[int]] = {}
        for number, block_hash in enumerate(hashes):
            self._places.setdefault(block_hash, []).append(number)
        with open(path, "xb", opener=open_private):
            pass

    def take_from(self, blocks: FileBlocks) -> None:
        """Take over what another file has of it. Raises OSError."""
        for block_hash in [each for each in self._places if each in blocks]:
            self.write({block_hash: blocks.read(block_hash)})

    def list_missing(self) -> list[bytes]:
        """The hashes of the blocks that are not there yet."""
        return list(self._places)

    def write(self, blocks: Mapping[bytes, bytes]) -> None:
        """Put blocks where they belong; one that is not what its hash says stays missing. Raises OSError."""
        with self._path.open("rb+") as file:
            for block_hash, content in blocks.items():
                if hash_block(content) == block_hash:
                    for number in self._places.pop(block_hash, ()):
                        file.seek(_find_offset(number))
                        file.write(content)


def hash_block(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=HASH_BYTES).digest()


def _find_offset(number: int) -> int:
    return 0 if number == 0 else HEADER_BYTES + (number - 1) * BLOCK_BYTES


def _find_length(number: int) -> int:
    return HEADER_BYTES if number == 0 else BLOCK_BYTES
